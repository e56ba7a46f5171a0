"""Standard output, for a program whose event loop must not be held up."""

from __future__ import annotations

import os
import sys
from typing import Final

from tread_async.cli.background import in_background
from tread_async.cli.streams import output_errors

__all__ = ["FOR_MACHINES", "written"]

FOR_MACHINES: Final = "utf-8"  # whatever the terminal has: no letter of a name may be lost

_GRACE_S: Final = 0.5  # so that a line is torn only if its reader is stuck


async def written(text: str, *, encoding: str | None = None) -> None:
    """Writes *text* to standard output, from a thread, so that a slow reader holds up nothing else.

    Args:
        encoding: ``None`` for that of standard output. A letter that it lacks is escaped.

    Raises:
        OutputError: the reader is gone, or the disk is full.
    """
    data = text.encode(encoding or sys.stdout.encoding, "backslashreplace")
    descriptor = sys.stdout.fileno()
    with output_errors():
        await in_background(lambda: _write_all(descriptor, data), grace_s=_GRACE_S)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
