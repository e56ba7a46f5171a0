"""The circuit breaker: when it opens, for how long, and that one request finds out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async._breaker import Breaker
from tread_async._codec.replies import Reply
from tread_async.errors import (
    ClientClosedError,
    ClosedAfterSendingError,
    DeadlineExceededError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    TransportError,
)


class Bench:
    """A breaker with a clock of its own, in whose chance nothing is added or taken away."""

    def __init__(self, chance: float = 0.5) -> None:
        self.now = 1000.0
        self.sent = 0
        self.breaker = Breaker(lambda: self.now, lambda: chance)

    async def ask(self, what: int | BaseException) -> str:
        """What became of an attempt that is answered by a status, or ends with an error."""

        async def attempt() -> Reply:
            self.sent += 1
            if isinstance(what, BaseException):
                raise what
            return Reply(status=what, body=b"")

        before = self.sent
        try:
            await self.breaker.watch(attempt)
        except BaseException as error:
            refused = self.sent == before and isinstance(error, NotSentError)
            return "refused" if refused else type(error).__name__
        return "answered"

    async def asks(self, *what: int | BaseException) -> list[str]:
        return [await self.ask(one) for one in what]

    async def is_open(self) -> bool:
        """Whether it refuses, without telling it anything."""
        try:
            self.breaker.check()
        except NotSentError:
            return True
        return False


FAILURES = [500, 503, 599, 429, TransportError("x"), DeadlineExceededError("x"), ProtocolError("x")]
FAILURES += [OutcomeUnknownError("x"), NotSentError("no connection")]
HARMLESS = [200, 204, 400, 401, 403, 404, 422, 302]


def told_nothing() -> list[BaseException]:
    refused = NotSentError("certificate")
    refused.permanent = True
    return [
        refused,
        asyncio.CancelledError(),
        ClientClosedError("x"),
        ClosedAfterSendingError("x"),
        KeyError("x"),
    ]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
async def test_five_in_a_row(failure: int | BaseException) -> None:
    bench = Bench()
    await bench.asks(*[failure] * 4)
    assert not await bench.is_open()
    await bench.ask(failure)

    assert await bench.is_open()
    assert await bench.ask(200) == "refused"
    assert bench.sent == 5


@pytest.mark.parametrize("other", HARMLESS)
async def test_an_answer_begins_the_row_anew(other: int) -> None:
    bench = Bench()
    await bench.asks(500, 500, 500, 500, other)
    bench.now += 31.0
    await bench.asks(500, 500, 500, 500)

    assert not await bench.is_open()
    await bench.ask(500)
    assert await bench.is_open()


@pytest.mark.parametrize("place", range(5))
async def test_what_says_nothing_of_the_server(place: int) -> None:
    bench = Bench()
    for _ in range(20):
        await bench.ask(told_nothing()[place])
    assert not await bench.is_open()

    await bench.asks(500, 500, 500, 500, told_nothing()[place])
    assert not await bench.is_open()
    await bench.ask(500)
    assert await bench.is_open()


async def test_half_of_ten() -> None:
    """Never five in a row, and half of the last ten."""
    bench = Bench()
    await bench.asks(*[200, 500] * 4, 200)
    assert not await bench.is_open()
    await bench.ask(500)

    assert await bench.is_open()


async def test_less_than_half() -> None:
    bench = Bench()
    await bench.asks(*[500, 200, 200] * 20)

    assert not await bench.is_open()


async def test_what_is_older_than_half_a_minute_does_not_count() -> None:
    bench = Bench()
    await bench.asks(*[200, 500] * 4)
    bench.now += 30.1
    await bench.asks(500, 200)

    assert not await bench.is_open()


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
async def test_how_long_it_is_open(chance: float, factor: float) -> None:
    """Five seconds, twice as long each time, a minute at most, give or take a fifth."""
    bench = Bench(chance)
    await bench.asks(*[500] * 5)
    for seconds in (5.0, 10.0, 20.0, 40.0, 60.0, 60.0):
        bench.now += seconds * factor - 0.01
        assert await bench.ask(500) == "refused"
        bench.now += 0.02
        assert await bench.ask(500) == "answered"


async def test_the_seconds_that_are_left_are_told() -> None:
    bench = Bench()
    await bench.asks(*[500] * 5)
    bench.now += 2.0
    with pytest.raises(NotSentError) as caught:
        bench.breaker.check()

    assert caught.value.retry_after_s == pytest.approx(3.0)
    assert caught.value.permanent


async def test_it_closes() -> None:
    """One answer closes it, and the next time it opens for five seconds again."""
    bench = Bench()
    await bench.asks(*[500] * 5)
    bench.now += 5.1
    await bench.ask(500)
    bench.now += 10.1
    assert await bench.asks(400, 200, 500, 500, 500, 500) == ["answered"] * 6
    await bench.ask(500)
    bench.now += 5.1

    assert await bench.ask(200) == "answered"


async def held(bench: Bench, end: Callable[[], Awaitable[Reply]]) -> asyncio.Task[Reply]:
    task = asyncio.create_task(bench.breaker.watch(end))
    await asyncio.sleep(0)
    return task


async def test_exactly_one_finds_out() -> None:
    """While it is under way, fifty others are refused."""
    bench = Bench()
    await bench.asks(*[500] * 5)
    bench.now += 5.1
    back = asyncio.Event()

    async def probe() -> Reply:
        await back.wait()
        return Reply(status=200, body=b"")

    task = await held(bench, probe)
    refused = await bench.asks(*[200] * 50)
    back.set()
    await task

    assert refused == ["refused"] * 50
    assert await bench.ask(200) == "answered"


async def test_one_that_is_cancelled_leaves_its_place() -> None:
    bench = Bench()
    await bench.asks(*[500] * 5)
    bench.now += 5.1

    async def never() -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    task = await held(bench, never)
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert await bench.ask(200) == "answered"


async def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    """Late failures do not open it for longer; late answers do not close it."""
    bench = Bench()
    ends = [asyncio.get_running_loop().create_future() for _ in range(2)]
    late = [await held(bench, lambda end=end: end) for end in ends]
    await bench.asks(*[500] * 5)
    ends[0].set_result(Reply(status=500, body=b""))
    ends[1].set_result(Reply(status=200, body=b""))
    await asyncio.wait(late)

    assert await bench.is_open()
    bench.now += 5.1
    assert not await bench.is_open()


@given(st.lists(st.sampled_from([200, 500, 422, "later"]), max_size=60))
def test_it_never_stays_open_for_ever(steps: list[int | str]) -> None:
    """Whatever happened, after a minute and a fifth one request is let through."""

    async def run() -> None:
        bench = Bench(1.0)
        for step in steps:
            if isinstance(step, str):
                bench.now += 7.0
            else:
                await bench.ask(step)
        bench.now += 72.1
        assert await bench.ask(200) == "answered"
        assert not await bench.is_open()

    asyncio.run(run())
