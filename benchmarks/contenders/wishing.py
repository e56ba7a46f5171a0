"""Callers who want something again and again, whether they get it or not."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

__all__ = ["Told", "wishes"]

Told = tuple[int, float, float, bool]
"""Which caller, when the call began and ended on the clock of all processes, and whether it succeeded."""


async def wishes(
    ask: Callable[[], Awaitable[object]], callers: int, pause_s: float, for_s: float
) -> list[Told]:
    """So many callers who *ask* for so many seconds, and wait about *pause_s* between two calls.

    A call that is under way at the end is told as one that failed.
    """
    told: list[Told] = []
    chance = random.Random(callers)

    async def caller(number: int) -> None:
        await asyncio.sleep(chance.uniform(0, pause_s))
        while True:
            began, good = time.monotonic(), False
            try:
                await ask()
                good = True
            except Exception:  # each contender has errors of its own
                pass
            finally:
                told.append((number, began, time.monotonic(), good))
            await asyncio.sleep(chance.uniform(0.5, 1.5) * pause_s)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(for_s), asyncio.TaskGroup() as group:
            for number in range(callers):
                group.create_task(caller(number))
    return told
