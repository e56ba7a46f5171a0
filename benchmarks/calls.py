"""What does one call cost, and how many can be made at once?

Every contender reads the same cached reply of 2 KB again and again, over kept connections where it keeps
them, from a bare protocol in another process that answers at once. Each runs in a process of its own, and
they take turns in every round. CPU is that of the contender's process, with its share of the kernel's, one
call after the other. Throughput and latency are those of so many callers who ask again as soon as they have
their answer, so they wait for the one core that the contender has: latency over a network has nothing of
this. It says nothing of other replies or of failing calls. What is much slower takes fewer calls a round.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.answers import Figure, Found, figure, figures, goal, percentile, share
from benchmarks.contenders import BY_HAND, CONTENDERS, PYDANTIC, US
from benchmarks.contending import UVLOOP, Contender, Taken, contenders, in_turn, skipped
from benchmarks.measuring import ceiling, machine, other_process
from benchmarks.samples import small_cached_reply

NAMES = [*CONTENDERS, US + UVLOOP, BY_HAND + UVLOOP]
CALLS = 200
CPU_ROUNDS = 20
ROUNDS = 8
CALLERS = (1, 32, 256)
CALLS_OF_MANY = 512
MOST_OF_BY_HAND = 1.10
MOST_OF_PYDANTIC = 0.10
PERCENTILES = {"p50": 0.50, "p99": 0.99, "p99.9": 0.999}


def measure() -> Found:
    """Runs all contenders that are installed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reply.json"
        body = small_cached_reply(2000)
        file.write_bytes(body)
        return asyncio.run(_measure(file, len(body)))


async def _measure(file: Path, size_bytes: int) -> Found:
    async with other_process("benchmarks.reply_server", str(file)) as url:
        most = await ceiling(url)
        async with contenders(NAMES, url, "0") as contestants:
            taken = await in_turn(contestants, "calls", rounds=CPU_ROUNDS, count=CALLS, at_once=1)
            cpu = {name: [one.cpu_s / CALLS * 1e6 for one in rounds] for name, rounds in taken.items()}
            found = figures("CPU a call", "us", cpu)
            for callers in CALLERS:
                found += await _many(contestants, callers)
    goals = [goal(f"CPU a call, {US} over {BY_HAND}", share(cpu, US, BY_HAND), at_most=MOST_OF_BY_HAND)]
    if PYDANTIC in cpu:
        over = share(cpu, US, PYDANTIC)
        goals.append(goal(f"CPU a call, {US} over {PYDANTIC}", over, at_most=MOST_OF_PYDANTIC))
    return Found(
        conditions=f"{machine()}; a reply of {size_bytes:,} bytes; {CPU_ROUNDS} rounds of {CALLS} calls for"
        f" CPU, {ROUNDS} of {CALLS_OF_MANY} for the rest; the server can give {most:,.0f} answers a second",
        figures=tuple(found),
        goals=tuple(goals),
        skipped=skipped(NAMES),
        notes=tuple(f"{name}: {kind.does}" for name, kind in CONTENDERS.items()),
    )


async def _many(contestants: dict[str, Contender], callers: int) -> list[Figure]:
    taken = await in_turn(contestants, "calls", rounds=ROUNDS, count=CALLS_OF_MANY, at_once=callers)
    what = f"{callers} in flight"
    rates = {name: [CALLS_OF_MANY / one.wall_s for one in rounds] for name, rounds in taken.items()}
    found = figures(f"calls, {what}", "a second", rates)
    for label, part in PERCENTILES.items():
        found += [
            figure(f"latency, {what}, {label}", name, "ms", _at(rounds, part))
            for name, rounds in taken.items()
        ]
    return found


def _at(rounds: Sequence[Taken], part: float) -> list[float]:
    """The latency under which *part* of the calls of all rounds lie, in ms."""
    latencies = list(itertools.chain.from_iterable(one.result for one in rounds))
    return [percentile(latencies, part) * 1e3]
