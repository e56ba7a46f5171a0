"""What all have in common who send one request for each account."""

from __future__ import annotations

import abc
import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from benchmarks.contenders.wishing import Told, wishes
from benchmarks.fleet_server import token_of
from benchmarks.moving import ACCOUNTS_PATH, CACHED_PATH
from benchmarks.samples import fetched

__all__ = ["Keep", "OneByOne", "Target", "listed"]

Keep = Callable[[object], None]


class Target(NamedTuple):
    """A token, and what it asks for."""

    token: str
    path: str


class _Named(msgspec.Struct):
    name: str


class OneByOne(abc.ABC):
    """Reads cached balances with one request each."""

    def __init__(self, url: str, tokens: str) -> None:
        self.url = url
        self.tokens = [token_of(number) for number in range(int(tokens) or 1)]
        self._accounts = listed(url, self.tokens) if int(tokens) else []

    @abc.abstractmethod
    async def read(self, target: Target) -> object:
        """One answer, decoded."""

    async def calls(self, count: int, at_once: int) -> list[float]:
        """Reads the same balances so many times, and gives how long each took in seconds."""
        same = itertools.repeat(Target(self.tokens[0], CACHED_PATH), count)
        return await self.spread(same, at_once, lambda _: None)

    async def wishes(self, callers: int, pause_s: float, for_s: float) -> list[Told]:
        """Reads the same balances for many callers; see `wishing`."""
        target = Target(self.tokens[0], CACHED_PATH)
        return await wishes(lambda: self.read(target), callers, pause_s, for_s)

    async def accounts(self, at_once: int) -> list[object]:
        """Reads every account by itself, with so many workers: the cheapest way."""
        kept: list[object] = []
        await self.spread(self._accounts, at_once, kept.append)
        return kept

    async def gathered(self, at_once: int) -> list[object]:
        """The same as it is mostly written: a task for each account, which waits until it may."""
        free = asyncio.Semaphore(at_once)

        async def one(target: Target) -> object:
            async with free:
                return await self.read(target)

        return await asyncio.gather(*[one(target) for target in self._accounts])

    async def whole(self) -> list[object]:
        """Reads all accounts of each token with one request."""
        return await asyncio.gather(*[self.read(Target(token, CACHED_PATH)) for token in self.tokens])

    async def spread(self, targets: Iterable[Target], at_once: int, keep: Keep) -> list[float]:
        """Reads *targets*, so many at once, for *keep*, and gives how long each took in seconds."""
        waiting = iter(targets)
        latencies: list[float] = []

        async def work() -> None:
            for target in waiting:
                began = time.perf_counter()
                keep(await self.read(target))
                latencies.append(time.perf_counter() - began)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
        return latencies


def listed(url: str, tokens: Iterable[str]) -> list[Target]:
    """A target for each account of *tokens*."""
    return [
        Target(token, f"{CACHED_PATH}?account_names={account.name}")
        for token in tokens
        for account in msgspec.json.decode(fetched(url + ACCOUNTS_PATH, token), type=list[_Named])
    ]
