"""Standard output, for a program whose event loop must not be held up."""

from __future__ import annotations

import os
import sys
from typing import Final

from tread_async.cli.background import in_background

__all__ = ["written"]

_GRACE_S: Final = 0.5  # so that a line is torn only if its reader is stuck


async def written(text: str) -> None:
    """Writes *text* to standard output, from a thread, so that a slow reader holds up nothing else.

    Raises:
        BrokenPipeError: the reader is gone.
    """
    data = text.encode(sys.stdout.encoding, "replace")
    descriptor = sys.stdout.fileno()
    await in_background(lambda: _write_all(descriptor, data), grace_s=_GRACE_S)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
