"""Does anything grow or slow down over 200,000 requests of which one in ten goes wrong?

Sixteen callers use three clients and a manager of three tokens, all at once: reads of every kind, leverage,
margin modes, accounts that are created and archived; one call in a hundred is cancelled by its caller. The
server is another process. One answer in ten is a 500, 503, 429 or 422, cut, garbage or too late, or its
connection is closed before or after it. `RetryPolicy` has tiny waits, so it is over in minutes. To reach:

* resident memory, sampled 200 times: the line through it after the first fifth rises by at most 1 MB in
  50,000 requests;
* descriptors and tasks as before, when the clients are closed;
* no warning, and no error that nobody looked at;
* the median latency of the calls that were answered: in the last tenth at most 1.2 times that of the first.

The latency includes the repeats and whatever else the machine did: the CPU of a request is said besides.
The retry budget of the library is on; a call that it stopped is counted. Nothing here speaks of TLS, of an
outage, or of processes that run for months. Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.measuring import machine, other_process
from benchmarks.memory_desk import PAGE
from benchmarks.soak_calls import CALLERS, Desk, desk

REQUESTS = 200_000
SEED = 1
SAMPLES = 200
TENTH = SAMPLES // 10
MOST_SLOPE_MB = 1.0
SLOPE_OVER = 50_000
MOST_SLOWER = 1.2
_SETTLE_S = 0.3


class Sample(NamedTuple):
    """What the process held after so many requests."""

    requests: int
    resident_mb: float
    descriptors: int
    tasks: int


class Tenth(NamedTuple):
    """A tenth of the run."""

    median_s: float
    cpu_s: float  # of a request


def main(requests: int = REQUESTS) -> int:
    """0 where all is reached, else 1."""
    with _complaints() as complaints:
        verdicts = asyncio.run(_main(requests, complaints))
        gc.collect()
    verdicts[f"{len(complaints)} warnings and unseen errors; to reach: 0"] = not complaints
    print()
    for said, reached in verdicts.items():
        print(f"{said}: {'reached' if reached else 'not reached'}")
    for complaint in complaints[:10]:
        print(f"  {complaint}")
    return 0 if all(verdicts.values()) else 1


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    """Warnings, and errors in a destructor."""
    found: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda hook: found.append(f"{hook.err_msg}: {hook.exc_value!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = lambda message, kind, *_: found.append(f"{kind.__name__}: {message}")
            yield found
    finally:
        sys.unraisablehook = before


async def _main(requests: int, complaints: list[str]) -> dict[str, bool]:
    def unseen(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    asyncio.get_running_loop().set_exception_handler(unseen)
    print(
        f"{machine()}; {requests:,} requests by {CALLERS} callers, faults in one answer of ten, seed {SEED}"
    )
    async with other_process("benchmarks.soak_server", str(SEED)) as url:
        async with desk(url, SEED):
            pass  # imports what is imported on first use
        before = _sample(0)
        async with desk(url, SEED) as ours:
            samples, tenths = await _soak(ours, requests)
        await asyncio.sleep(_SETTLE_S)
        after = _sample(requests)
    print(f"\ncalls: {', '.join(f'{count} x {how}' for how, count in ours.ended.most_common())}")
    print(f"stopped by the retry budget: {ours.exhausted}")
    return _verdicts(samples, tenths, before, after)


async def _soak(ours: Desk, requests: int) -> tuple[list[Sample], list[Tenth]]:
    samples: list[Sample] = []
    tenths: list[Tenth] = []
    callers = [asyncio.create_task(ours.call_on()) for _ in range(CALLERS)]
    try:
        for number in range(10):
            wall, cpu, sent = time.perf_counter(), time.process_time(), ours.requests
            for part in range(TENTH):
                await _until(ours, requests * (number * TENTH + part + 1) // SAMPLES, callers)
                samples.append(_sample(ours.requests))
            sent, cpu, wall = ours.requests - sent, time.process_time() - cpu, time.perf_counter() - wall
            tenths.append(Tenth(statistics.median(ours.took_s), cpu / sent))
            _print(samples[-1], sent / wall, ours.took_s, tenths[-1])
            ours.took_s.clear()
    finally:
        ours.over = True
        await asyncio.wait(callers)
    return samples, tenths


async def _until(ours: Desk, requests: int, callers: list[asyncio.Task[None]]) -> None:
    while ours.requests < requests:
        await asyncio.sleep(0.01)
        for caller in callers:
            if caller.done():
                caller.result()  # a call has failed with what is no error of the library


def _print(sample: Sample, rate: float, took_s: list[float], tenth: Tenth) -> None:
    worst = statistics.quantiles(took_s, n=100)[-1]
    print(
        f"{sample.requests:7,} requests: {sample.resident_mb:6.1f} MB, {sample.descriptors:3} descriptors,"
        f" {sample.tasks:3} tasks, {rate:5.0f}/s, {tenth.cpu_s * 1e6:4.0f} us of CPU each;"
        f" calls p50 {tenth.median_s * 1e3:5.2f} ms, p99 {worst * 1e3:6.2f} ms",
        flush=True,
    )


def _verdicts(samples: list[Sample], tenths: list[Tenth], before: Sample, after: Sample) -> dict[str, bool]:
    later = samples[len(samples) // 5 :]
    line = statistics.linear_regression([one.requests for one in later], [one.resident_mb for one in later])
    slope = line.slope * SLOPE_OVER
    slower = tenths[-1].median_s / tenths[0].median_s
    print(f"CPU of a request, last tenth over first: {tenths[-1].cpu_s / tenths[0].cpu_s:.2f}")
    return {
        f"memory {slope:+.2f} MB in {SLOPE_OVER:,} requests; to reach: at most {MOST_SLOPE_MB:g}": (
            slope <= MOST_SLOPE_MB
        ),
        f"descriptors {after.descriptors}, before {before.descriptors}": (
            after.descriptors <= before.descriptors
        ),
        f"tasks {after.tasks}, before {before.tasks}": after.tasks <= before.tasks,
        f"latency {slower:.2f} times that at first; to reach: at most {MOST_SLOWER:g}": (
            slower <= MOST_SLOWER
        ),
    }


def _sample(requests: int) -> Sample:
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return Sample(requests, pages * PAGE / 1e6, len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()))
