"""This library: a client for single calls, a manager for many accounts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest import mock

from benchmarks.contenders.wishing import Told, wishes
from benchmarks.fleet_server import token_of
from tread_async import SessionManager, Snapshot, TreadClient

__all__ = ["Ours", "opened", "refreshed"]


class Ours:
    """Reads cached balances as a user of the library does."""

    def __init__(self, tread: TreadClient, desk: SessionManager) -> None:
        self._tread = tread
        self._desk = desk

    async def calls(self, count: int, at_once: int) -> list[float]:
        """Reads the same balances so many times, and gives how long each took in seconds."""
        turns = iter(range(count))
        latencies: list[float] = []

        async def work() -> None:
            for _ in turns:
                began = time.perf_counter()
                await self._tread.cached_balances()
                latencies.append(time.perf_counter() - began)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
        return latencies

    async def wishes(self, callers: int, pause_s: float, for_s: float) -> list[Told]:
        """Reads the same balances for many callers; see `wishing`."""
        return await wishes(self._tread.cached_balances, callers, pause_s, for_s)

    async def whole(self) -> Snapshot:
        """Reads all accounts of all tokens; decodes what has changed, if it did so a minute ago or less."""
        return await refreshed(self._desk)

    async def accounts(self, at_once: int) -> Snapshot:
        """The same: a manager asks for accounts together, however many are wanted at once."""
        return await self.whole()


@contextlib.asynccontextmanager
async def opened(
    url: str, tokens: str, *, again: bool = True, busy: bool = False, **settings: Any
) -> AsyncIterator[Ours]:
    """A client of the first token with *settings*, and a manager of all that has listed their accounts.

    If not *again*, each read is like a first one. If *busy*, all accounts change from one read to the next.
    """
    credentials = {f"desk-{number:03d}": token_of(number, busy=busy) for number in range(int(tokens) or 1)}
    with contextlib.nullcontext() if again else _without_memory():
        async with (
            TreadClient(token_of(0), base_url=url, **settings) as tread,
            SessionManager(credentials, base_url=url) as desk,
        ):
            if int(tokens):
                listing = await desk.accounts()
                assert listing.complete
            yield Ours(tread, desk)


@contextlib.contextmanager
def _without_memory() -> Iterator[None]:
    """No read in this block is so soon after another that it begins to remember."""
    with mock.patch("tread_async._fleet.recall._AGAIN_WITHIN_S", 0.0):
        yield


async def refreshed(desk: SessionManager) -> Snapshot:
    """Every cached balance."""
    snapshot = await desk.balances(source="cached")
    if not snapshot.complete:
        raise RuntimeError(f"not what is to be measured: {snapshot}")
    return snapshot
