"""The four writes: what they change, what they refuse, and how."""

from __future__ import annotations

from typing import Any

import pytest

from tread_async.simulator import Simulator

DONE = {"message": "Successfully created abcdef"}
ACCOUNTS = "/api/accounts/"
LEVERAGE = "/api/set_leverage/"
CACHED = "/api/sor/get_cached_account_balance"
NEW = {"name": "new", "api_key": "k" * 24, "api_secret": "s", "exchange": "Binance"}
PAIR = "ETH:PERP-USDT"


async def test_create(ask: Any, sim: Simulator) -> None:
    """A created account appears in all three reads, and the answer is the opaque message."""
    reply = await ask("POST", ACCOUNTS, NEW)

    assert (reply.status, reply.json()) == (200, DONE)
    assert sim.accounts()[-1].name == "new"
    assert (await ask("GET", ACCOUNTS)).json()[-1]["api_key"] == "k" * 24
    assert len((await ask("GET", "/api/balances/")).json()["new"]["assets"]) == 4
    assert (await ask("GET", CACHED)).json()["balances"][-1]["account_name"] == "new"


@pytest.mark.parametrize("field", ["name", "api_key", "api_secret", "exchange"])
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (..., "This field is required."),
        (None, "This field may not be null."),
        (3, "Not a valid string."),
        (" ", "This field may not be blank."),
    ],
)
async def test_create_refuses(ask: Any, sim: Simulator, field: str, value: Any, complaint: str) -> None:
    """A missing, null, wrong or blank field is a 400 that maps the field to its complaint."""
    body: dict[str, Any] = {**NEW, field: value}
    if value is ...:
        del body[field]
    reply = await ask("POST", ACCOUNTS, body)

    assert (reply.status, reply.json()) == (400, {field: [complaint]})
    assert len(sim.accounts()) == 6


@pytest.mark.parametrize(
    ("change", "field"),
    [({"exchange": "Nowhere"}, "exchange"), ({"exchange": "OKX"}, "password")],
)
async def test_create_exchange(ask: Any, change: dict[str, str], field: str) -> None:
    """An unknown exchange, and a missing password where the exchange needs one, are 400."""
    reply = await ask("POST", ACCOUNTS, {**NEW, **change})

    assert reply.status == 400
    assert list(reply.json()) == [field]


async def test_name_is_unique_per_user(ask: Any, sim: Simulator) -> None:
    """A taken name is refused, another user may have it, and archiving sets it free."""
    await ask("POST", ACCOUNTS, NEW)
    again = await ask("POST", ACCOUNTS, NEW)
    other = await ask("POST", ACCOUNTS, NEW, user=1)
    await ask("DELETE", ACCOUNTS, {"name": "new"})
    freed = await ask("POST", ACCOUNTS, NEW)

    assert (again.status, list(again.json())) == (400, ["name"])
    assert other.status == freed.status == 200


async def test_archive(ask: Any, sim: Simulator) -> None:
    """Archiving renames the account, keeps its id and takes it out of the balances."""
    before = sim.accounts()[0]
    reply = await ask("DELETE", ACCOUNTS, {"name": before.name})
    after = sim.accounts()[0]

    assert (reply.status, reply.json()) == (200, DONE)
    assert after.id == before.id
    assert after.archived
    assert after.name.startswith(f"{before.name}_archived_")
    assert len(after.name.rpartition("_")[2]) == 36
    assert before.name not in (await ask("GET", "/api/balances/")).json()
    assert (await ask("GET", f"{CACHED}?account_names={after.name}")).json() == {"balances": []}


async def test_archive_is_not_idempotent(ask: Any, sim: Simulator) -> None:
    """A second archive, by the old name or the new one, is 404; without a name it is 400."""
    name = sim.accounts()[0].name
    await ask("DELETE", ACCOUNTS, {"name": name})

    assert (await ask("DELETE", ACCOUNTS, {"name": name})).status == 404
    assert (await ask("DELETE", ACCOUNTS, {"name": sim.accounts()[0].name})).status == 404
    missing = await ask("DELETE", ACCOUNTS)
    assert (missing.status, missing.json()) == (400, {"name": ["This field is required."]})


@pytest.mark.parametrize("mode", ["ISOLATED", "CROSS", "CASH"])
async def test_update(ask: Any, sim: Simulator, mode: str) -> None:
    """The margin mode can be set to each documented value and is listed."""
    reply = await ask("PUT", ACCOUNTS, {"id": sim.accounts()[1].id, "margin_mode": mode})

    assert (reply.status, reply.json()) == (200, DONE)
    assert (await ask("GET", ACCOUNTS)).json()[1]["margin_mode"] == mode


async def test_update_refuses(ask: Any, sim: Simulator) -> None:
    """An unknown, archived or foreign id is 404; a missing id or an unknown mode is 400; nothing changes."""
    first, foreign = sim.accounts()[0], sim.accounts(1)[0]
    await ask("DELETE", ACCOUNTS, {"name": first.name})
    sim.journal.clear()

    for one in ("no-such-id", first.id, foreign.id):
        reply = await ask("PUT", ACCOUNTS, {"id": one, "margin_mode": "CASH"})
        assert reply.status == 404
        assert list(reply.json()) == ["message"]
    assert (await ask("PUT", ACCOUNTS, {"margin_mode": "CASH"})).json() == {"id": ["This field is required."]}
    for mode in ("cross", None, 3, ["CASH"]):
        reply = await ask("PUT", ACCOUNTS, {"id": sim.accounts()[1].id, "margin_mode": mode})
        assert (reply.status, list(reply.json())) == (400, ["margin_mode"])
    assert sim.journal.changes == []


