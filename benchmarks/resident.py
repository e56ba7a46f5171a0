"""How much memory this process has, as the system counts it. Linux only."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path
from typing import Final

__all__ = ["resident_bytes", "settled_bytes"]

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """What is resident now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def settled_bytes() -> int:
    """The same when Python has collected its garbage, and the C library (glibc) given back what is free."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return resident_bytes()
