"""Long work in short steps, so that the event loop is never held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeVar

__all__ = ["paced"]

T = TypeVar("T")

_STINT_S: Final = 0.0008


async def paced(steps: Generator[None, None, T]) -> T:
    """What *steps* return; the loop is let go whenever they have held it for about a millisecond."""
    clock = time.perf_counter
    until = clock() + _STINT_S
    try:
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
