"""What contenders do, in a line for each that can run here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.contenders import KINDS
from benchmarks.contending import UVLOOP, missing

__all__ = ["WHOLE", "legend"]

WHOLE: Final = (
    "whole reply: one request for all accounts of a token; by hand and with the vendor's client it is left to"
    " the caller to find which accounts are missing from it, twice in it or refused"
)
_ON_UVLOOP: Final = f"...{UVLOOP}: the same code on the loop of uvloop, in place of asyncio's"


def legend(names: Sequence[str]) -> tuple[str, ...]:
    """Of *names*, those that are installed; what they have in common on another loop is said once."""
    lacking = missing(names)
    present = [name for name in names if name not in lacking]
    plain = [name for name in present if not name.endswith(UVLOOP)]
    lines = [f"{name}: {KINDS[name].does}" for name in plain]
    return (*lines, _ON_UVLOOP) if len(plain) < len(present) else tuple(lines)
