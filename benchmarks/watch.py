"""What does it cost to poll a fleet, and how long is the event loop held meanwhile?

5,000 accounts of ten rows under 10 tokens, cached, polled by `SessionManager.watch`. Where nothing else is
said, each answer moves the time stamps of all accounts, and prices all rows of one account in a hundred anew.

* CPU of a round, against the same watch without its memory: it decodes every account each time, and else does
  the same. For comparison: what one writes without a watch, `balances` in a loop and the `changes` of its
  snapshots, where a manager remembers its reads as a watch does; a watch whose time stamps stand still; and a
  busy one, of 1,000 accounts that are all priced anew each time, where a memory is of no use.
* CPU of a round of a feed with 100 readers, half of whom read 50 accounts each and half all with
  ``changes_only``, against one reader of all.
* The longest time during a round in which nothing else on the loop got its turn.
* How long it takes to leave the block while a request of each of four tokens is in flight, and nothing of
  its answer has come, or half of it.

The server is a bare protocol with texts ready made in another process, and each contender runs in a process
of its own, which is started twice. CPU is that of the contender's process, with its share of the kernel's,
once the first rounds are over, in which all is new. A round is one poll of each token; they are spread over
the interval, without jitter. How long it is changes what a second costs, and hardly what a round does. None
of it speaks of latency over a real network, TLS, compression, live balances, answers with something wrong in
them, rules, or of what readers do with an update. The wall time of the longest hold, for which there is a
goal, includes whatever else the machine did: compare with the probe alone, and with CPU, which is what the
watch did.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from benchmarks.answers import Figure, Found, Goal, figures, goal, percentile, share
from benchmarks.contenders.watchers import (
    BUSY,
    BUSY_FORGETFUL,
    FORGETFUL,
    LEAVING_HALF,
    LEAVING_SILENT,
    LOOP,
    MANY_READERS,
    STILL,
    WATCH,
    WATCHERS,
)
from benchmarks.contenders.watching import INTERVAL_S
from benchmarks.contending import Contender, contenders, in_turn
from benchmarks.holding import Held
from benchmarks.legends import legend
from benchmarks.measuring import machine, other_process
from benchmarks.watch_server import ACCOUNTS, ASSETS

POLLING = (WATCH, FORGETFUL, LOOP, STILL, MANY_READERS, BUSY, BUSY_FORGETFUL)
LEAVING = (LEAVING_SILENT, LEAVING_HALF)
STARTS = 2
TURNS = 3
ROUNDS = 4
HOLDING_ROUNDS = 10
TRIALS = 200
MOST_OF_DECODING = 0.20
MOST_OF_ONE_READER = 1.3
MOST_HELD_MS = 5.0
MOST_TO_LEAVE_MS = 100.0
ALONE = "the probe alone"


def measure() -> Found:
    """Runs all of them: nothing is needed beyond what we need."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    cpu: dict[str, list[float]] = defaultdict(list)
    held: dict[str, list[Held]] = defaultdict(list)
    async with other_process("benchmarks.watch_server") as url:
        for _ in range(STARTS):
            async with contenders(POLLING, url) as polling:
                for name, taken in (await in_turn(polling, "rounds", rounds=TURNS, count=ROUNDS)).items():
                    cpu[name] += [one.result * 1e6 for one in taken]
                for name, longest in (await _held(polling)).items():
                    held[name] += longest
        async with contenders(LEAVING, url) as leaving:
            left = {name: await _leaving(one) for name, one in leaving.items()}
    held_figures, held_goals = _of_holding(held)
    left_figures, left_goals = _of_leaving(left)
    return Found(
        conditions=f"{machine()}; tokens of {ACCOUNTS} accounts of {ASSETS} rows; a round in {INTERVAL_S} s;"
        f" {STARTS} starts, after each {TURNS} turns of {ROUNDS} rounds for CPU and {HOLDING_ROUNDS} rounds"
        f" for the longest hold; {TRIALS} trials of leaving",
        figures=(*figures("CPU per account and round", "us", cpu), *held_figures, *left_figures),
        goals=(
            _cpu_goal(cpu, WATCH, FORGETFUL, MOST_OF_DECODING),
            _cpu_goal(cpu, MANY_READERS, WATCH, MOST_OF_ONE_READER),
            *held_goals,
            *left_goals,
        ),
        notes=legend(list(WATCHERS)),
    )


def _cpu_goal(cpu: Mapping[str, Sequence[float]], name: str, base: str, at_most: float) -> Goal:
    return goal(f"CPU of a round, {name} over {base}", share(cpu, name, base), at_most=at_most)


async def _held(polling: Mapping[str, Contender]) -> dict[str, list[Held]]:
    """The longest hold in each of the rounds, and what the probe finds where nothing is done."""
    jobs = {WATCH: (WATCH, "holds"), BUSY: (BUSY, "holds"), ALONE: (WATCH, "alone")}
    taken = {name: await polling[who].run(job, count=HOLDING_ROUNDS) for name, (who, job) in jobs.items()}
    return {name: [Held(*longest) for longest in took.result] for name, took in taken.items()}


def _of_holding(held: Mapping[str, Sequence[Held]]) -> tuple[list[Figure], list[Goal]]:
    found: list[Figure] = []
    for place, clock in enumerate(("wall time", "CPU")):
        longest = {name: [one[place] * 1e3 for one in rounds] for name, rounds in held.items()}
        most = {name: [max(rounds)] for name, rounds in longest.items()}
        found += figures(f"longest hold of a round, {clock}", "ms", longest)
        found += figures(f"longest hold of all rounds, {clock}", "ms", most)
    most_ms = {name: max(one.wall_s for one in held[name]) * 1e3 for name in (WATCH, BUSY)}
    return found, [
        goal(f"ms of the longest hold, {name}", [longest_ms], at_most=MOST_HELD_MS)
        for name, longest_ms in most_ms.items()
    ]


async def _leaving(one: Contender) -> list[float]:
    """How long it took each time, in ms."""
    return [seconds * 1e3 for seconds in (await one.run("leave", trials=TRIALS)).result]


def _of_leaving(left: Mapping[str, Sequence[float]]) -> tuple[list[Figure], list[Goal]]:
    worst = {name: [percentile(took, 0.99)] for name, took in left.items()}
    found = [*figures("leaving the block", "ms", left), *figures("leaving the block, p99", "ms", worst)]
    goals = [
        goal(f"ms to leave the block, p99, {name}", took, at_most=MOST_TO_LEAVE_MS)
        for name, took in worst.items()
    ]
    return found, goals
