"""Does a watch grow over 2,000 rounds?

1,000 accounts of ten rows under two tokens, cached, each polled 20 times a second; in each answer the time
stamps of all accounts move, and one account in a hundred is priced anew. The process is sampled every twenty
rounds. To reach, after the first fifth:

* the line through the resident memory rises by at most 0.1 MB in a minute, which is some 1,200 rounds;
* tasks and descriptors are the same in every sample.

The server is another process. Nothing here speaks of failures, of accounts that come and go, of updates that
somebody keeps, or of months. Linux only.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from benchmarks.measuring import machine, other_process
from benchmarks.soak import Sample, sample
from benchmarks.watch_contenders import desk, feed, next_of
from benchmarks.watch_server import ACCOUNTS, ASSETS

TOKENS = 2
INTERVAL_S = 0.05
ROUNDS = 2000
SAMPLED_EVERY = 20
MOST_SLOPE_MB = 0.1


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    print(f"{machine()}; {TOKENS} tokens of {ACCOUNTS} accounts of {ASSETS} rows, every {INTERVAL_S} s")
    samples, minutes = [], []
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
                samples.append(sample(update.round))
                minutes.append((time.monotonic() - began) / 60)
    _print(samples, minutes)


def _print(samples: list[Sample], minutes: list[float]) -> None:
    first = len(samples) // 5
    later, at = samples[first:], minutes[first:]
    memory = [one.resident_mb for one in later]
    slope = statistics.linear_regression(at, memory).slope
    rate = (later[-1].requests - later[0].requests) / (at[-1] - at[0])
    print(f"{later[-1].requests:,} rounds, {rate:,.0f} in a minute")
    print(f"resident memory {memory[0]:.1f} MB, at the end {memory[-1]:.1f} MB, at most {max(memory):.1f} MB")
    print(f"{slope:+.3f} MB in a minute; to reach: at most {MOST_SLOPE_MB}")
    for what in ("tasks", "descriptors"):
        counts = [getattr(one, what) for one in later]
        print(f"{what}: {min(counts)} to {max(counts)}; to reach: always as many")
