"""How few requests a snapshot costs, by the server's own count, and how long their URLs are."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from tests.support.desks import desk, keys
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tread_async import AccountKey, Failed, ProtocolError
from tread_async.simulator import Simulator

MIB = 1024 * 1024
MAX_URL_BYTES = 4096


def numbered(count: int, **fields: Any) -> list[Held]:
    return [Held(name=f"binance-main-{n:05d}", amount=f"{n}.5", **fields) for n in range(count)]


def check_all(snapshot: Any, count: int) -> None:
    """Every account is ok, with its own balance."""
    assert snapshot.counts["ok"] == len(snapshot.outcomes) == count
    for key, balance in snapshot.ok.items():
        assert str(balance.rows[0].amount) == f"{int(key.name[-5:])}.5"


@pytest.mark.parametrize("source", ["live", "cached"])
async def test_every_account_of_every_token(source: Any) -> None:
    """All accounts cost one request for each token, without a filter, and one to list it the first time."""
    users = [User(token=f"canary-t{n}", accounts=numbered(30)) for n in range(3)]
    async with FleetServer(*users) as wire, desk(wire) as manager:
        sent = [(await manager.balances(source=source)).requests_sent for _ in range(3)]

    endpoint = {"live": "balances", "cached": "cached_balances"}[source]
    assert sent == [6, 3, 3]
    for user in users:
        assert user.filters(endpoint) == [None] * 3
        assert user.count("accounts") == 1


async def test_some_accounts_by_key() -> None:
    """A few accounts that are named with their credential cost one request, and no listing."""
    user = User(token="canary-t", accounts=numbered(30))
    async with FleetServer(user) as wire, desk(wire) as manager:
        names = [user.accounts[n].name for n in (7, 3, 29)]
        snapshot = await manager.balances(keys("a", names))

    assert [key.name for key in snapshot.outcomes] == names
    assert user.filters() == [tuple(names)]
    assert (snapshot.requests_sent, wire.count()) == (1, 1)


async def test_all_by_name_once_they_are_listed() -> None:
    """Whoever names all of a token that is listed, in any order, sends no names."""
    user = User(token="canary-t", accounts=numbered(30))
    async with FleetServer(user) as wire, desk(wire) as manager:
        listing = await manager.accounts()
        asked = random.Random(7).sample(list(listing.accounts), 30)
        snapshot = await manager.balances(asked)

    assert list(snapshot.outcomes) == asked
    assert user.filters() == [None]


@pytest.mark.parametrize("source", ["live", "cached"])
async def test_a_thousand_by_name(source: Any) -> None:
    """1,000 of 3,000 accounts by name are at most 8 requests, each of at most 4 KiB of URL and named once."""
    user = User(token="canary-t", accounts=numbered(3000))
    async with FleetServer(user) as wire, desk(wire) as manager:
        asked = random.Random(7).sample([one.name for one in user.accounts], 1000)
        snapshot = await manager.balances(keys("a", asked), source=source)

    check_all(snapshot, 1000)
    assert [key.name for key in snapshot.outcomes] == asked
    assert snapshot.requests_sent == wire.count() <= 8
    assert max(one.url_bytes for one in user.seen) <= MAX_URL_BYTES
    assert sorted(name for one in user.seen for name in one.names or ()) == sorted(asked)


async def test_long_names() -> None:
    """Names of a kilobyte, of which every byte is escaped, still fit: one to a request."""
    user = User(token="canary-t", accounts=[Held(name=f"{n}" + "ü" * 511) for n in range(4)] + numbered(1))
    async with FleetServer(user) as wire, desk(wire) as manager:
        snapshot = await manager.balances(keys("a", [one.name for one in user.accounts[:4]]))

    assert snapshot.counts["ok"] == 4
    assert max(one.url_bytes for one in user.seen) <= MAX_URL_BYTES
    assert wire.count() == 4


async def test_name_with_a_comma() -> None:
    """A name that no list can hold is fetched with everything, once, and brings nobody else along."""
    user = User(token="canary-t", accounts=[Held(name="a,b"), *numbered(20)])
    async with FleetServer(user) as wire, desk(wire) as manager:
        snapshot = await manager.balances(keys("a", ["binance-main-00003", "a,b", "binance-main-00001"]))

    assert [key.name for key in snapshot.ok] == ["binance-main-00003", "a,b", "binance-main-00001"]
    assert user.filters() == [None]
    assert snapshot.unexpected == ()


async def test_name_with_a_comma_among_too_many() -> None:
    """Where everything does not fit into one answer, only the name with a comma asks for it."""
    accounts = [Held(name="a,b"), *numbered(120, padding=60_000)]
    user = User(token="canary-t", accounts=accounts)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        await manager.accounts()
        await manager.balances()  # tells how long an account is
        before = len(user.filters())
        snapshot = await manager.balances(keys("a", ["binance-main-00003", "a,b"]))

    assert snapshot.counts["ok"] == 2
    assert sorted(user.filters()[before:], key=str) == [("binance-main-00003",), None]


@pytest.mark.parametrize(("count", "honours_filter"), [(10_000, True), (3_000, False)])
async def test_ten_thousand_accounts(count: int, honours_filter: bool) -> None:
    """Thousands of accounts of one token arrive whole; once it is known how long they are, in one request."""
    user = User(token="canary-t", accounts=numbered(count), honours_filter=honours_filter)
    async with FleetServer(user) as wire, desk(wire) as manager:
        first = await manager.balances()
        again = await manager.balances()

    check_all(first, count)
    check_all(again, count)
    assert max(one.url_bytes for one in user.seen) <= MAX_URL_BYTES
    assert wire.count() == first.requests_sent + again.requests_sent
    assert first.requests_sent <= 2 + count // 200  # names of 20 bytes, 4 KiB of them at a time
    assert again.requests_sent == 1


async def test_the_simulators_total() -> None:
    """The equity of all accounts of two tokens is what the simulator's journal says it sent."""
    async with Simulator(seed=7, tokens=2, accounts=500, assets=1) as sim, desk(sim) as manager:
        snapshot = await manager.balances(source="cached")

    sent = [request for request in sim.journal.requests if request.endpoint == "cached_balances"]
    assert snapshot.complete
    assert len(sent) == 2
    assert len(snapshot.outcomes) == 1000
    assert snapshot.total_equity(allow_partial=True) == sum(Decimal(str(one.equity)) for one in sent)


