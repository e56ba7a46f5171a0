"""Work that blocks, for a program whose event loop must not be held up."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_background"]

T = TypeVar("T")


async def in_background(work: Callable[[], T], *, grace_s: float = 0.0) -> T:
    """What *work* returns, or its `OSError`, from a thread that does not keep the process from ending.

    Args:
        grace_s: Who is cancelled meanwhile waits for so long, so that it ends in the middle only if it hangs.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(tell: Callable[[], None]) -> None:
        if not done.cancelled():
            tell()

    def run() -> None:
        try:
            result = work()
        except OSError as error:
            problem = error
            tell: Callable[[], None] = lambda: done.set_exception(problem)  # noqa: E731
        else:
            tell = lambda: done.set_result(result)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            loop.call_soon_threadsafe(settle, tell)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        return await done
    except asyncio.CancelledError:
        thread.join(grace_s)
        raise