async def test_update_of_nothing(ask: Any, sim: Simulator) -> None:
    """An update that names no field succeeds and changes nothing."""
    assert (await ask("PUT", ACCOUNTS, {"id": sim.accounts()[0].id})).status == 200
    assert sim.journal.changes == []


async def leverages(ask: Any, name: str) -> tuple[Any, Any]:
    live = (await ask("GET", f"/api/balances/?account_names={name}")).json()[name]["assets"]
    cached = (await ask("GET", f"{CACHED}?account_names={name}")).json()["balances"][0]["assets"]
    return tuple(next(row["leverage"] for row in rows if row["symbol"] == PAIR) for rows in (live, cached))


async def test_set_leverage(ask: Any, sim: Simulator, clock: Any) -> None:
    """Leverage is set for one pair of the named accounts, and both balance calls show it in their own way."""
    one, two = sim.accounts()[:2]
    clock.now += 0.5
    body = {"leverage": "7.0", "pair": PAIR, "account_ids": [one.id]}
    reply = await ask("POST", LEVERAGE, body)

    assert (reply.status, reply.json()) == (200, {"message": "Leverage changed successfully."})
    assert await leverages(ask, one.name) == (7.0, "7")
    assert sim.accounts()[0].leverage == {**one.leverage, PAIR: "7"}
    assert sim.accounts()[1].leverage == two.leverage
    cached = (await ask("GET", f"{CACHED}?account_names={one.name}")).json()["balances"][0]
    assert cached["timestamp_millis"] == clock.now * 1000


async def test_changes_show_at_once(ask: Any, sim: Simulator) -> None:
    """A change shows in the next read although no time has passed since the one before it."""
    account = sim.accounts()[0]
    before = await leverages(ask, account.name), (await ask("GET", ACCOUNTS)).json()[0]["margin_mode"]
    await ask("POST", LEVERAGE, {"leverage": "77", "account_ids": [account.id]})
    await ask("PUT", ACCOUNTS, {"id": account.id, "margin_mode": "CASH"})
    after = await leverages(ask, account.name), (await ask("GET", ACCOUNTS)).json()[0]["margin_mode"]

    assert before == ((float(account.leverage[PAIR]), account.leverage[PAIR]), "CROSS")
    assert after == ((77.0, "77"), "CASH")


async def test_omitted_means_all(ask: Any, sim: Simulator) -> None:
    """Without a pair every pair changes, without accounts every account of the user does, and no other's."""
    foreign = sim.accounts(1)
    await ask("POST", LEVERAGE, {"leverage": "2.5"})

    assert all(set(account.leverage.values()) == {"2.5"} for account in sim.accounts())
    assert sim.accounts(1) == foreign


async def test_empty_list_means_none(ask: Any, sim: Simulator) -> None:
    """An empty list of accounts names no account."""
    before = sim.accounts()

    assert (await ask("POST", LEVERAGE, {"leverage": "2", "account_ids": []})).status == 200
    assert sim.accounts() == before


async def test_unknown_id_refuses_the_batch(ask: Any, sim: Simulator) -> None:
    """One unknown id is a 422 and nothing is applied."""
    before = sim.accounts()
    reply = await ask("POST", LEVERAGE, {"leverage": "2", "account_ids": [before[0].id, "no-such-id"]})

    assert (reply.status, reply.json()) == (422, {"message": "Failed to set leverage"})
    assert sim.accounts() == before


@pytest.mark.parametrize("ids", ["x", None, {}, [1], ["a", None]])
async def test_bad_account_ids(ask: Any, ids: Any) -> None:
    """``account_ids`` that are not a list of strings are refused in the documented words."""
    reply = await ask("POST", LEVERAGE, {"leverage": "2", "account_ids": ids})

    assert (reply.status, reply.json()) == (400, {"errors": ["account_ids must be an array of strings"]})


@pytest.mark.parametrize(
    "leverage", [..., None, 5, 5.0, "", "0", "0.00", "-1", "1e1", "NaN", " 5", "5.", "²"]
)
async def test_bad_leverage(ask: Any, sim: Simulator, leverage: Any) -> None:
    """Anything but a positive plain decimal string is refused with a list of errors."""
    before = sim.accounts()
    reply = await ask("POST", LEVERAGE, {} if leverage is ... else {"leverage": leverage})

    assert reply.status == 400
    assert [type(one) for one in reply.json()["errors"]] == [str]
    assert sim.accounts() == before


async def test_bad_pair(ask: Any) -> None:
    """A pair must be a string, and an explicit null is not an omission."""
    for pair in (None, 3, ""):
        assert (await ask("POST", LEVERAGE, {"leverage": "2", "pair": pair})).status == 400
