"""The second and later attempts of a call, driven by tenacity as the policy says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import tenacity

from tread_async._policy import MOST_ATTEMPTS, Stop, Wait
from tread_async.errors import TreadError

__all__ = ["repeat"]

T = TypeVar("T")


async def repeat(
    first: TreadError,
    attempt: Callable[[], Awaitable[T]],
    step: Callable[[TreadError, int], Wait | Stop],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Attempts again after *first*, the failure of attempt 1, as long as *step* says to wait.

    Raises: the last error of an attempt, or whatever *sleep* raises.
    """
    pending: list[TreadError] = [first]
    seconds: float

    async def next_attempt() -> T:
        if pending:  # attempt 1 is over: tenacity is told how it ended
            raise pending.pop()
        return await attempt()

    def goes_on(state: tenacity.RetryCallState) -> bool:
        nonlocal seconds
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, TreadError):  # a bug or a cancellation is never repeated
            return False
        decision = step(error, state.attempt_number)
        if isinstance(decision, Stop):
            return False
        seconds = decision.seconds
        return True

    loop = tenacity.AsyncRetrying(
        retry=goes_on,
        wait=lambda _: seconds,
        stop=tenacity.stop_after_attempt(MOST_ATTEMPTS),  # goes_on stops earlier; never for ever
        sleep=sleep,
        reraise=True,
    )
    return await loop(next_attempt)
