"""How long an event loop is held: the longest time between two turns of a task that always wants the next."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

__all__ = ["Held", "held", "median_and_most"]


class Held(NamedTuple):
    """The longest time between two turns: as a clock shows it, and in CPU of this thread."""

    wall_s: float
    cpu_s: float


async def held(job: Callable[[], Awaitable[object]], results: list[object]) -> Held:
    """The longest hold while *job* ran. What it gave stays in *results*, since letting go of it holds too."""
    longest_wall = longest_cpu = 0.0

    async def probe() -> None:
        nonlocal longest_wall, longest_cpu
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0)
            now_wall, now_cpu = time.perf_counter(), time.thread_time()
            longest_wall = max(longest_wall, now_wall - wall)
            longest_cpu = max(longest_cpu, now_cpu - cpu)
            wall, cpu = now_wall, now_cpu

    task = asyncio.create_task(probe())
    await asyncio.sleep(0)
    results.append(await job())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    return Held(longest_wall, longest_cpu)


def median_and_most(seconds: Sequence[float]) -> str:
    """Both in milliseconds."""
    return f"median {statistics.median(seconds) * 1e3:6.2f}, most {max(seconds) * 1e3:6.2f}"
