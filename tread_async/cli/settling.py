"""A write that is interrupted still says what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["settled"]

T = TypeVar("T")


async def settled(work: Coroutine[Any, Any, T], close: Callable[[], Awaitable[None]]) -> T:
    """What *work* returns. Who is cancelled meanwhile closes its client, and *work* says how far it came.

    Cancelled again, it does not wait any longer.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await close()
        return await task
