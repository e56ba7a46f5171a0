"""Long work in short steps, so that the event loop is never held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Final, TypeVar

__all__ = ["IN_ONE_GO_BYTES", "Pace"]

T = TypeVar("T")

IN_ONE_GO_BYTES: Final = 64 * 1024  # decoded in half a millisecond; more is worked through in steps
_STINT_S: Final = 0.0008


class Pace:
    """Works in stints of about a millisecond, on one thing at a time.

    Twenty answers that come at once would otherwise each take a stint in every turn of the loop.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def alone(self, job: Callable[[], T]) -> T:
        """What *job* gives, in a turn of the loop in which nothing else long is done."""
        async with self._lock:
            return job()

    async def through(self, steps: Generator[None, None, T]) -> T:
        """What *steps* return; the loop is let go between them."""
        clock = time.perf_counter
        try:
            async with self._lock:
                until = clock() + _STINT_S
                while True:
                    next(steps)
                    if clock() > until:
                        await asyncio.sleep(0)
                        until = clock() + _STINT_S
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()
