"""Standard output, for a program whose event loop must not be held up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import Final

__all__ = ["written"]

_GRACE_S: Final = 0.5


async def written(text: str) -> None:
    """Writes *text* to standard output, from a thread, so that a slow reader holds up nothing else.

    Raises:
        BrokenPipeError: the reader is gone.
    """
    data = text.encode(sys.stdout.encoding, "replace")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: OSError | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def write() -> None:
        error = None
        try:
            _write_all(sys.stdout.fileno(), data)
        except OSError as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            loop.call_soon_threadsafe(settle, error)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        await done
    except asyncio.CancelledError:
        thread.join(_GRACE_S)  # so that a line is torn only if its reader is stuck
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
