"""Where a large body can be cut between two accounts, without parsing it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tread_async._codec.scanning import GAP

__all__ = ["NEAR_BYTES", "STAMP_KEY", "Joint", "windows"]

NEAR_BYTES: Final = 32 * 1024
"""How far it is looked for what most accounts have."""
STAMP_KEY: Final = b'"timestamp_millis"'
_MOST_BYTES: Final = 256 * 1024
_COMMA: Final = re.compile(rb"%b,%b(?=\{)" % (GAP, GAP))


class Joint:
    """What stands between two accounts, with the key with which the first account begins."""

    def __init__(self, opening: bytes, *, stamped: bool) -> None:
        self._any = re.compile(rb",%b%b" % (GAP, re.escape(opening)))
        self._opening_bytes = len(opening)
        self._latest, self._gap = b"," + opening, 1
        self._stamped = stamped
        self.stamp = -1  # where the account that was looked at has the key of its stamp

    def find(self, body: bytes, at: int, searched: int) -> int:
        """Where an account that begins at *at* ends; -1 if there is no other after it.

        It has a stamp, and then it is not far. Up to *searched* there is no end.
        """
        self.stamp = body.find(STAMP_KEY, at, at + NEAR_BYTES) if self._stamped else -1
        start = max(at, searched, self.stamp)
        end = body.find(self._latest, start)
        if end < 0 and (other := self._any.search(body, start)) is not None:
            self._latest, self._gap = other[0], len(other[0]) - self._opening_bytes
            return other.start()
        return end

    def next(self, body: bytes, end: int) -> int:
        """Where the account begins that follows one that ends at *end*; -1 if none does."""
        if body.startswith(self._latest, end):
            return end + self._gap
        comma = _COMMA.match(body, end)
        return -1 if comma is None else comma.end()


def windows(pieces: Iterable[bytes], least: int) -> Iterator[bytes]:
    """*pieces* of handy size, but for the last of *least* bytes.

    Small ones are put together, since with each is copied what the last one left; large ones are cut, since
    what is looked for may be nowhere in them.
    """
    some: list[bytes] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece), _MOST_BYTES):
            some.append(piece[start : start + _MOST_BYTES])
            size += len(some[-1])
            if size >= least:
                yield b"".join(some)
                some, size = [], 0
    if size:
        yield b"".join(some)
