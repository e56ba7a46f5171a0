"""Each method against the simulator: its result, its one request, and its counters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.samples import API_KEY, API_SECRET, EVERY, PAIR, PASSWORD, create
from tests.support.wire import TOKEN, Wire, reply
from tread_async import MarginMode, TreadClient, UsageError
from tread_async.simulator import Simulator

ACCOUNTS = "/api/accounts/"
CACHED = "/api/sor/get_cached_account_balance"


def sent(sim: Simulator) -> list[tuple[str, str, str, object]]:
    """What the journal holds of the requests, as (method, path, query, body)."""
    return [(one.method, one.path, one.query, one.body) for one in sim.journal.requests]


def check_counters(client: TreadClient, sim: Simulator) -> None:
    assert client.stats.requests_sent == len(sim.journal.requests)
    assert client.stats.retries == {}
    assert {request.auth_scheme for request in sim.journal.requests} == {"Token"}


@pytest.mark.trap(12)
async def test_balances(client: TreadClient, sim: Simulator) -> None:
    """Live balances of all accounts, by name in the server's order, exact."""
    found = await client.balances()

    assert list(found) == [account.name for account in sim.accounts()]
    assert all(isinstance(row.size, Decimal) for one in found.values() for row in one.assets)
    assert sent(sim) == [("GET", "/api/balances/", "", None)]
    check_counters(client, sim)


@pytest.mark.trap(1, 2)
async def test_balances_of_some(client: TreadClient, sim: Simulator) -> None:
    """A filter goes out as one query parameter with commas; the result follows the order asked."""
    one, _, two = [account.name for account in sim.accounts()[:3]]
    found = await client.balances([two, one, two])

    assert list(found) == [two, one]
    assert sent(sim) == [("GET", "/api/balances/", f"account_names={two},{one}", None)]


@pytest.mark.trap(12)
async def test_cached_balances(client: TreadClient, sim: Simulator) -> None:
    """Cached balances, in the order asked, from the one path without a slash at its end."""
    one, two = [account.name for account in sim.accounts()[:2]]
    found = await client.cached_balances([two, one])

    assert [account.account_name for account in found.balances] == [two, one]
    assert found.balances[0].as_of is not None
    assert found.errors == ()
    assert sent(sim) == [("GET", CACHED, f"account_names={two},{one}", None)]
    check_counters(client, sim)


@pytest.mark.fault("F30")
async def test_cached_errors(client: TreadClient, sim: Simulator) -> None:
    """What the server lists under errors reaches the caller beside the balances."""
    name = sim.accounts()[0].name
    sim.fail(endpoint="cached_balances", account=name, error="venue down")
    found = await client.cached_balances()

    assert found.errors == ({"account_name": name, "message": "venue down"},)
    assert len(found.balances) == 5


@pytest.mark.fault("F29")
async def test_missing_account(client: TreadClient, sim: Simulator) -> None:
    """An account that the server leaves out is absent from the result; nothing is made up."""
    one, two = [account.name for account in sim.accounts()[:2]]
    sim.fail(account=one, missing=True)

    assert list(await client.balances([one, two])) == [two]
    assert [row.account_name for row in (await client.cached_balances([one, two])).balances] == [two]


@pytest.mark.trap(4, 36)
async def test_accounts(client: TreadClient, sim: Simulator) -> None:
    """Accounts are listed; the archived ones only when asked for, with the text ``true``."""
    await client.archive_account(sim.accounts()[0].name)
    sim.journal.clear()
    live = await client.accounts()
    every = await client.accounts(include_archived=True)

    assert [account.id for account in live] == [account.id for account in sim.accounts()[1:]]
    assert [account.id for account in every] == [account.id for account in sim.accounts()]
    assert [account.archived for account in every] == [True] + [False] * 5
    assert sent(sim) == [("GET", ACCOUNTS, "", None), ("GET", ACCOUNTS, "include_archived=true", None)]


@pytest.mark.trap(8, 9)
async def test_create(client: TreadClient, sim: Simulator) -> None:
    """Creating returns the account as listed, with the id that the answer did not give."""
    made = await create(client, extra={"credential_options": {"spot": True}})

    assert (made.id, made.name, made.exchange) == (sim.accounts()[-1].id, "new", "Binance")
    post, listing = sent(sim)
    assert post[:3] == ("POST", ACCOUNTS, "")
    assert listing == ("GET", ACCOUNTS, "", None)
    assert sim.accounts()[-1].api_key == API_KEY
    check_counters(client, sim)


@pytest.mark.trap(10)
async def test_create_body() -> None:
    """The body has the fields given and no others: no password where none is given."""
    lists = [reply([{"id": made, "name": "new", "exchange": "Binance"}]) for made in "12"]
    script = {"POST": reply(), "GET": lists}
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        await create(client, password=None)
        await create(client, extra={"vault_address": "0x1"})

    fields = {"name": "new", "exchange": "Binance", "api_key": API_KEY, "api_secret": API_SECRET}
    bodies = [request.json() for request in wire.requests if request.method == "POST"]
    assert bodies == [fields, fields | {"password": PASSWORD, "vault_address": "0x1"}]


