"""Cancelling a coroutine at its nth suspension, for every n."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from tread_async import TreadError, UsageError

__all__ = ["cancelled_at_every_suspension"]

_MOST = 400


class _CancelledAt:
    """*coroutine*, whose task is cancelled when it suspends for the nth time."""

    def __init__(self, coroutine: Awaitable[Any], place: int) -> None:
        self._coroutine = coroutine
        self._left = place

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._coroutine.__await__()
        send: Callable[[], Any] = lambda: next(steps)  # noqa: E731 - the first of two ways to go on
        while True:
            try:
                future = send()
            except StopIteration as end:
                return end.value
            self._left -= 1
            task = asyncio.current_task()
            assert task is not None
            if self._left == 0:
                task.cancel()
            try:
                value = yield future
            except BaseException as error:
                send = lambda error=error: steps.throw(error)  # type: ignore[misc] # noqa: E731
            else:
                send = lambda value=value: steps.send(value)  # type: ignore[misc] # noqa: E731


async def cancelled_at_every_suspension(
    ask: Callable[[], Awaitable[Any]], check: Callable[[], Awaitable[None]]
) -> int:
    """Runs *ask* again and again, cancelled one suspension later each time, until it ends by itself.

    Each time it is cancelled it has to end so, and *check* is awaited. Gives the number of suspensions.
    """
    for place in range(1, _MOST):

        async def run(place: int = place) -> Any:
            return await _CancelledAt(ask(), place)

        task = asyncio.create_task(run())
        await asyncio.wait({task})
        if not task.cancelled():
            error = task.exception()
            assert error is None or (isinstance(error, TreadError) and not isinstance(error, UsageError)), (
                error
            )
            assert not task.cancelling(), f"the cancellation at suspension {place} was swallowed"
            return place - 1
        assert task.cancelling() == 1
        await check()
    raise AssertionError("it never ends")
