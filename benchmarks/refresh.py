"""What does it cost to read the cached balances of 10,000 accounts?

Accounts of ten rows under 20 tokens, whose lists are known already, read again and again by
`SessionManager.balances`. By hand one reads the same 20 replies with aiohttp and decodes each in one go with
msgspec, unchecked: NaN, 1_000, accounts twice and accounts that are missing all pass there. Or one sends one
request for each account, 64 at once, and decodes in the same way.

The longest hold is the longest time during a refresh in which nothing else on the loop got its turn: a probe
that only asks for its next turn notes the longest time between two, in wall time and in CPU of this thread.
The results are kept meanwhile; letting go of one happens in one go, and is said besides. Wall time includes
whatever else the machine did: compare with the probe alone, and with CPU, which is what the refresh did.

The server is a bare protocol with ready-made bytes in another process, and each contender runs in a process
of its own. CPU is that of the contender's process, with its share of the kernel's, and includes letting go of
the result. None of it speaks of latency over a real network, TLS, compression, live balances or replies with
something wrong in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.answers import Figure, Found, Goal, figures, goal, share
from benchmarks.contenders import BY_HAND, US
from benchmarks.contending import Contender, Taken, contenders, turns
from benchmarks.fleet_server import ACCOUNTS, ASSETS
from benchmarks.measuring import machine, other_process

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
ONE_BY_ONE = f"{BY_HAND}, one by one"
ALONE = "the probe alone"


def measure() -> Found:
    """Runs all of them: nothing is needed beyond what we need."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    async with (
        other_process("benchmarks.fleet_server") as url,
        contenders([US, BY_HAND], url, str(TOKENS)) as whole,
        contenders([BY_HAND], url, str(TOKENS)) as one_by_one,
    ):
        readers = {US: whole[US], WHOLE: whole[BY_HAND]}
        cpu = await _cpu(readers, one_by_one[BY_HAND])
        held, goals = await _holding(readers)
    over = f"CPU an account, {US} over "
    return Found(
        conditions=f"{machine()}; {TOKENS} tokens of {ACCOUNTS} accounts of {ASSETS} rows; {ROUNDS} rounds of"
        f" {REPEATS} refreshes with whole replies and one with {AT_ONCE} requests at once, one for each"
        f" account; {HOLDING_ROUNDS} rounds for the longest hold",
        figures=(*figures("CPU an account", "us", cpu), *held),
        goals=(
            goal(over + ONE_BY_ONE, share(cpu, US, ONE_BY_ONE), at_most=MOST_OF_ONE_BY_ONE),
            goal(over + WHOLE, share(cpu, US, WHOLE), at_most=MOST_OF_WHOLE),
            *goals,
        ),
    )


async def _cpu(readers: Mapping[str, Contender], one_by_one: Contender) -> dict[str, list[float]]:
    """Microseconds an account."""
    whole = {name: partial(one.repeat, "whole", REPEATS) for name, one in readers.items()}
    each = {ONE_BY_ONE: partial(one_by_one.repeat, "accounts", 1, at_once=AT_ONCE)}
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
    goals: list[Goal] = []
    for clock, field in (("wall time", "wall_s"), ("CPU", "cpu_s")):
        held = {name: _ms(rounds, field) for name, rounds in taken.items()}
        worst = {name: [max(rounds)] for name, rounds in held.items()}
        found += figures(f"longest hold of a refresh, {clock}", "ms", held)
        found += figures(f"longest hold of the worst refresh, {clock}", "ms", worst)
        goals.append(goal(f"ms of the worst hold, {clock}, {US}", worst[US], at_most=MOST_HELD_MS))
    found += figures("letting go of a result", "ms", {name: _ms(taken[name], "let_go_s") for name in readers})
    return found, goals


def _ms(rounds: Sequence[Taken], field: str) -> list[float]:
    return [one.result[field] * 1e3 for one in rounds]
