"""Without a watch: `balances` in a loop, and what has changed from one snapshot to the next.

From its second read on a manager remembers: the first turn is for that.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

from benchmarks.contenders.ours import refreshed
from benchmarks.contenders.watching import desk
from tread_async import SessionManager
from tread_async.changes import changes

__all__ = ["opened"]


class _Looping:
    """Reads all accounts of a manager, again and again."""

    def __init__(self, one: SessionManager) -> None:
        self._desk = one

    async def rounds(self, count: int) -> float:
        """Seconds of CPU of this process for reading one account once and comparing it."""
        before = (await refreshed(self._desk)).outcomes
        began = time.process_time()
        for _ in range(count):
            after = (await refreshed(self._desk)).outcomes
            changes(before, after)
            before = after
        return (time.process_time() - began) / (count * len(before))


@contextlib.asynccontextmanager
async def opened(url: str, *, kind: str, tokens: int) -> AsyncIterator[_Looping]:
    """A loop over so many tokens of a kind."""
    async with desk(url, kind, tokens) as one:
        yield _Looping(one)
