"""Deadlines that share one timer: each scope ends at its own moment, and none for another's sake."""

from __future__ import annotations

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual import VirtualLoop, in_no_time
from tread_async._deadlines import Deadlines

SECONDS = st.floats(0.0, 20.0).map(lambda seconds: round(seconds, 2))
# When each scope is entered, how long it may last, and how long its work would take.
WORK = st.tuples(SECONDS, SECONDS, SECONDS)


async def worked(
    deadlines: Deadlines, moment: float, takes_s: float = 1e6, leaves_for_s: float = 0.0
) -> float | None:
    """Works so long in a scope, and so long on the way out where that ends it; when it did."""
    loop = asyncio.get_running_loop()
    scope = deadlines.scope(moment)
    try:
        async with scope:
            await asyncio.sleep(takes_s)
    except TimeoutError:
        ended_at = loop.time()
        await asyncio.sleep(leaves_for_s)
        return ended_at
    finally:
        deadlines.leave(scope)
    return None


@given(st.lists(WORK, max_size=20))
def test_each_ends_at_its_own_moment(jobs: list[tuple[float, float, float]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines()

        async def work(enters_s: float, lasts_s: float, takes_s: float) -> None:
            await asyncio.sleep(enters_s)
            began = loop.time()
            scope = deadlines.scope(began + lasts_s)
            try:
                async with scope:
                    await asyncio.sleep(takes_s)
            except TimeoutError:
                assert takes_s >= lasts_s
                assert math.isclose(loop.time(), began + lasts_s)
            else:
                assert takes_s <= lasts_s
                assert math.isclose(loop.time(), began + takes_s)
            finally:
                deadlines.leave(scope)

        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(work(*job))
        assert len(deadlines) == 0

    in_no_time(main())


def test_moments_that_are_one_to_a_clock_of_whole_milliseconds() -> None:
    """They end together, or the slot of the first would go to one that has no time left."""

    async def main() -> None:
        deadlines = Deadlines()
        moments = (1.0, math.nextafter(1.0, 2.0), 1.0004, 1.001)
        ended = await asyncio.gather(*[worked(deadlines, moment) for moment in moments])
        assert ended == [1.0, 1.0, 1.0, 1.001]

    in_no_time(main())


def test_one_timer_for_calls_that_succeed() -> None:
    """A thousand scopes that are left in time set the timer once."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        deadlines = Deadlines()
        before = loop.timers_set
        for _ in range(1000):
            async with (scope := deadlines.scope(loop.time() + 10.0)):
                pass
            deadlines.leave(scope)
        assert loop.timers_set == before + 1

    in_no_time(main())


def test_ended_together() -> None:
    """`end_all` ends every scope, waits until all are left, and leaves no timer."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines()
        tasks = [
            asyncio.create_task(worked(deadlines, moment, leaves_for_s=1.0)) for moment in (5.0, math.inf)
        ]
        await asyncio.sleep(0)
        await deadlines.end_all()
        assert len(deadlines) == 0
        assert loop.time() == 1.0
        assert await asyncio.gather(*tasks) == [0.0, 0.0]
        assert not [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]

    in_no_time(main())


def test_only_those_that_come_too_late_end() -> None:
    """Of the scopes named, those whose moment is not after the one given."""

    async def main() -> None:
        deadlines = Deadlines()
        ended = []

        async def work(name: str, scope: asyncio.Timeout) -> None:
            try:
                async with scope:
                    await asyncio.sleep(1.0)
            except TimeoutError:
                ended.append(name)
            finally:
                deadlines.leave(scope)

        scopes = {name: deadlines.scope(moment) for name, moment in (("a", 2.0), ("b", 3.0), ("c", 2.0))}
        tasks = [asyncio.create_task(work(name, scope)) for name, scope in scopes.items()]
        await asyncio.sleep(0)
        deadlines.end_before(2.0, {scopes["a"], scopes["b"]})
        await asyncio.gather(*tasks)
        assert ended == ["a"]

    in_no_time(main())


def test_ended_twice_at_once() -> None:
    """Both who end them go on as soon as all are left."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines()

        task = asyncio.create_task(worked(deadlines, math.inf, leaves_for_s=1.0))
        await asyncio.sleep(0)
        async with asyncio.timeout(5.0):
            await asyncio.gather(deadlines.end_all(), deadlines.end_all(), task)
        assert loop.time() == 1.0

    in_no_time(main())


def test_resting() -> None:
    """At rest a scope still ends at its moment; with the last one the timer goes."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines()
        jobs = ((2.0, 9.0), (60.0, 3.0))
        tasks = [asyncio.create_task(worked(deadlines, moment, takes_s)) for moment, takes_s in jobs]
        await asyncio.sleep(0)
        deadlines.rest()
        assert await asyncio.gather(*tasks) == [2.0, None]
        assert not [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]

    in_no_time(main())


def test_one_that_ends_already_is_not_ended_again() -> None:
    """Whoever takes its time to leave a scope that has ended is not disturbed by the end of all."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines()
        scope = deadlines.scope(9.0)

        async def work() -> None:
            try:
                async with scope:
                    try:
                        await asyncio.Event().wait()
                    finally:
                        await asyncio.sleep(1.0)
            except TimeoutError:
                pass
            finally:
                deadlines.leave(scope)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        deadlines.end_before(9.0, {scope})
        await asyncio.sleep(0.5)
        await deadlines.end_all()
        assert loop.time() == 1.0
        await task

    in_no_time(main())