@pytest.mark.trap(5, 6, 7)
async def test_archive(client: TreadClient, sim: Simulator) -> None:
    """Archiving looks the name up, sends it in a JSON body, and returns the account found by id."""
    before = sim.accounts()[1]
    gone = await client.archive_account(before.name, expect_id=before.id)

    assert (gone.id, gone.archived) == (before.id, True)
    assert gone.name == sim.accounts()[1].name != before.name
    assert sent(sim) == [
        ("GET", ACCOUNTS, "", None),
        ("DELETE", ACCOUNTS, "", {"name": before.name}),
        ("GET", ACCOUNTS, "include_archived=true", None),
    ]
    check_counters(client, sim)


@pytest.mark.trap(6, 11, 31)
async def test_update(client: TreadClient, sim: Simulator) -> None:
    """An update sends the id and the fields given, and nothing that a listing brought, such as masks."""
    listed = (await client.accounts())[0]
    result = await client.update_account(listed.id, margin_mode=MarginMode.CASH)

    assert result is None
    assert sim.accounts()[0].margin_mode == "CASH"
    assert sent(sim)[1] == ("PUT", ACCOUNTS, "", {"id": listed.id, "margin_mode": "CASH"})
    check_counters(client, sim)


async def test_update_of_other_fields(client: TreadClient, sim: Simulator) -> None:
    """Fields that no list shows are sent as they are, once, and nothing is looked up."""
    account_id = sim.accounts()[0].id
    await client.update_account(account_id, extra={"vcefi_enabled": True})

    assert sent(sim) == [("PUT", ACCOUNTS, "", {"id": account_id, "vcefi_enabled": True})]


@pytest.mark.trap(11)
async def test_update_of_nothing(client: TreadClient, sim: Simulator) -> None:
    """An update without a field is refused, and nothing is sent."""
    with pytest.raises(UsageError, match="something to set"):
        await client.update_account(sim.accounts()[0].id)

    assert sim.journal.requests == []


@pytest.mark.trap(14, 15)
@pytest.mark.parametrize("leverage", [7, "7", Decimal("7E0")])
async def test_set_leverage(client: TreadClient, sim: Simulator, leverage: Any) -> None:
    """Leverage goes out as a plain decimal text, always with the pair and the ids."""
    ids = [account.id for account in sim.accounts()[:2]]
    result = await client.set_leverage(leverage, pair=PAIR, account_ids=ids)

    assert result is None
    assert [account.leverage[PAIR] for account in sim.accounts()[:2]] == ["7", "7"]
    body = {"leverage": "7", "pair": PAIR, "account_ids": ids}
    assert sent(sim) == [("POST", "/api/set_leverage/", "", body)]
    check_counters(client, sim)


async def test_headers_of_a_read() -> None:
    """A read says who asks and what it takes, once each, and has neither body nor cookie.

    And that it wants no copy out of a cache on the way.
    """
    async with (
        Wire(reply([])) as wire,
        TreadClient(TOKEN, base_url=wire.url, headers={"X-Desk": "a"}) as client,
    ):
        await client.accounts()

    request = wire.requests[0]
    names = sorted(name for name, _ in request.headers)
    assert names == [
        *("accept", "accept-encoding", "authorization", "cache-control", "host", "user-agent", "x-desk")
    ]
    assert request.header("authorization") == [f"Token {TOKEN}"]
    assert request.header("accept") == ["application/json"]
    assert request.header("accept-encoding") == ["gzip, deflate"]
    assert request.header("cache-control") == ["no-cache"]
    assert request.header("user-agent")[0].startswith("tread-async/")
    assert request.body == b""


async def test_another_cache_control() -> None:
    """What the caller says of caches counts."""
    headers = {"Cache-Control": "no-store"}
    async with (
        Wire(reply([])) as wire,
        TreadClient(TOKEN, base_url=wire.url, headers=headers) as client,
    ):
        await client.accounts()

    assert wire.requests[0].header("cache-control") == ["no-store"]


@pytest.mark.trap(5)
@pytest.mark.parametrize("name", ["update_account", "set_leverage", "create_account (once)"])
async def test_headers_of_a_write(name: str) -> None:
    """A write says that its body is JSON, and how long it is; a scheme of your own stands first."""
    script = {
        "PUT": reply(),
        "POST": reply(),
        "GET": reply([{"id": "1", "name": "new", "exchange": "Binance"}]),
    }
    async with (
        Wire(script) as wire,
        TreadClient(TOKEN, base_url=wire.url, auth_scheme="Bearer") as client,
    ):
        await EVERY[name](client)

    request = wire.requests[0]
    assert request.header("content-type") == ["application/json"]
    assert request.header("content-length") == [str(len(request.body))]
    assert request.header("authorization") == [f"Bearer {TOKEN}"]
    assert request.header("transfer-encoding") == []
    assert request.header("cache-control") == []


async def test_path_in_front() -> None:
    """A path in the base URL stays in front of every path, and a slash at its end changes nothing."""
    async with Wire(reply([])) as wire, TreadClient(TOKEN, base_url=wire.url + "/desk/") as client:
        await client.accounts()
        await client.request("GET", "/api/x")

    assert [request.target for request in wire.requests] == ["/desk/api/accounts/", "/desk/api/x"]


async def test_bytes_received(client: TreadClient, sim: Simulator) -> None:
    """Received bytes are counted after decompression; counters belong to one client."""
    await client.accounts()
    listed = client.stats.bytes_received
    await client.accounts()

    assert client.stats.bytes_received == 2 * listed > 0
