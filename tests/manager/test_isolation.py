"""An account that spoils every request it is in: only it fails, and finding it takes few requests."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from tests.support.desks import desk, keys
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import FAST, ONE_TRY
from tread_async import (
    AccountKey,
    DeadlineExceededError,
    Failed,
    RejectedError,
    RetryPolicy,
    ServerError,
    SessionManager,
    Snapshot,
    TransportError,
)

COUNT = 40
HALVINGS = math.ceil(math.log2(COUNT))
KINDS: dict[str, Any] = {
    "500": ServerError,
    "400": RejectedError,
    "cut": TransportError,
    "hang": DeadlineExceededError,
}
HASTY = RetryPolicy(attempts=1, attempt_timeout_s=0.15)


def spoilt(kind: Any, *places: int, **fields: Any) -> User:
    """40 accounts; those at *places* spoil what they are in, of either source."""
    accounts = [Held(name=f"x{n:02}", amount=f"{n}.5") for n in range(COUNT)]
    for place in places:
        accounts[place].live = accounts[place].cached = kind
    return User(token="canary-t", accounts=accounts, **fields)


def check(snapshot: Snapshot, error: Any, *places: int) -> None:
    """Those at *places* failed with *error*, and every other account has its own balance."""
    failed = {key: outcome for key, outcome in snapshot.outcomes.items() if isinstance(outcome, Failed)}
    assert [key.name for key in failed] == [f"x{place:02}" for place in places]
    assert {type(outcome.error) for outcome in failed.values()} == {error}
    assert len(snapshot.outcomes) == COUNT
    assert snapshot.ok.keys() == snapshot.outcomes.keys() - failed.keys()
    for key, balance in snapshot.ok.items():
        assert str(balance.rows[0].amount) == f"{int(key.name[1:])}.5"


@pytest.mark.parametrize("source", ["live", "cached"])
@pytest.mark.parametrize("place", [0, 20, 27, 39])
@pytest.mark.parametrize("kind", ["500", "400", "cut"])
async def test_one(kind: str, place: int, source: Any) -> None:
    """One account that spoils what it is in costs two requests for each halving, and three to look first."""
    user = spoilt(kind, place)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances(source=source)

    check(snapshot, KINDS[kind], place)
    assert wire.count() == snapshot.requests_sent
    assert wire.count() - wire.count("accounts") <= 1 + 3 + 2 * HALVINGS


async def test_one_that_hangs() -> None:
    """One account for which the server does not answer holds nobody up for longer than the attempts last."""
    user = spoilt("hang", 27)
    async with FleetServer(user) as wire, desk(wire, retry=HASTY) as manager:
        snapshot = await manager.balances()

    check(snapshot, DeadlineExceededError, 27)
    assert user.count("balances") <= 1 + 3 + 2 * HALVINGS


async def test_by_name() -> None:
    """It makes no difference whether all are asked for or each is named, without a list of the accounts."""
    user = spoilt("500", 13)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances(keys("a", [one.name for one in user.accounts]))

    check(snapshot, ServerError, 13)
    assert user.count("accounts") == 0


@pytest.mark.parametrize("places", [(3, 4), (0, 39), (0, 20, 39, 7, 8), (5, 6, 7, 8, 9), (0, 1, 2, 37, 38)])
async def test_several(places: tuple[int, ...]) -> None:
    """Several spoilt accounts are found together, in no more requests than each would take alone."""
    user = spoilt("500", *places)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances()

    if set(places) >= {0, 20, 39}:  # those that are looked at first: it is taken for an outage
        assert snapshot.counts["failed"] == COUNT
        assert user.count("balances") == 4
    else:
        check(snapshot, ServerError, *sorted(places))
        assert user.count("balances") <= 1 + 3 + 2 * HALVINGS * len(places)


@pytest.mark.parametrize("kind", ["500", "400", "cut"])
async def test_attempts_are_the_accounts_own(kind: str) -> None:
    """Alone, the account has all the attempts that the policy gives it; its error says how many."""
    user = spoilt(kind, 11)
    async with FleetServer(user) as wire, desk(wire, retry=FAST) as manager:
        snapshot = await manager.balances()

    check(snapshot, KINDS[kind], 11)
    alone = user.filters().count(("x11",))
    assert alone == (1 if kind == "400" else FAST.attempts)
    assert snapshot.outcomes[AccountKey("a", "x11")].error.attempts == alone  # type: ignore[union-attr]


async def test_a_few_accounts() -> None:
    """In a list of four or fewer each is tried alone, even if all but one of them are spoilt."""
    user = spoilt("500", 0, 1, 3)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances(keys("a", ["x00", "x01", "x02", "x03"]))

    assert [outcome.__class__.__name__ for outcome in snapshot.outcomes.values()] == [
        "Failed", "Failed", "Ok", "Failed",
    ]  # fmt: skip
    assert wire.count() <= 7


async def test_a_name_with_a_comma_is_spoilt_by_others() -> None:
    """A name that only a request for everything brings fails with it, and the names beside it do not."""
    user = spoilt("500", 4)
    user.accounts[9].name = "x,9"
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances()

    failed = [key.name for key, outcome in snapshot.outcomes.items() if isinstance(outcome, Failed)]
    assert failed == ["x04", "x,9"]
    assert snapshot.counts["ok"] == COUNT - 2


async def test_names_with_commas_where_it_looks_first() -> None:
    """Whether anything answers is told by names that can be asked for alone, wherever they stand."""
    user = spoilt("500", 4)
    for place in (0, 1, 19, 20, 21, 38, 39):
        user.accounts[place].name = f"x,{place}"
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances()

    failed = [key.name for key, outcome in snapshot.outcomes.items() if isinstance(outcome, Failed)]
    assert failed == [one.name for one in user.accounts if "," in one.name or one.live == "500"]


async def test_a_filter_that_is_ignored() -> None:
    """Where the server sends everything whatever is asked, no split can help: all fail, and few are sent."""
    user = spoilt("500", 4, honours_filter=False)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances()

    assert snapshot.counts["failed"] == COUNT
    assert user.count("balances") == 4


async def test_two_tokens() -> None:
    """The other token is asked once, whatever is wrong with accounts of the first."""
    bad, good = spoilt("500", 4, 30), spoilt("500")
    good.token = "canary-u"
    async with FleetServer(bad, good) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances()

    assert snapshot.counts == {"ok": 2 * COUNT - 2, "stale": 0, "failed": 2, "missing": 0}
    assert good.count("balances") == 1


async def test_it_is_remembered() -> None:
    """Whoever spoilt the last snapshot is asked alone in the next, and need not be looked for again."""
    user = spoilt("500", 4)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        first = await manager.balances()
        second = await manager.balances()

    for snapshot in (first, second):
        check(snapshot, ServerError, 4)
    assert first.requests_sent > 8
    assert second.requests_sent <= 3


async def test_it_recovers() -> None:
    """When the account answers again, so does the snapshot, and soon at the price of one request."""
    user = spoilt("500", 4)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        first = await manager.balances()
        user.accounts[4].live = "fine"
        later = [await manager.balances() for _ in range(3)]

    assert not first.complete
    assert all(snapshot.complete for snapshot in later)
    assert later[-1].requests_sent == 1


async def test_asked_alone_by_balance() -> None:
    """A single call for the spoilt account raises its error; those who share the request are answered."""
    user = spoilt("500", 4)
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        await check_shared(manager)

    assert wire.count("balances") <= 1 + 3 + 2 * HALVINGS


async def check_shared(manager: SessionManager) -> None:
    asked = keys("a", [f"x{n:02}" for n in range(COUNT)])
    ended = await asyncio.gather(*[manager.balance(key) for key in asked], return_exceptions=True)
    assert [type(one).__name__ for one in ended] == [
        "ServerError" if n == 4 else "Balance" for n in range(COUNT)
    ]
