"""Who reads the same accounts again decodes what has changed."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.samples import replies
from tests.support.desks import desk, keys
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tread_async import AccountKey, SessionManager
from tread_async._fleet.recall import Recall

NAMES = ["w", "x", "y"]
W, X, Y = keys("a", NAMES)


def served(**fields: Any) -> FleetServer:
    return FleetServer(User(token="canary-t", accounts=[Held(name=name, **fields) for name in NAMES]))


async def read(manager: SessionManager, source: Any, *accounts: AccountKey) -> dict[AccountKey, Any]:
    snapshot = await manager.balances(accounts or None, source=source, max_age_s=60.0)
    assert snapshot.complete
    return {key: balance.wire for key, balance in snapshot.ok.items()}


@pytest.mark.parametrize("source", ["cached", "live", "auto"])
@pytest.mark.parametrize("accounts", [(), (W, X, Y)])
async def test_what_has_not_changed_is_the_same_object(source: str, accounts: tuple[AccountKey, ...]) -> None:
    """From the second read on, which is the first that is remembered."""
    async with served(stamp=round(time.time() * 1000)) as wire, desk(wire) as manager:
        once, twice, again = [await read(manager, source, *accounts) for _ in range(3)]
        wire.users[0].accounts[1].amount = "2.5"
        changed = await read(manager, source, *accounts)

    assert once == twice == again
    assert not any(once[key] is twice[key] for key in once)
    assert all(twice[key] is again[key] for key in once)
    assert [changed[key] is again[key] for key in (W, X, Y)] == [True, False, True]
    assert str(changed[X].assets[0]).count("2.5") == 1


async def test_a_stamp_that_moves_is_told() -> None:
    """Although nothing else is decoded anew."""
    async with served(stamp=1_700_000_000_000) as wire, desk(wire) as manager:
        for _ in range(2):
            before = (await manager.balances(source="cached")).ok
        for account in wire.users[0].accounts:
            account.stamp += 1000
        after = (await manager.balances(source="cached")).ok

    assert [after[key].as_of_s - before[key].as_of_s for key in after] == [1.0, 1.0, 1.0]  # type: ignore[operator]
    assert all(after[key].wire.assets is before[key].wire.assets for key in after)


@pytest.mark.parametrize("source", ["cached", "live"])
@pytest.mark.parametrize(("changed", "until", "known_again"), [(8, 70, 68), (9, 70, 3), (9, 30, 37)])
async def test_where_nearly_all_changes_it_is_tried_now_and_then(
    source: str, changed: int, until: int, known_again: int
) -> None:
    """Two reads after each 30 that did without; and all from then on, when less changes again."""
    stamp = round(time.time() * 1000)
    user = User(token="canary-t", accounts=[Held(name=str(number), stamp=stamp) for number in range(10)])
    constant, before, again = AccountKey("a", "9"), None, 0
    async with FleetServer(user) as wire, desk(wire) as manager:
        for number in range(70):
            for account in user.accounts[: changed if number < until else 0]:
                account.amount = str(number)
            after = (await read(manager, source))[constant]
            again += after is before
            before = after

    assert again == known_again


@pytest.mark.parametrize("accounts", [(), (W, X, Y)])
async def test_after_a_pause_it_is_let_go(accounts: tuple[AccountKey, ...]) -> None:
    async with served(stamp=round(time.time() * 1000)) as wire, desk(wire) as manager:
        _, twice = [await read(manager, "cached", *accounts) for _ in range(2)]
        recall = recall_of(manager)
        assert recall._memory is not None
        assert recall._memory.size == len(twice)
        recall._read_at -= 60.0
        later = await read(manager, "cached", *accounts)
        assert recall._memory.size == 0

    assert not any(later[key] is twice[key] for key in twice)


def test_it_is_let_go_in_steps() -> None:
    """To let go of so many accounts at once holds the loop."""
    recall = Recall("cached")
    _, endpoint = [recall.endpoint(now) for now in (0.0, 1.0)]
    assert endpoint is not None
    endpoint.decode(replies(accounts=1000)[1])
    assert recall.endpoint(100.0) is None
    forgetting, memory = recall.forgetting(()), recall._memory
    assert forgetting is not None
    assert memory is not None
    sizes = [memory.size for _ in forgetting]

    assert sizes[0] == 1000
    assert max(a - b for a, b in itertools.pairwise(sizes)) <= 64
    assert recall.forgetting(()) is None


@given(st.lists(st.floats(0, 100)))
def test_only_who_reads_again_within_a_minute_pays_for_a_memory(gaps_s: list[float]) -> None:
    recall, now = Recall("cached"), 1000.0
    assert recall.endpoint(now) is None
    for gap_s in gaps_s:
        now += gap_s
        assert (recall.endpoint(now) is not None) == (gap_s < 60.0)


@pytest.mark.parametrize("by_key", [False, True])
async def test_accounts_that_are_gone_are_forgotten(by_key: bool) -> None:
    """Whatever names a server comes up with, each time others."""
    asked = (W, X, Y) if by_key else None
    async with (
        FleetServer(user := User(token="canary-t", honours_filter=False)) as wire,
        desk(wire) as manager,
    ):
        user.accounts = [Held(name=name) for name in NAMES]
        await manager.accounts()
        for number in range(30):
            strange = [Held(name=f"{number} {one}", listed=False) for one in range(20)]
            user.accounts[len(NAMES) :] = strange
            await manager.balances(asked, source="cached")
        memory = recall_of(manager)._memory

    assert memory is not None
    assert len(NAMES) <= memory.size < 150


@pytest.mark.parametrize(("known", "wanted", "is_left"), [(100, 0, True), (101, 0, False), (104, 2, True)])
def test_a_few_that_are_gone_are_left(known: int, wanted: int, is_left: bool) -> None:
    """As many as are wanted, and a hundred more, are not worth a look at all names with each read."""
    recall = Recall("cached")
    _, endpoint = [recall.endpoint(now) for now in (0.0, 1.0)]
    assert endpoint is not None
    endpoint.decode(replies(accounts=known)[1])
    forgetting = recall.forgetting(range(wanted))  # type: ignore[arg-type]

    assert (forgetting is None) == is_left


async def test_who_reads_a_few_between_has_all_the_same() -> None:
    """What is listed is not forgotten because somebody asks for one account."""
    stamp = round(time.time() * 1000)
    user = User(token="canary-t", accounts=[Held(name=str(number), stamp=stamp) for number in range(110)])
    async with FleetServer(user) as wire, desk(wire) as manager:
        for _ in range(2):
            before = await read(manager, "cached")
        await read(manager, "cached", AccountKey("a", "0"))
        after = await read(manager, "cached")

    assert all(after[key] is before[key] for key in after)


async def test_a_name_that_stands_twice_at_first() -> None:
    """One of which others were said at once, when nothing was known, has not changed from read to read."""
    stamp = round(time.time() * 1000)
    accounts = [Held(name=name, stamp=stamp) for name in NAMES]
    accounts.append(Held(name="z", stamp=stamp, cached="different twice"))
    async with FleetServer(User(token="canary-t", accounts=accounts)) as wire, desk(wire) as manager:
        _, twice, again = [(await manager.balances(source="cached")).ok for _ in range(3)]

    assert [again[key].wire is twice[key].wire for key in (W, X, Y)] == [True] * 3


async def test_others_go_on_while_it_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is let go between the steps."""
    monkeypatch.setattr("tread_async._pacing._STINT_S", 0.0)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with served(stamp=1) as wire, desk(wire) as manager:
        for _ in range(2):
            await manager.balances(source="cached")
        recall, user = recall_of(manager), wire.users[0]
        assert recall._memory is not None
        gone = [Held(name=f"gone {number}") for number in range(64 * 200)]
        recall._memory.endpoint.decode(user.body("cached_balances", [*user.accounts, *gone]))
        other = asyncio.create_task(others())
        await manager.balances(source="cached")
        other.cancel()

    assert recall._memory.size == len(NAMES)
    assert turns >= 200


def recall_of(manager: SessionManager) -> Recall:
    assert manager._fleet is not None
    return manager._fleet.lines["a"].recalls["cached"]
