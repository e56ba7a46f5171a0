"""Our watch: for one reader or many, with its memory or without, of accounts that change little or all."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Final
from unittest import mock

from benchmarks.holding import Held, held
from benchmarks.watch_server import ACCOUNTS, token_of
from tread_async import SessionManager
from tread_async._codec.endpoints import CACHED_BALANCES_BY_ACCOUNT
from tread_async.feed import Feed, Updates
from tread_async.update import Update

__all__ = ["INTERVAL_S", "READ_BY_SOME", "desk", "feed", "next_of", "opened"]

INTERVAL_S: Final = 0.25
READ_BY_SOME: Final = 50
WARM_UP = 2
SEED = 1


class _Watching:
    """Polls all accounts of a manager."""

    def __init__(self, one: SessionManager, readers: int) -> None:
        self._desk = one
        self._readers = readers
        self._chance = random.Random(SEED)

    async def rounds(self, count: int) -> float:
        """Seconds of CPU of this process for polling one account once, when the first rounds are over."""
        async with contextlib.AsyncExitStack() as stack:
            first, *others = [await stack.enter_async_context(one) for one in await self._subscribed()]
            tasks = [asyncio.create_task(_read_on(updates)) for updates in others]
            cpu_s = await _cpu_of_an_account(first, count)
            if any(task.done() for task in tasks):
                raise RuntimeError("not what is to be measured: a reader ended")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return cpu_s

    async def _subscribed(self) -> Sequence[Updates]:
        """One reader of all, or half of them with only the changes, and half of some accounts each."""
        shared = feed(self._desk)
        if self._readers == 1:
            return [shared.subscribe()]
        keys = list((await self._desk.accounts()).accounts)
        some = [self._chance.sample(keys, READ_BY_SOME) for _ in range(self._readers // 2)]
        of_all = [shared.subscribe(changes_only=True) for _ in range(self._readers - len(some))]
        return [*of_all, *[shared.subscribe(accounts) for accounts in some]]

    async def holds(self, count: int) -> list[Held]:
        """The longest hold of the loop in each of so many rounds."""
        async with feed(self._desk).subscribe() as updates:
            await _warmed_up(updates)
            return [await held(lambda: next_of(updates), []) for _ in range(count)]

    async def alone(self, count: int) -> list[Held]:
        """The same while nothing is done."""
        return [await held(lambda: asyncio.sleep(INTERVAL_S), []) for _ in range(count)]

    async def leave(self, trials: int) -> list[float]:
        """How long it takes to leave the block while a request of each token is in flight, in seconds."""
        return [await self._time_to_leave() for _ in range(trials)]

    async def _time_to_leave(self) -> float:
        wanted = self._sent() + len(self._desk.credentials)
        async with feed(self._desk).subscribe():
            while self._sent() < wanted:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            await asyncio.sleep(self._chance.uniform(0.0, 0.01))
            began = time.perf_counter()
        return time.perf_counter() - began

    def _sent(self) -> int:
        return sum(stats.requests_sent for stats in self._desk.stats.values())


@contextlib.asynccontextmanager
async def opened(
    url: str, *, kind: str, tokens: int, memory: bool = True, readers: int = 1
) -> AsyncIterator[_Watching]:
    """A watch of so many tokens of a kind."""
    with contextlib.nullcontext() if memory else _without_memory():
        async with desk(url, kind, tokens) as one:
            yield _Watching(one, readers)


@contextlib.asynccontextmanager
async def desk(url: str, kind: str, tokens: int) -> AsyncIterator[SessionManager]:
    """A manager that has listed the accounts of so many tokens of a kind."""
    credentials = {f"desk-{number:03d}": token_of(kind, number) for number in range(tokens)}
    async with SessionManager(credentials, base_url=url) as one:
        listing = await one.accounts()
        assert listing.complete
        assert len(listing.accounts) == tokens * ACCOUNTS
        yield one


def feed(one: SessionManager, interval_s: float = INTERVAL_S) -> Feed:
    """Every cached balance, in rounds that are alike."""
    return one.feed(interval_s=interval_s, jitter=0)


async def next_of(updates: Updates) -> Update:
    """The next round, in which all is well."""
    update = await anext(updates)
    if not update.snapshot.complete or update.dropped:
        raise RuntimeError(f"not what is to be measured: {update}")
    return update


async def _warmed_up(updates: Updates) -> None:
    """Reads the first rounds, in which all is new."""
    for _ in range(WARM_UP):
        await anext(updates)


async def _cpu_of_an_account(updates: Updates, rounds: int) -> float:
    await _warmed_up(updates)
    began, polls = time.process_time(), 0
    for _ in range(rounds):
        polls += (await next_of(updates)).snapshot.requests_sent
    return (time.process_time() - began) / (polls * ACCOUNTS)


async def _read_on(updates: Updates) -> None:
    async for _ in updates:
        pass


class _Forgetful:
    """A memory in which nothing is kept."""

    endpoint = CACHED_BALANCES_BY_ACCOUNT

    def keep_only(self, names: Collection[str]) -> None: ...


@contextlib.contextmanager
def _without_memory() -> Iterator[None]:
    """Polling that begins in this block decodes everything."""
    with mock.patch("tread_async._watch.known.remembered", return_value=_Forgetful()):
        yield
