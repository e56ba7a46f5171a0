"""Who reads the same accounts again decodes what has changed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.lists(st.floats(0, 100)))
def test_only_who_reads_again_within_a_minute_pays_for_a_memory(gaps_s: list[float]) -> None:
    """One that is not used for so long is let go."""
    recall, now, known = Recall("cached"), 1000.0, set()
    assert recall.endpoint(now) is None
    for gap_s in gaps_s:
        now += gap_s
        endpoint = recall.endpoint(now)
        assert (endpoint is not None) == (gap_s < 60.0)
        known = {endpoint} if gap_s >= 60.0 or known == {None} else known | {endpoint}
        assert len(known - {None}) <= 1


async def test_accounts_that_are_gone_are_forgotten() -> None:
    """Whatever names a server comes up with, each time others."""
    async with FleetServer(user := User(token="canary-t")) as wire, desk(wire) as manager:
        user.accounts = [Held(name=name) for name in NAMES]
        await manager.accounts()
        for number in range(30):
            strange = [Held(name=f"{number} {one}", listed=False) for one in range(20)]
            user.accounts[len(NAMES) :] = strange
            await manager.balances(source="cached")
        assert manager._fleet is not None
        memory = manager._fleet.lines["a"].recalls["cached"]._memory

    assert memory is not None
    assert len(NAMES) <= memory.size < 150
