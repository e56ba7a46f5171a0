"""Does anything grow or slow down over 200,000 requests of which one in ten goes wrong?

Sixteen callers use three clients and a manager of three tokens, all at once: reads of every kind, leverage,
margin modes, accounts that are created and archived; one call in a hundred is cancelled by its caller. The
server is another process. One answer in ten is a 500, 503, 429 or 422, cut, garbage or too late, or its
connection is closed before or after it. `RetryPolicy` has tiny waits, so it is over in minutes. To reach:

* resident memory, sampled 200 times: the line through it after the first fifth rises by at most 1 MB in
  50,000 requests;
* descriptors and tasks as before, when the clients are closed;
* no warning, and no error that nobody looked at;
* the median latency of the calls that were answered: in the last tenth at most 1.2 times that of the first;
* and at most 1.2 times that of clients just opened, both at once, in another tenth at the end.

The latency includes the repeats. The first of its two figures includes whatever else the machine did
meanwhile: on a machine that others use, look at the second. With fewer than 50,000 requests the line would
show only how the process warms up, and is not drawn; fewer than 2,000 are refused.
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
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from benchmarks.measuring import machine, other_process
from benchmarks.resident import resident_bytes
from benchmarks.soak_calls import CALLERS, Desk, desk

REQUESTS = 200_000
FEWEST = 2_000
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


def main(requests: int) -> None:
    """Prints what is found, and what of it is reached."""
    with _complaints() as complaints:
        verdicts = asyncio.run(_main(requests, complaints))
        gc.collect()
    verdicts[f"{len(complaints)} warnings and unseen errors; to reach: 0"] = not complaints
    print()
    for said, reached in verdicts.items():
        print(f"{said}: {'reached' if reached else 'NOT REACHED'}")
    for complaint in complaints[:10]:
        print(f"  {complaint}")


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
        before = sample(0)
        async with desk(url, SEED) as ours, _calling(ours) as callers:
            samples, tenths = await _soak(ours, requests, callers)
            async with desk(url, SEED + 1) as new, _calling(new) as others:
                beside = await _beside(ours, new, requests // 10, [*callers, *others])
        await asyncio.sleep(_SETTLE_S)
        after = sample(requests)
    print(f"\ncalls: {', '.join(f'{count} x {how}' for how, count in ours.ended.most_common())}")
    print(f"stopped by the retry budget: {ours.exhausted}")
    return remembered(samples, requests) | _verdicts(tenths, before, after, beside)


@contextlib.asynccontextmanager
async def _calling(one: Desk) -> AsyncIterator[list[asyncio.Task[None]]]:
    """The callers of *one*, who end after the block, each with the call that it is at."""
    callers = [asyncio.create_task(one.call_on()) for _ in range(CALLERS)]
    try:
        yield callers
    finally:
        one.over = True
        await asyncio.wait(callers)


async def _soak(
    ours: Desk, requests: int, callers: list[asyncio.Task[None]]
) -> tuple[list[Sample], list[Tenth]]:
    samples: list[Sample] = []
    tenths: list[Tenth] = []
    for number in range(10):
        wall, cpu, sent = time.perf_counter(), time.process_time(), ours.requests
        for part in range(TENTH):
            await _until(ours, requests * (number * TENTH + part + 1) // SAMPLES, callers)
            samples.append(sample(ours.requests))
        sent, cpu, wall = ours.requests - sent, time.process_time() - cpu, time.perf_counter() - wall
        tenths.append(Tenth(statistics.median(ours.took_s), cpu / sent))
        _print(samples[-1], sent / wall, ours.took_s, tenths[-1])
        ours.took_s.clear()
    return samples, tenths


async def _beside(ours: Desk, new: Desk, requests: int, callers: list[asyncio.Task[None]]) -> float:
    """How much slower calls are than those of *new*, both at once for so many requests."""
    ours.took_s.clear()
    new.took_s.clear()
    await _until(ours, ours.requests + requests, callers)
    return statistics.median(ours.took_s) / statistics.median(new.took_s)


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


def remembered(samples: list[Sample], requests: int) -> dict[str, bool]:
    """The verdict on memory, where there were requests enough for one."""
    if requests < SLOPE_OVER:
        print(f"memory: not judged, which takes {SLOPE_OVER:,} requests")
        return {}
    later = samples[len(samples) // 5 :]
    line = statistics.linear_regression([one.requests for one in later], [one.resident_mb for one in later])
    slope = line.slope * SLOPE_OVER
    said = f"memory {slope:+.2f} MB in {SLOPE_OVER:,} requests; to reach: at most {MOST_SLOPE_MB:g}"
    return {said: slope <= MOST_SLOPE_MB}


def _verdicts(tenths: list[Tenth], before: Sample, after: Sample, beside: float) -> dict[str, bool]:
    slower = tenths[-1].median_s / tenths[0].median_s
    print(f"CPU of a request, last tenth over first: {tenths[-1].cpu_s / tenths[0].cpu_s:.2f}")
    most = f"; to reach: at most {MOST_SLOWER:g}"
    return {
        f"descriptors {after.descriptors}, before {before.descriptors}": after.descriptors
        <= before.descriptors,
        f"tasks {after.tasks}, before {before.tasks}": after.tasks <= before.tasks,
        f"latency {slower:.2f} times that of the first tenth{most}": slower <= MOST_SLOWER,
        f"latency {beside:.2f} times that of new clients at the same time{most}": beside <= MOST_SLOWER,
    }


def sample(requests: int) -> Sample:
    """What this process holds now."""
    resident_mb = resident_bytes() / 1e6
    return Sample(requests, resident_mb, len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()))
