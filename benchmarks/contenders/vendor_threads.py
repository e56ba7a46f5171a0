"""The vendor's client, whose calls block, in as many threads as calls are wanted at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from taas_api.client import Client

from benchmarks.contenders.one_by_one import Keep, OneByOne, Target

__all__ = ["opened"]


class _InThreads(OneByOne):
    def __init__(self, url: str, tokens: str) -> None:
        super().__init__(url, tokens)
        self._clients = {token: Client(url, token) for token in self.tokens}

    async def read(self, target: Target) -> object:
        return await asyncio.to_thread(self._read, target)

    async def spread(self, targets: Iterable[Target], at_once: int, keep: Keep) -> list[float]:
        return await asyncio.to_thread(self._spread, targets, at_once, keep)

    def _spread(self, targets: Iterable[Target], at_once: int, keep: Keep) -> list[float]:
        with ThreadPoolExecutor(at_once) as threads:
            return list(threads.map(partial(self._timed, keep), targets))

    def _timed(self, keep: Keep, target: Target) -> float:
        began = time.perf_counter()
        keep(self._read(target))
        return time.perf_counter() - began

    def _read(self, target: Target) -> object:
        answer: object = self._clients[target.token].get(target.path)
        return answer


@contextlib.asynccontextmanager
async def opened(url: str, tokens: str) -> AsyncIterator[_InThreads]:
    """One client for each token."""
    yield _InThreads(url, tokens)
