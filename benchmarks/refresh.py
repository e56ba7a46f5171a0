"""What does it cost to read the cached balances of 10,000 accounts?

Accounts of ten rows under 20 tokens, whose lists are known already, read by `SessionManager.balances`. From
one reply to the next the time stamps of all accounts move on, and one account in a hundred is priced anew.

* tread_async reads again and again, as `balances` in a loop does. From the second read within a minute it
  remembers what each account was said to hold, and decodes only those of which something else is said. For
  the others it moves the time stamp.
* Its first read decodes every account, and so does each that comes later than a minute after the one before.
  Who reads once a day, or starts a process for each read, has this and nothing else.
* Where all accounts are priced anew each time, a memory is of no use. It is tried in two reads of 32, and
  costs what it takes to look.

By hand one reads the same 20 replies with aiohttp and decodes each in one go with msgspec, unchecked: NaN,
1_000, accounts twice and accounts that are missing all pass there. That is a match for the first read, since
both decode everything. Or one sends one request for each account, 64 at once, and decodes in the same way:
with 64 workers, which is the cheapest way, or as it is mostly written, with `asyncio.gather` and a semaphore,
which makes a task for each account. The goals are held against both. Nobody by hand remembers anything.

The longest hold is the longest time during a refresh in which nothing else on the loop got its turn: a probe
that only asks for its next turn notes the longest time between two, in wall time and in CPU of this thread.
The results are kept meanwhile; letting go of one happens in one go, and is said besides. Wall time, for which
there is a goal, includes whatever else the machine did: compare with the probe alone, and with CPU, which is
what the refresh did.

The server is a bare protocol with ready-made bytes in another process, and each contender runs in a process
of its own. CPU is that of the contender's process, with its share of the kernel's, and includes letting go of
the result. None of it speaks of latency over a real network, TLS, compression, live balances or replies with
something wrong in them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.answers import Figure, Found, Goal, figures, goal, share
from benchmarks.contenders import AGAIN_BUSY, BY_HAND, FIRST, US
from benchmarks.contending import Contender, Taken, contenders, turns
from benchmarks.fleet_server import ACCOUNTS, ASSETS, token_of
from benchmarks.legends import legend
from benchmarks.measuring import ceiling, machine, other_process
from benchmarks.moving import CACHED_PATH

OURS = (US, FIRST, AGAIN_BUSY)
TOKENS = 20
AT_ONCE = 64
ROUNDS = 6
REPEATS = 5  # of whole replies: turns of like length, or a busy neighbour hits one and not the other
HOLDING_ROUNDS = 10
ALONE_S = 0.4
MOST_OF_ONE_BY_ONE = 0.16
MOST_OF_WHOLE = 1.25
MOST_HELD_MS = 5.0

WHOLE = f"{BY_HAND}, whole replies"
WORKERS = f"{BY_HAND}, {AT_ONCE} workers"
GATHER = f"{BY_HAND}, gather and a semaphore"
ONE_BY_ONE = {WORKERS: "accounts", GATHER: "gathered"}
ALONE = "the probe alone"


def measure() -> Found:
    """Runs all of them: nothing is needed beyond what we need."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    async with (
        other_process("benchmarks.fleet_server") as url,
        contenders([*OURS, BY_HAND], url, str(TOKENS)) as whole,
        contenders([BY_HAND], url, str(TOKENS)) as one_by_one,
    ):
        most = await ceiling(url, CACHED_PATH, token_of(0))
        readers = {**{name: whole[name] for name in OURS}, WHOLE: whole[BY_HAND]}
        cpu = await _cpu(readers, one_by_one[BY_HAND])
        held, goals = await _holding(readers)
    return Found(
        conditions=f"{machine()}; {TOKENS} tokens of {ACCOUNTS} accounts of {ASSETS} rows; {ROUNDS} rounds of"
        f" {REPEATS} refreshes with whole replies and one each with {AT_ONCE} requests at once, one for"
        f" each account; {HOLDING_ROUNDS} rounds for the longest hold; the server can give {most:,.0f} whole"
        f" replies a second, so {most * ACCOUNTS:,.0f} accounts",
        figures=(
            *figures("CPU per account", "us", cpu),
            *figures(f"CPU over {WHOLE}", "times", {name: share(cpu, name, WHOLE) for name in OURS}),
            *held,
        ),
        goals=(
            *(
                _cpu_goal(cpu, name, base, MOST_OF_ONE_BY_ONE)
                for name, base in itertools.product((US, FIRST), ONE_BY_ONE)
            ),
            _cpu_goal(cpu, FIRST, WHOLE, MOST_OF_WHOLE),
            *goals,
        ),
        notes=(
            *legend([*OURS, BY_HAND]),
            f"{WHOLE}: one request for all accounts of a token",
            f"{WORKERS}: one request for each account, sent by so many workers, who share out the accounts",
            f"{GATHER}: the same requests; a task for each account, of which {AT_ONCE} may send at once",
        ),
    )


def _cpu_goal(cpu: Mapping[str, Sequence[float]], name: str, base: str, at_most: float) -> Goal:
    return goal(f"CPU per account, {name} over {base}", share(cpu, name, base), at_most=at_most)


async def _cpu(readers: Mapping[str, Contender], one_by_one: Contender) -> dict[str, list[float]]:
    """Microseconds per account."""
    whole = {name: partial(one.repeat, "whole", REPEATS) for name, one in readers.items()}
    each = {name: partial(one_by_one.repeat, way, 1, at_once=AT_ONCE) for name, way in ONE_BY_ONE.items()}
    await turns({**whole, **each}, rounds=1)  # warm
    taken = await turns({**whole, **each}, rounds=ROUNDS)
    return {name: [one.cpu_s / (TOKENS * ACCOUNTS) * 1e6 for one in rounds] for name, rounds in taken.items()}


async def _holding(readers: Mapping[str, Contender]) -> tuple[list[Figure], list[Goal]]:
    taken = await turns(
        {
            **{name: partial(one.run, "held", method="whole") for name, one in readers.items()},
            ALONE: partial(readers[US].run, "probe_alone", seconds=ALONE_S),
        },
        rounds=HOLDING_ROUNDS,
    )
    found: list[Figure] = []
    for clock, field in (("wall time", "wall_s"), ("CPU", "cpu_s")):
        held = {name: _ms(rounds, field) for name, rounds in taken.items()}
        most = {name: [max(rounds)] for name, rounds in held.items()}
        found += figures(f"longest hold of a refresh, {clock}", "ms", held)
        found += figures(f"longest hold of the worst refresh, {clock}", "ms", most)
    found += figures("letting go of a result", "ms", {name: _ms(taken[name], "let_go_s") for name in readers})
    return found, [
        goal(f"ms of the worst hold, {name}", [max(_ms(taken[name], "wall_s"))], at_most=MOST_HELD_MS)
        for name in (US, FIRST)
    ]


def _ms(rounds: Sequence[Taken], field: str) -> list[float]:
    return [one.result[field] * 1e3 for one in rounds]