async def test_too_large_an_answer() -> None:
    """An answer above 8 MiB is split until it fits, and the next snapshot asks for no more than fits."""
    user = User(token="canary-t", accounts=numbered(200, padding=60_000))
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        first = await manager.balances()
        sent = wire.count("balances")
        second = await manager.balances()

    check_all(first, 200)
    check_all(second, 200)
    assert sent <= 5  # all, two halves that fit, and no more attempts at what cannot work
    assert wire.count("balances") - sent == 3  # 12 MB in parts of at most 4 MiB
    assert all(names is not None and len(names) * 60_000 < 4 * MIB for names in user.filters()[sent:])


async def test_one_account_too_large() -> None:
    """One account that alone is larger than any answer may be fails alone."""
    accounts = numbered(12)
    accounts[5].padding = 9 * MIB
    user = User(token="canary-t", accounts=accounts)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances()

    (failed,) = [key for key, outcome in snapshot.outcomes.items() if isinstance(outcome, Failed)]
    error = snapshot.outcomes[failed].error  # type: ignore[union-attr]
    assert (failed.name, snapshot.counts["ok"]) == ("binance-main-00005", 11)
    assert isinstance(error, ProtocolError)
    assert error.too_large
    assert wire.count("balances") <= 10


async def test_errors_that_many_answers_repeat() -> None:
    """A cache that ignores the filter repeats its errors with each batch: each is said once, or settled."""
    names = [f"{n}" + "ü" * 200 for n in range(8)]
    accounts = [Held(name=name) for name in names]
    accounts[1].cached, accounts[6].cached = "error by name", "error as text"
    user = User(token="canary-t", accounts=[*accounts, Held(name="z")], honours_filter=False)
    async with FleetServer(user) as wire, desk(wire) as manager:
        snapshot = await manager.balances(keys("a", names), source="cached")

    assert wire.count() > 1
    assert snapshot.errors == {"a": (f"could not read {names[6]}",)}
    assert snapshot.counts == {"ok": 6, "stale": 0, "failed": 1, "missing": 1}


async def test_stats() -> None:
    """The counters of each credential that has sent anything are those of the server."""
    users = [User(token=f"canary-t{n}", accounts=numbered(3)) for n in range(3)]
    async with FleetServer(*users) as wire, desk(wire) as manager:
        assert manager.stats == {}
        await manager.balances(keys("a", ["binance-main-00001"]))
        await manager.balance(AccountKey("c", "binance-main-00002"))
        stats = manager.stats

    assert {name: each.requests_sent for name, each in stats.items()} == {"a": 1, "c": 1}
    assert [user.count() for user in users] == [1, 0, 1]
