"""Several jobs at once: their results in order, or the first failure as it is."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tread_async import NotSentError
from tread_async._together import together

Job = Callable[[], Awaitable[int]]


@pytest.fixture(autouse=True)
def nothing_unawaited() -> Iterator[None]:
    """Fails a test that leaves a coroutine nobody has awaited."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in said] == []


class Jobs:
    """Makes jobs, and knows what became of them."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.cancelled: list[int] = []

    def job(self, number: int, ticks: int = 0, error: BaseException | None = None) -> Job:
        async def run() -> int:
            self.begun.append(number)
            try:
                for _ in range(ticks):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                self.cancelled.append(number)
                raise
            self.ended.append(number)
            if error is not None:
                raise error
            return number

        return run

    def endless(self, number: int) -> Job:
        return self.job(number, 10**9)


async def test_results_in_order() -> None:
    """The results stand in the order of the jobs, not of their ends, and all run at once."""
    jobs = Jobs()
    found = await together([jobs.job(number, ticks=9 - number) for number in range(9)])

    assert found == list(range(9))
    assert jobs.begun == list(range(9))
    assert jobs.ended == list(range(8, -1, -1))


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_few(count: int) -> None:
    """None, one or two jobs are no special case to the caller."""
    jobs = Jobs()

    assert await together([jobs.job(number) for number in range(count)]) == list(range(count))


async def test_one_job_makes_no_task() -> None:
    """A single job runs in the caller's own task."""

    async def who() -> asyncio.Task[object] | None:
        return asyncio.current_task()

    assert await together([who]) == [asyncio.current_task()]


@pytest.mark.parametrize("count", [1, 4])
async def test_the_first_failure_is_raised_as_it_is(count: int) -> None:
    """No group around it and no chain behind it; the other jobs are ended before it is raised."""
    jobs, failure = Jobs(), NotSentError("x")
    work = [jobs.job(0, ticks=2, error=failure), *[jobs.endless(number) for number in range(1, count)]]
    with pytest.raises(NotSentError) as caught:
        await together(work)

    assert caught.value is failure
    assert (failure.__cause__, failure.__context__) == (None, None)
    assert sorted(jobs.cancelled) == list(range(1, count))


async def test_failures_at_once() -> None:
    """Of several failures in one tick the first is raised, and none is reported as not retrieved."""
    jobs, failures = Jobs(), [KeyError(number) for number in range(4)]
    with pytest.raises(KeyError) as caught:
        await together([jobs.job(number, error=failures[number]) for number in range(4)])

    assert caught.value is failures[0]


async def test_a_failure_while_the_others_are_ended() -> None:
    """A job that fails because it is ended does not take the place of the first failure."""
    first, second = KeyError("first"), KeyError("second")

    async def fails() -> int:
        await asyncio.sleep(0)
        raise first

    async def fails_when_cancelled() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            raise second

    with pytest.raises(KeyError) as caught:
        await together([fails_when_cancelled, fails])

    assert caught.value is first


async def test_a_failure_before_the_others_have_begun() -> None:
    """Jobs that have not begun when the first fails never begin."""
    jobs = Jobs()
    with pytest.raises(KeyError):
        await together([jobs.job(0, error=KeyError(0)), *[jobs.endless(number) for number in range(1, 4)]])

    assert jobs.begun == [0]


@pytest.mark.parametrize("count", [1, 3])
async def test_cancelled_from_outside(count: int) -> None:
    """Who cancels the caller ends every job, and the caller is cancelled."""
    jobs = Jobs()
    task = asyncio.create_task(together([jobs.endless(number) for number in range(count)]))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert sorted(jobs.cancelled) == list(range(count))
    assert task.cancelled()


async def test_cancelled_before_it_began() -> None:
    """A caller cancelled in the tick in which it starts its jobs leaves nothing behind."""
    jobs = Jobs()
    task = asyncio.create_task(together([jobs.endless(number) for number in range(3)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(jobs.begun) == len(jobs.cancelled)


@pytest.mark.parametrize("count", [1, 3])
async def test_a_job_that_is_cancelled_by_itself(count: int) -> None:
    """A job that ends as cancelled, though nobody cancelled the caller, is not dropped: all is cancelled."""
    jobs = Jobs()
    work = [jobs.job(0, error=asyncio.CancelledError()), *[jobs.job(number) for number in range(1, count)]]
    with pytest.raises(asyncio.CancelledError):
        await together(work)

    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_under_a_timeout() -> None:
    """A timeout around it is a timeout, and not one of the failures."""
    jobs = Jobs()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005):
            await together([jobs.endless(number) for number in range(3)])

    assert sorted(jobs.cancelled) == [0, 1, 2]
