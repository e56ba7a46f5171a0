"""Time that stands still, for an account or for all; and what is changed from outside."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tread_async.simulator import Simulator

CACHED = "/api/sor/get_cached_account_balance"
BALANCES = "/api/balances/"
PAIR = "ETH:PERP-USDT"


def stamps(reply: Any) -> dict[str, int]:
    return {one["account_name"]: one["timestamp_millis"] for one in reply.json()["balances"]}


def date(reply: Any) -> float:
    return parsedate_to_datetime(reply.headers["Date"]).timestamp()


async def test_answers_are_dated_by_the_clock(ask: Callable[..., Any], clock: Any) -> None:
    """To the second, cut off."""
    clock.now += 0.9

    assert date(await ask("GET", BALANCES)) == int(clock.now)


async def test_a_date_that_is_given_is_kept(ask: Callable[..., Any], sim: Simulator) -> None:
    """A fault's header comes first, in any spelling."""
    sim.fail(headers={"date": "Fri, 01 Jan 1999 00:00:00 GMT"})

    assert (await ask("GET", BALANCES)).headers.getall("Date") == ["Fri, 01 Jan 1999 00:00:00 GMT"]


async def test_the_clock_of_the_server_stands_still(
    ask: Callable[..., Any], sim: Simulator, clock: Any
) -> None:
    """The date, the stamps and the figures are those of the moment when the fault was added."""
    before = [await ask("GET", path) for path in (CACHED, BALANCES)]
    sim.fail(stopped_clock=True)
    clock.now += 3600
    after = [await ask("GET", path) for path in (CACHED, BALANCES)]
    sim.heal()
    healed = await ask("GET", CACHED)

    assert [(one.body, date(one)) for one in before] == [(one.body, date(one)) for one in after]
    assert date(healed) == date(after[0]) + 3600
    assert min(stamps(healed).values()) > max(stamps(after[0]).values())


async def test_time_stands_still_for_one_account(ask: Callable[..., Any], sim: Simulator, clock: Any) -> None:
    """Its balances get older, live ones too, and those of the others and the date do not."""
    name = sim.accounts()[2].name
    before = [await ask("GET", path) for path in (CACHED, BALANCES)]
    sim.fail(account=name, stopped_clock=True)
    clock.now += 3600
    after = [await ask("GET", path) for path in (CACHED, BALANCES)]

    was, now = stamps(before[0]), stamps(after[0])
    assert [one for one in was if was[one] == now[one]] == [name]
    assert [one for one, held in before[1].json().items() if held == after[1].json()[one]] == [name]
    assert date(after[0]) == date(before[0]) + 3600


async def test_a_change_shows_although_time_stands_still(
    ask: Callable[..., Any], sim: Simulator, clock: Any
) -> None:
    """The server fetches an account anew that it has changed."""
    account = sim.accounts()[0]
    sim.fail(account=account.name, endpoint="cached_balances", stopped_clock=True)
    clock.now += 60
    await ask("POST", "/api/set_leverage/", {"leverage": "5", "pair": PAIR, "account_ids": [account.id]})

    assert stamps(await ask("GET", CACHED))[account.name] == round(clock.now * 1000)


@pytest.mark.parametrize("equity", ["1234.5", 0, Decimal("-7.00000001")])
async def test_an_equity_is_set(ask: Callable[..., Any], sim: Simulator, clock: Any, equity: Any) -> None:
    """To the last digit, on every exchange, until prices move; the positions stay what they are."""
    before = {one["account_name"]: one for one in (await ask("GET", CACHED)).json()["balances"]}
    for account in sim.accounts():
        sim.set_equity(account.id, equity)
    after = {one["account_name"]: one for one in (await ask("GET", CACHED)).json()["balances"]}

    assert {Decimal(one["equity"]) for one in after.values()} == {Decimal(equity)}
    for name, account in after.items():
        amounts = [
            [row["amount"] for row in one["assets"] if row["asset_type"] == "position"]
            for one in (account, before[name])
        ]
        assert amounts[0] == amounts[1]
    assert sim.journal.changes == []
    clock.now += 100
    moved = (await ask("GET", CACHED)).json()["balances"]
    assert {Decimal(one["equity"]) for one in moved} != {Decimal(equity)}


async def test_no_equity_without_rows() -> None:
    """There is no cash to change."""
    async with Simulator(accounts=["a"], assets=0) as sim:
        with pytest.raises(ValueError, match="no equity to set"):
            sim.set_equity("a", 5)


async def test_a_leverage_is_set(ask: Callable[..., Any], sim: Simulator) -> None:
    """As somebody else would; of a user's own account, and for a pair that it holds."""
    name = sim.accounts(1)[0].name
    sim.set_leverage(name, PAIR, 25, user=1)
    held = (await ask("GET", BALANCES, user=1)).json()[name]["assets"]

    assert sim.account(name, user=1).leverage[PAIR] == "25"
    assert [row["leverage"] for row in held if row["symbol"] == PAIR] == [25.0]
    assert sim.journal.changes == []
    with pytest.raises(ValueError, match=r"has no position of 'X': there are ETH:PERP-USDT, "):
        sim.set_leverage(name, "X", 5, user=1)
