"""How fast are 200 and 1,000 accounts read at 40 ms latency?

All accounts of one token, with ten rows each, from a server that takes 40 ms before each answer. Everyone
but us reads them as it is mostly written: one request for each account, 32 at once. We ask for them together,
with one request or a few, and that is all there is to the goal: it sets one request of ours against one for
each account. Who asks for the whole reply by hand, or with one call of the vendor's client, is about as fast.
There the difference is another one: amounts are not exact decimals that are checked, and it is left
to the caller to find which accounts are missing from the reply, twice in it or refused.

Each contender runs in a process of its own, and they take turns in every round, over kept connections where
they keep them; who needs one latency for all reads them a few times a turn. We remember nothing of a read for
the next, as in a first read; `refresh` has what that would spare. CPU is that of the contender's process,
with its share of the kernel's. The latency is always the same: nothing here speaks of TLS, compression, a
limited bandwidth or a server that takes longer for a larger reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.answers import Figure, Found, Goal, figures, goal, share
from benchmarks.contenders import BY_HAND, CONTENDERS, FIRST, US, VENDOR
from benchmarks.contenders.one_by_one import listed
from benchmarks.contending import UVLOOP, Taken, contenders, skipped, turns
from benchmarks.fleet_server import ASSETS, token_of
from benchmarks.legends import WHOLE, legend
from benchmarks.measuring import ceiling, machine, other_process

NAMES = [FIRST, FIRST + UVLOOP, *(name for name in CONTENDERS if name != US), BY_HAND + UVLOOP]
SIZES = (200, 1000)
LATENCY_S = 0.04
AT_ONCE = 32
ROUNDS = 3
REPEATS = 8  # in a turn, of those who need one latency for all
LEAST_OF_VENDOR = 20
EACH = (
    f"where no whole reply is named: one request for each account, {AT_ONCE} at once; {FIRST}: all together"
)


def measure() -> Found:
    """Runs all contenders that are installed."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    found: list[Figure] = []
    goals: list[Goal] = []
    for accounts in SIZES:
        taken = await _taken(accounts)
        rates = {name: [accounts / one.wall_s for one in rounds] for name, rounds in taken.items()}
        cpu = {name: [one.cpu_s / accounts * 1e6 for one in rounds] for name, rounds in taken.items()}
        found += figures(f"{accounts:,} accounts, rate", "accounts per second", rates)
        found += figures(f"{accounts:,} accounts, CPU per account", "us", cpu)
        if VENDOR in rates and accounts == max(SIZES):
            over = f"{FIRST} (all together) over {VENDOR} (one request per account)"
            what = f"{accounts:,} accounts, rate, {over}"
            goals.append(goal(what, share(rates, FIRST, VENDOR), at_least=LEAST_OF_VENDOR))
    return Found(
        conditions=f"{machine()}; one token, accounts of {ASSETS} rows, {LATENCY_S * 1e3:g} ms before each"
        f" answer, {AT_ONCE} in flight; {ROUNDS} rounds; without its latency the server can give"
        f" {await _ceiling():,.0f} answers of one account a second",
        figures=tuple(found),
        goals=tuple(goals),
        skipped=skipped(NAMES),
        notes=(*legend(NAMES), WHOLE, EACH),
    )


async def _taken(accounts: int) -> dict[str, list[Taken]]:
    async with (
        other_process("benchmarks.fleet_server", str(accounts), str(LATENCY_S)) as url,
        contenders(NAMES, url, "1") as contestants,
    ):
        runs: dict[str, Callable[[], Awaitable[Taken]]] = {}
        for name, one in contestants.items():
            times = REPEATS if name.startswith(FIRST) else 1
            runs[name] = partial(one.repeat, "accounts", times, at_once=AT_ONCE)
            if name.startswith(BY_HAND) or name == VENDOR:
                runs[f"{name}, whole reply"] = partial(one.repeat, "whole", REPEATS)
        await asyncio.gather(*[run() for run in runs.values()])  # warm, and mostly waiting
        return await turns(runs, rounds=ROUNDS)


async def _ceiling() -> float:
    async with other_process("benchmarks.fleet_server", str(min(SIZES))) as url:
        account = (await asyncio.to_thread(listed, url, [token_of(0)]))[0]
        return await ceiling(url, account.path, account.token)
