"""Who polls a fleet: our watch, the same without its memory, and a loop around `balances`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Collection, Iterator
from unittest import mock

from benchmarks.fleet_contenders import refreshed
from benchmarks.watch_server import ACCOUNTS, token_of
from tread_async import SessionManager
from tread_async._codec.endpoints import CACHED_BALANCES_BY_ACCOUNT
from tread_async.changes import changes
from tread_async.feed import Feed, Updates
from tread_async.update import Update

TOKENS = 10
INTERVAL_S = 0.4
WARM_UP = 2


class _Forgetful:
    """A memory in which nothing is kept."""

    endpoint = CACHED_BALANCES_BY_ACCOUNT

    def keep_only(self, names: Collection[str]) -> None: ...


@contextlib.contextmanager
def without_memory() -> Iterator[None]:
    """Polling that begins in this block decodes everything."""
    with mock.patch("tread_async._watch.known.remembered", return_value=_Forgetful()):
        yield


@contextlib.asynccontextmanager
async def desk(url: str, kind: str, tokens: int = TOKENS) -> AsyncIterator[SessionManager]:
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


async def warmed_up(updates: Updates) -> None:
    """Reads the first rounds, in which all is new."""
    for _ in range(WARM_UP):
        await anext(updates)


async def next_of(updates: Updates) -> Update:
    """The next round, in which all is well."""
    update = await anext(updates)
    if not update.snapshot.complete or update.dropped:
        raise RuntimeError(f"not what is to be measured: {update}")
    return update


async def cpu_of_an_account(updates: Updates, rounds: int) -> float:
    """Seconds of CPU of this process for polling one account once, when the first rounds are over."""
    await warmed_up(updates)
    began, polls = time.process_time(), 0
    for _ in range(rounds):
        polls += (await next_of(updates)).snapshot.requests_sent
    return (time.process_time() - began) / (polls * ACCOUNTS)


async def cpu_of_an_account_in_a_loop(one: SessionManager, rounds: int) -> float:
    """The same for who reads all balances and compares them with those before."""
    before = (await refreshed(one)).outcomes
    began = time.process_time()
    for _ in range(rounds):
        after = (await refreshed(one)).outcomes
        changes(before, after)
        before = after
    return (time.process_time() - began) / (rounds * len(before))
