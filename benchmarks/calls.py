"""What does one call cost, and how many can be made at once?

Every contender reads the same cached reply of 2 KB again and again, over kept connections where it keeps
them, from a bare protocol in another process that answers at once. Each runs in a process of its own, and
they take turns in every round. All are started several times, since how a process comes to lie in memory
decides about a fifth of what a call costs: whether malloc gives the buffer of each answer back to the system
(we ask for smaller ones, and are spared). So the figures of one more start may lie outside of the quartiles,
which are those of the rounds of a few. CPU is that of the contender's process, with its share of the
kernel's. So many callers ask again as soon as they have their answer; where there are more than one they wait
for the one core that the contender has, and latency over a network has nothing of this. It says nothing of
other replies or of failing calls.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.answers import Figure, Found, figure, figures, goal, percentile, share
from benchmarks.contenders import BY_HAND, CONTENDERS, PYDANTIC, US
from benchmarks.contending import UVLOOP, Taken, contenders, in_turn, skipped
from benchmarks.legends import legend
from benchmarks.measuring import ceiling, machine, other_process
from benchmarks.samples import small_cached_reply

NAMES = [*CONTENDERS, US + UVLOOP, BY_HAND + UVLOOP]
STARTS = 3


class Load(NamedTuple):
    """So many callers, and how many calls they make together, how often after each start."""

    callers: int
    calls: int
    rounds: int


ONE = Load(callers=1, calls=200, rounds=7)
LOADS = (ONE, Load(callers=32, calls=512, rounds=3), Load(callers=256, calls=512, rounds=3))
MOST_OF_BY_HAND = 1.10
MOST_OF_PYDANTIC = 0.10
PERCENTILES = {"p50": 0.50, "p99": 0.99, "p99.9": 0.999}

Rounds = dict[str, list[Taken]]


def measure() -> Found:
    """Runs all contenders that are installed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reply.json"
        body = small_cached_reply(2000)
        file.write_bytes(body)
        return asyncio.run(_measure(file, len(body)))


async def _measure(file: Path, size_bytes: int) -> Found:
    taken: dict[Load, Rounds] = {load: {} for load in LOADS}
    async with other_process("benchmarks.reply_server", str(file)) as url:
        most = await ceiling(url)
        for _ in range(STARTS):
            await _started_afresh(url, taken)
    cpu = _cpu_us(ONE, taken[ONE])
    goals = [goal(f"CPU per call, {US} over {BY_HAND}", share(cpu, US, BY_HAND), at_most=MOST_OF_BY_HAND)]
    if PYDANTIC in cpu:
        over = share(cpu, US, PYDANTIC)
        goals.append(goal(f"CPU per call, {US} over {PYDANTIC}", over, at_most=MOST_OF_PYDANTIC))
    return Found(
        conditions=f"{machine()}; a reply of {size_bytes:,} bytes; {STARTS} starts of {ONE.rounds} rounds of"
        f" {ONE.calls} calls one after the other, and of {LOADS[1].rounds} of {LOADS[1].calls} at once;"
        f" the server can give {most:,.0f} answers a second",
        figures=tuple(shown for load, rounds in taken.items() for shown in _figures(load, rounds)),
        goals=tuple(goals),
        skipped=skipped(NAMES),
        notes=legend(NAMES),
    )


async def _started_afresh(url: str, taken: Mapping[Load, Rounds]) -> None:
    async with contenders(NAMES, url, "0") as contestants:
        for load, rounds in taken.items():
            took = await in_turn(
                contestants, "calls", rounds=load.rounds, count=load.calls, at_once=load.callers
            )
            for name, more in took.items():
                rounds.setdefault(name, []).extend(more)


def _figures(load: Load, taken: Rounds) -> list[Figure]:
    what = f"{load.callers} in flight"
    rates = {name: [load.calls / one.wall_s for one in rounds] for name, rounds in taken.items()}
    found = figures(f"CPU per call, {what}", "us", _cpu_us(load, taken))
    found += figures(f"calls, {what}", "per second", rates)
    for label, part in PERCENTILES.items():
        found += [
            figure(f"latency, {what}, {label}", name, "ms", _at(rounds, part))
            for name, rounds in taken.items()
        ]
    return found


def _cpu_us(load: Load, taken: Rounds) -> dict[str, list[float]]:
    return {name: [one.cpu_s / load.calls * 1e6 for one in rounds] for name, rounds in taken.items()}


def _at(rounds: Sequence[Taken], part: float) -> list[float]:
    """The latency under which *part* of the calls of all rounds lie, in ms."""
    latencies = list(itertools.chain.from_iterable(one.result for one in rounds))
    return [percentile(latencies, part) * 1e3]
