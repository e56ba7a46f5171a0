"""`repeat` does what the policy says and nothing else, whatever the attempts do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async._codec.endpoints import SET_LEVERAGE
from tread_async._policy import RetryPolicy, Stop, Wait, cause_of, next_step
from tread_async._repeating import repeat
from tread_async.errors import (
    ApiError,
    AuthError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    TreadError,
    UnprocessableError,
)

FAILURES: list[Callable[[], TreadError]] = [
    lambda: NotSentError("refused"),
    lambda: OutcomeUnknownError("lost"),
    lambda: ServerError(500, "failed"),
    lambda: ServerError(503, "busy", retry_after_s=3.0),
    lambda: RateLimitedError(429, "slow", retry_after_s=2.0),
    lambda: RateLimitedError(429, "slower", retry_after_s=90.0),
    lambda: UnprocessableError(422, "refused"),
    lambda: AuthError(401, "who"),
]
SCRIPTS = st.lists(st.sampled_from(FAILURES).map(lambda make: make()), min_size=1, max_size=8)
CHANCES = st.lists(st.floats(0, 1), min_size=8, max_size=8)


class Run:
    """Plays a script of failures, then succeeds; records every wait and attempt."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.attempts = 0
        self.waits: list[float] = []

    async def attempt(self) -> str:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def result(
        self,
        first: TreadError,
        step: Callable[[TreadError, int], Wait | Stop],
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> str | BaseException:
        try:
            return await repeat(first, self.attempt, step, sleep or self.sleep)
        except BaseException as error:  # a cancellation is a result here
            return error


def always(_error: TreadError, attempt: int) -> Wait | Stop:
    return Wait(float(attempt))


def stepper(policy: RetryPolicy, chances: list[float], left_s: float, waits: list[float]) -> Any:
    """The pure policy, with so much time left before the *waits* made so far."""

    def step(error: TreadError, attempt: int) -> Wait | Stop:
        return next_step(
            policy,
            cause_of(error, SET_LEVERAGE),
            attempt=attempt,
            remaining_s=left_s - sum(waits),
            asked_s=error.retry_after_s if isinstance(error, ApiError) else None,
            chance=chances[attempt - 1],
        )

    return step


@given(script=SCRIPTS, chances=CHANCES, attempts=st.integers(1, 5), left_s=st.floats(0.1, 120))
async def test_the_waits_are_those_of_the_pure_policy(
    script: list[TreadError], chances: list[float], attempts: int, left_s: float
) -> None:
    """For any script of failures, the waits, the attempts and the end are as the policy says."""
    policy = RetryPolicy(attempts=attempts)
    expected: list[float] = []
    end: object = "done"
    for number, error in enumerate(script, start=1):
        decision = stepper(policy, chances, left_s, expected)(error, number)
        if isinstance(decision, Stop):
            end = error
            break
        expected.append(decision.seconds)
    run = Run(*script[1:])
    result = await run.result(script[0], stepper(policy, chances, left_s, run.waits))

    assert run.waits == expected
    assert run.attempts == len(expected)
    assert result is end or result == end == "done"


@given(more=st.lists(st.sampled_from(FAILURES).map(lambda make: make()), min_size=4, max_size=9))
async def test_five_attempts_are_the_most(more: list[TreadError]) -> None:
    """A step that always waits still ends after five attempts, with the error of the fifth."""
    run = Run(*more)
    result = await run.result(NotSentError("first"), always)

    assert run.attempts == 4
    assert run.waits == [1.0, 2.0, 3.0, 4.0]
    assert result is more[3]


async def test_attempts_are_counted_from_one_and_errors_come_in_order() -> None:
    """The step sees each error once, with its number; the first failure is number one."""
    first, second, third = NotSentError("1"), ServerError(500, "2"), ServerError(503, "3")
    seen: list[tuple[TreadError, int]] = []

    def step(error: TreadError, attempt: int) -> Wait | Stop:
        seen.append((error, attempt))
        return Wait(0.0)

    assert await Run(second, third).result(first, step) == "done"
    assert seen == [(first, 1), (second, 2), (third, 3)]


async def test_a_stop_at_once_makes_no_attempt() -> None:
    """Where the step says stop, the first error comes out as it is, without a wait or an attempt."""
    run, first = Run(), AuthError(401, "who")

    assert await run.result(first, lambda _error, _attempt: Stop("no")) is first
    assert (run.attempts, run.waits) == (0, [])
    assert first.__cause__ is None


@pytest.mark.parametrize(
    "bug",
    [
        asyncio.CancelledError(),
        KeyboardInterrupt(),
        ValueError("bug"),
        TimeoutError(),
        AssertionError(),
        OSError(),
    ],
    ids=lambda bug: type(bug).__name__,
)
@pytest.mark.parametrize("place", [0, 1])
async def test_what_is_not_ours_passes_at_once(bug: BaseException, place: int) -> None:
    """A cancellation or a bug in an attempt is raised as it is and never repeated."""
    run = Run(*[ServerError(500, "x")][:place], bug)
    result = await run.result(NotSentError("first"), always)

    assert result is bug
    assert run.attempts == place + 1
    assert len(run.waits) == place + 1


@pytest.mark.parametrize(
    "bug",
    [asyncio.CancelledError(), ServerError(500, "closed"), ValueError("bug")],
    ids=lambda b: type(b).__name__,
)
async def test_what_a_sleep_raises_passes_at_once(bug: BaseException) -> None:
    """A wait that is cancelled, or ended by the closing of the client, ends the call without an attempt."""
    run = Run()

    async def sleep(_seconds: float) -> NoReturn:
        raise bug

    assert await run.result(NotSentError("first"), always, sleep) is bug
    assert run.attempts == 0


async def test_a_bug_in_the_step_is_not_swallowed() -> None:
    """An error of the decision itself comes out."""
    run, bug = Run(), ZeroDivisionError()

    def step(_error: TreadError, _attempt: int) -> NoReturn:
        raise bug

    assert await run.result(NotSentError("first"), step) is bug
    assert run.attempts == 0


async def test_a_cancelled_wait_cancels_the_task() -> None:
    """Cancelling the task during a real wait ends it as cancelled, with no attempt after it."""
    run = Run()
    waiting = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(repeat(NotSentError("first"), run.attempt, always, sleep))
    await waiting.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert run.attempts == 0
