"""When an attempt follows another: exact, with the time and the chance put in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.bench import CREATE, LEVERAGE, LIST, UPDATE, Bench
from tests.support.wire import Step, Wire, hang_up, reply
from tread_async import (
    ApiError,
    DeadlineExceededError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    TreadError,
)


@pytest.fixture
async def bench() -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def made(
            *steps: Step, policy: RetryPolicy | None = None, chances: list[float] | None = None
        ) -> tuple[Bench, Wire]:
            wire = await stack.enter_async_context(Wire(list(steps)))
            one = Bench(wire)
            one.use(policy, chances or [1.0])
            stack.push_async_callback(one.transport.close)
            return one, wire

        yield made


async def failed(bench: Bench, request: Any, deadline_s: float | None = None) -> TreadError:
    with pytest.raises(TreadError) as caught:
        await bench.run(request, deadline_s)
    return caught.value


@pytest.mark.fault("F15", "I4")
@pytest.mark.parametrize(
    ("request_", "status", "attempts", "waits"),
    [
        (LIST, 500, 3, [0.25, 0.5]),
        (LIST, 502, 3, [0.25, 0.5]),
        (LIST, 429, 3, [1.0, 2.0]),
        (LIST, 503, 3, [1.0, 2.0]),
        (UPDATE, 500, 3, [0.25, 0.5]),
        (LEVERAGE, 500, 4, [0.5, 1.0, 2.0]),
        (LEVERAGE, 422, 4, [1.0, 2.0, 4.0]),
        (LEVERAGE, 429, 4, [1.0, 2.0, 4.0]),
        (CREATE, 500, 1, []),
        (CREATE, 429, 1, []),
    ],
)
async def test_default_schedule(
    bench: Callable[..., Any], request_: Any, status: int, attempts: int, waits: list[float]
) -> None:
    """Each endpoint's own policy, at the longest draw of each wait: the base doubles."""
    one, wire = await bench(reply(status=status))
    error = await failed(one, request_)

    assert one.waits == waits
    assert len(wire.requests) == error.attempts == attempts


async def test_full_jitter(bench: Callable[..., Any]) -> None:
    """A wait is drawn from zero to its bound, anew each time."""
    one, _ = await bench(reply(status=500), chances=[0.0, 0.5, 0.125])
    await failed(one, LEVERAGE)

    assert one.waits == [0.0, 0.5, 0.25]


async def test_cap(bench: Callable[..., Any]) -> None:
    """No wait is longer than the cap."""
    policy = RetryPolicy(attempts=5, base_s=2.0, cap_s=5.0, deadline_s=100.0)
    one, wire = await bench(hang_up, policy=policy)
    await failed(one, LIST)

    assert one.waits == [2.0, 4.0, 5.0, 5.0]
    assert len(wire.requests) == 5


@pytest.mark.fault("F19")
@pytest.mark.parametrize(
    ("hint", "chance", "wait"), [("3", 0.0, 3.0), ("3", 1.0, 3.3), ("40", 1.0, 41.0), ("0", 1.0, 1.0)]
)
async def test_hint_is_the_shortest_wait(
    bench: Callable[..., Any], hint: str, chance: float, wait: float
) -> None:
    """A ``Retry-After`` is never undercut, and spread by a tenth of it, at most a second."""
    policy = RetryPolicy(deadline_s=100.0)
    one, wire = await bench(reply(status=429, Retry_After=hint), reply([]), policy=policy, chances=[chance])
    await one.run(LIST)

    assert one.waits == [pytest.approx(wait)]
    assert len(wire.requests) == 2


@pytest.mark.fault("F19", "I6")
async def test_hint_beyond_the_deadline(bench: Callable[..., Any]) -> None:
    """A hint that the deadline does not leave room for ends the call at once, without a wait."""
    one, wire = await bench(reply(status=503, Retry_After="10"))
    error = await failed(one, LIST, deadline_s=5.0)

    assert isinstance(error, ServerError)
    assert error.retry_after_s == 10.0
    assert "deadline" in str(error)
    assert (one.waits, len(wire.requests)) == ([], 1)


async def test_hint_on_the_limit(bench: Callable[..., Any]) -> None:
    """A minute is waited for, a second more is not."""
    policy = RetryPolicy(deadline_s=500.0)
    short, _ = await bench(reply(status=429, Retry_After="60"), reply([]), policy=policy)
    await short.run(LIST)
    long, _ = await bench(reply(status=429, Retry_After="61"), reply([]), policy=policy)
    error = await failed(long, LIST)

    assert short.waits == [61.0]
    assert long.waits == []
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_s == 61.0


@pytest.mark.fault("I6")
async def test_no_wait_that_cannot_end(bench: Callable[..., Any]) -> None:
    """Where the deadline leaves no room for the wait and an attempt, the call stops without sleeping."""
    one, wire = await bench(reply(status=500))
    error = await failed(one, LEVERAGE, deadline_s=2.2)

    assert one.waits == [0.5, 1.0]
    assert len(wire.requests) == error.attempts == 3
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.cause, ApiError)
    assert "no room" in str(error.cause)


async def test_error_of_the_sleeper(bench: Callable[..., Any]) -> None:
    """What is raised during a wait reaches the caller as it is, and nothing more is sent."""
    one, wire = await bench(reply(status=500))

    async def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    one.calls._sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        await one.run(LIST)

    assert len(wire.requests) == 1


@pytest.mark.fault("I6")
async def test_deadline_in_the_past(bench: Callable[..., Any]) -> None:
    """A call whose deadline has passed sends nothing."""
    one, wire = await bench(reply([]))
    with pytest.raises(DeadlineExceededError):
        await one.calls.run(LIST, one.now() - 1.0)

    assert wire.requests == []
