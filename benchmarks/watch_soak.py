"""Does a watch grow over 2,000 rounds?

1,000 accounts of ten rows under two tokens, cached, each token polled 20 times a second; in each answer the
time stamps of all accounts move, and one account in a hundred is priced anew. The process is sampled every
tenth round. To reach, after the first fifth:

* resident memory, of which the least of every ten samples counts, since answers come and go: the line through
  it rises by at most 0.1 MB in a minute, which is some 1,200 rounds;
* descriptors are the same in every sample, and tasks too but for the polls that are under way.

What Python has allotted, in blocks, tells a leak from a heap that is still settling. The server is another
process. Nothing here speaks of failures, of accounts that come and go, of updates that somebody keeps, or of
months. Linux only.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.contenders.watching import desk, feed, next_of
from benchmarks.measuring import machine, other_process
from benchmarks.soak import Sample, sample
from benchmarks.watch_server import ACCOUNTS, ASSETS

TOKENS = 2
INTERVAL_S = 0.05
ROUNDS = 2000
SAMPLED_EVERY = 10
AT_ONCE = 10
MOST_SLOPE_MB = 0.1


class Moment(NamedTuple):
    """What the process held after so many minutes, and Python's blocks of it."""

    minutes: float
    held: Sample
    blocks: int


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    print(f"{machine()}; {TOKENS} tokens of {ACCOUNTS} accounts of {ASSETS} rows, every {INTERVAL_S} s")
    moments: list[Moment] = []
    async with (
        other_process("benchmarks.watch_server") as url,
        desk(url, "quiet", TOKENS) as one,
        feed(one, INTERVAL_S).subscribe() as updates,
    ):
        await anext(updates)
        began = time.monotonic()
        for number in range(1, ROUNDS + 1):
            update = await next_of(updates)
            if not number % SAMPLED_EVERY:
                minutes = (time.monotonic() - began) / 60
                moments.append(Moment(minutes, sample(update.round), sys.getallocatedblocks()))
    _print(moments[len(moments) // 5 :])


def _print(moments: Sequence[Moment]) -> None:
    minutes = moments[-1].minutes - moments[0].minutes
    rounds = moments[-1].held.requests - moments[0].held.requests
    least = [_least(moments[at : at + AT_ONCE]) for at in range(0, len(moments), AT_ONCE)]
    slope = _rise([(one.minutes, one.held.resident_mb) for one in least])
    blocks = _rise([(one.held.requests, one.blocks) for one in moments]) * 1000
    print(f"{rounds:,} rounds after the first fifth, {rounds / minutes:,.0f} in a minute")
    print(f"resident memory {least[0].held.resident_mb:.1f} to {least[-1].held.resident_mb:.1f} MB,", end=" ")
    print(f"{slope:+.3f} MB in a minute; to reach: at most {MOST_SLOPE_MB}")
    print(f"blocks {moments[0].blocks:,} to {moments[-1].blocks:,}, {blocks:+,.0f} in 1,000 rounds")
    for what in ("descriptors", "tasks"):
        counts = [getattr(one.held, what) for one in moments]
        more = "" if what == "descriptors" else f", but for {TOKENS} polls"
        print(f"{what} {min(counts)} to {max(counts)}; to reach: always as many{more}")


def _least(moments: Sequence[Moment]) -> Moment:
    return min(moments, key=lambda one: one.held.resident_mb)


def _rise(points: Sequence[tuple[float, float]]) -> float:
    return statistics.linear_regression(*zip(*points, strict=True)).slope
