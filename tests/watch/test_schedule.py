"""When a watch polls, by the server's log: evenly, never twice at once, and less where that is asked for."""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import Any

import pytest

from tests.support.fleet_accounts import HANG
from tests.support.samples import ONE_TRY
from tests.support.watched import polls, read, user, watching
from tread_async import Ok, SessionManager


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


async def watch_for(manager: SessionManager, seconds: float, **options: Any) -> list[Any]:
    """The updates of so many seconds of watching, from the first one on."""
    found = []
    clock = asyncio.get_running_loop().time
    async with manager.watch(**({"interval_s": 1.0, "jitter": 0.0} | options)) as updates:
        until = clock() + seconds
        async for update in updates:
            found.append(update)
            if clock() >= until:
                return found
    raise AssertionError("it never ends")


@pytest.mark.fault("I8")
@pytest.mark.parametrize(("jitter", "wait_s", "beats"), [(0.05, 0.3, 600), (0.0, 0.0, 120), (0.5, 0.4, 120)])
def test_no_drift(jitter: float, wait_s: float, beats: int) -> None:
    """Over ten minutes the mean period is the interval, whatever an answer takes and chance says."""
    one = user(wait_s=wait_s)

    async def test(manager: SessionManager) -> None:
        await watch_for(manager, beats, jitter=jitter)

    watching(one, test=test)
    moments = polls(one)

    assert len(moments) == pytest.approx(beats, abs=2)
    period_s = (moments[-1] - moments[0]) / (len(moments) - 1)
    assert period_s == pytest.approx(1.0, rel=0.01)
    assert all(abs(gap - 1.0) <= jitter + 0.02 for gap in gaps(moments))


@pytest.mark.fault("I8", "F41")
@pytest.mark.parametrize(("wait_s", "beats"), [(0.9, 1), (1.1, 2), (2.5, 3), (7.2, 8)])
def test_a_slow_round_skips_beats(wait_s: float, beats: int) -> None:
    """A poll is never begun while another is under way; the beats that pass meanwhile are not made up for."""
    one = user(wait_s=wait_s)

    async def test(manager: SessionManager) -> None:
        updates = await watch_for(manager, 100)
        assert all(update.late_s < 0.1 for update in updates)

    watching(one, test=test)

    assert one.peak == 1
    assert all(gap == pytest.approx(beats, abs=0.05) for gap in gaps(polls(one)))
    assert len(polls(one)) <= math.ceil(100 / beats) + 2


@pytest.mark.parametrize("count", [2, 4, 7])
def test_tokens_are_spread(count: int) -> None:
    """The polls of several tokens are spread over the interval, so that the rate is even."""
    users = [user(str(number)) for number in range(count)]

    async def test(manager: SessionManager) -> None:
        updates = await watch_for(manager, 60, interval_s=10.0)
        assert [update.round for update in updates] == list(range(1, len(updates) + 1))
        assert len(updates) in (7, 8)

    watching(*users, test=test)
    moments = sorted(moment for one in users for moment in polls(one))

    assert all(gap == pytest.approx(10.0 / count, abs=0.2) for gap in gaps(moments))


@pytest.mark.fault("F41")
@pytest.mark.parametrize("status", [429, 503])
def test_it_slows_down_where_that_is_asked_for(status: int) -> None:
    """After a 429 or 503 every second beat is taken, then every fourth; each success halves that."""
    one = user()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, jitter=0.0) as updates:
            await read(updates, 1)
            one.first += [(status, {})] * 3
            await read(updates, 9)

    watching(one, test=test, retry=ONE_TRY)

    assert [round(gap) for gap in gaps(polls(one))][:7] == [2, 4, 8, 4, 2, 1, 1]


@pytest.mark.fault("F41")
def test_one_failure_is_an_accident() -> None:
    """One failure of everything changes no beat; a second in a row does."""
    one = user()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, jitter=0.0) as updates:
            await read(updates, 1)
            one.first += [(500, {})]
            await read(updates, 4)
            one.first += [(500, {})] * 2
            await read(updates, 5)

    watching(one, test=test, retry=ONE_TRY)

    assert [round(gap) for gap in gaps(polls(one))][:8] == [1, 1, 1, 1, 1, 2, 1, 1]


@pytest.mark.parametrize("hangs", ["cached_balances", "accounts"])
def test_a_token_that_hangs_holds_back_no_other(hangs: str) -> None:
    """The updates go on with every interval, and say of the token that hangs what is known of it."""
    users = [user("a"), user("b", refuses={hangs: HANG}), user("c")]

    async def test(manager: SessionManager) -> None:
        updates = await watch_for(manager, 20, deadline_s=8.0)
        assert len(updates) == pytest.approx(20, abs=3)
        for update in updates:
            outcomes = update.snapshot.outcomes.items()
            assert [type(outcome) for key, outcome in outcomes if key.credential != "b"] == [Ok, Ok]
            assert not update.snapshot.complete
            assert "b" in update.snapshot.unlisted or update.snapshot.counts["failed"] == 1

    watching(*users, test=test, retry=ONE_TRY)

    assert len(polls(users[0])) == pytest.approx(20, abs=2)


def test_it_says_how_late_it_was() -> None:
    """When something else holds the loop, the update says how much later than planned it was begun."""
    one = user()

    async def test(manager: SessionManager) -> None:
        loop: Any = asyncio.get_running_loop()
        async with manager.watch(interval_s=1.0, jitter=0.0) as updates:
            await read(updates, 2)
            loop.call_later(0.9, loop.stand_still, 0.4)
            late, after = await read(updates, 2)
            assert late.late_s == pytest.approx(0.3, abs=0.05)
            assert after.late_s < 0.05

    watching(one, test=test)


def test_a_token_that_is_polled_less_often_is_not_waited_for() -> None:
    """The update comes when all have answered that are polled with every beat."""
    users = [user("a"), user("b", refuses={"cached_balances": 503})]

    async def test(manager: SessionManager) -> None:
        clock = asyncio.get_running_loop().time
        async with manager.watch(interval_s=10.0, jitter=0.0) as updates:
            await read(updates, 4)
            waits = []
            for _ in range(8):
                await read(updates, 1)
                waits.append(clock() - max(polls(users[0])[-1], polls(users[1])[-1]))
            assert max(waits) < 0.2

    watching(*users, test=test, retry=ONE_TRY)
