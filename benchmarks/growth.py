"""Does the cost per account stay the same from 100 to 100,000 accounts?

Refreshes of accounts of ten rows under as many tokens of 500 as it takes, or one of 100, by
`SessionManager.balances`: first reads, which decode every account, as one does by hand, where the same
replies are read with aiohttp and each is decoded in one go with msgspec, unchecked; and reads again and
again, as in a loop, of which each remembers the one before, and one account in a hundred is priced anew each
time. Each size has processes of its own; small sizes are read several times in a turn, so that all turns are
of like length. CPU is that of the contender's process, and includes letting go of the result; it is said with
the kernel's share of it, and without. Sizes in between may cost more per account, by hand as well, although
as many instructions are run: probably what is lost from the processor's caches while one waits for the
server. None of it speaks of latency, or of how much memory is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from benchmarks.answers import Figure, Found, Goal, figure, goal, share
from benchmarks.contenders import BY_HAND, FIRST, US
from benchmarks.contending import Taken, contenders, turns
from benchmarks.fleet_server import ACCOUNTS, ASSETS, DATASETS, token_of
from benchmarks.legends import legend
from benchmarks.measuring import ceiling, machine, other_process
from benchmarks.moving import CACHED_PATH

SIZES = (100, 1_000, 10_000, 100_000)
BASE = 1_000
A_TURN = 40_000  # accounts, of sizes that are not larger
ROUNDS = 5
MOST_OF_BASE = 1.15
WARM_UP = 2  # the first read remembers nothing, and the second has nothing to remember yet

NAMES = (US, FIRST, BY_HAND)
LABELS = {US: US, FIRST: FIRST, BY_HAND: f"{BY_HAND}, whole replies"}


class _Reader(NamedTuple):
    """A contender at a size."""

    name: str
    accounts: int


def measure() -> Found:
    """Runs all of them: nothing is needed beyond what we need."""
    taken, most = asyncio.run(_taken())
    cpu = {one: [took.cpu_s / one.accounts * 1e6 for took in rounds] for one, rounds in taken.items()}
    own = {
        one: [(took.cpu_s - took.kernel_s) / one.accounts * 1e6 for took in rounds]
        for one, rounds in taken.items()
    }
    return Found(
        conditions=f"{machine()}; tokens of up to {ACCOUNTS} accounts of {ASSETS} rows, {DATASETS} of them"
        f" with replies of their own; {ROUNDS} rounds; turns of"
        f" as many refreshes as make {A_TURN:,} accounts, or one; the server can give {most:,.0f} accounts a"
        " second, in whole replies",
        figures=(
            *_by_size("CPU per account, by number of accounts", cpu),
            *_by_size("CPU per account without the kernel's share, by number of accounts", own),
        ),
        goals=tuple(_growth(cpu, name) for name in (FIRST, US)),
        notes=(
            *legend(NAMES),
            f"{LABELS[BY_HAND]}: one request for all accounts of a token",
            "The kernel's share grows: a large refresh is given fresh pages, which the kernel has to clear,"
            " and gives them back; small ones use theirs again. By hand it is the same.",
        ),
    )


def _growth(cpu: Mapping[_Reader, Sequence[float]], name: str) -> Goal:
    grown = share(cpu, _Reader(name, max(SIZES)), _Reader(name, BASE))
    return goal(f"CPU per account, {name}, {max(SIZES):,} over {BASE:,}", grown, at_most=MOST_OF_BASE)


def _by_size(what: str, taken: Mapping[_Reader, Sequence[float]]) -> list[Figure]:
    return [figure(what, one.name, "us", values, one.accounts) for one, values in taken.items()]


async def _taken() -> tuple[dict[_Reader, list[Taken]], float]:
    """What each reader took, and how many accounts the server can give in a second."""
    async with contextlib.AsyncExitStack() as stack:
        urls = {
            of_token: await stack.enter_async_context(other_process("benchmarks.fleet_server", str(of_token)))
            for of_token in {min(accounts, ACCOUNTS) for accounts in SIZES}
        }
        runs: dict[_Reader, Callable[[], Awaitable[Taken]]] = {}
        for accounts in SIZES:
            of_token = min(accounts, ACCOUNTS)
            starting = contenders(NAMES, urls[of_token], str(accounts // of_token))
            for name, one in (await stack.enter_async_context(starting)).items():
                reader = _Reader(LABELS[name], accounts)
                runs[reader] = partial(one.repeat, "whole", max(A_TURN // accounts, 1))
        await turns(runs, rounds=WARM_UP)  # all at once, the largest would exceed what an attempt may take
        replies = await ceiling(urls[ACCOUNTS], CACHED_PATH, token_of(0))
        return await turns(runs, rounds=ROUNDS), replies * ACCOUNTS
