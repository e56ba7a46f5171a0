"""One contender: python -m benchmarks.contender NAME LOOP URL [ARGUMENT ...].

Opens it, and runs a job for each line of its input: ``[job, arguments]``, a method of the contender or one of
`JOBS`. For each it prints a line of JSON: CPU of this process, the kernel's share of it and wall time in
seconds, and what the job gave.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import msgspec

from benchmarks.contenders import KINDS
from benchmarks.holding import held

TURNS_TO_LET_GO = 3


async def _repeated(contender: Any, method: str, times: int, arguments: dict[str, Any]) -> None:
    """*method* of the contender so many times, each with what it costs to let go of its result."""
    run = getattr(contender, method)
    for _ in range(times):
        await run(**arguments)
        for _ in range(TURNS_TO_LET_GO):  # tasks that are done let go of theirs
            await asyncio.sleep(0)


async def _held(contender: Any, method: str) -> dict[str, float]:
    """How long *method* of the contender held the loop, and how long it took to let go of its result."""
    results: list[object] = []
    longest = await held(getattr(contender, method), results)
    for _ in range(TURNS_TO_LET_GO):
        await asyncio.sleep(0)
    began = time.perf_counter()
    results.clear()
    return {**longest._asdict(), "let_go_s": time.perf_counter() - began}


async def _probe_alone(_: Any, seconds: float) -> dict[str, float]:
    """How long the loop is held while nothing is done."""
    return (await held(lambda: asyncio.sleep(seconds), []))._asdict()


JOBS: Final[dict[str, Callable[..., Awaitable[Any]]]] = {
    "repeated": _repeated,
    "held": _held,
    "probe_alone": _probe_alone,
}


async def _main(name: str, *arguments: str) -> None:
    async with KINDS[name].opened(*arguments) as contender:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            job, given = msgspec.json.decode(line)
            run = partial(JOBS[job], contender) if job in JOBS else getattr(contender, job)
            print(msgspec.json.encode(await _done(partial(run, **given))).decode(), flush=True)


async def _done(job: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    gc.collect()
    cpu_s, kernel_s, wall_s = time.process_time(), _kernel_s(), time.perf_counter()
    result = await job()
    return {
        "cpu_s": time.process_time() - cpu_s,
        "kernel_s": _kernel_s() - kernel_s,
        "wall_s": time.perf_counter() - wall_s,
        "result": result,
    }


def _kernel_s() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_stime


def _run(name: str, loop: str, *arguments: str) -> None:
    if loop == "uvloop":
        import uvloop

        uvloop.run(_main(name, *arguments))
    else:
        asyncio.run(_main(name, *arguments))


if __name__ == "__main__":
    _run(*sys.argv[1:])
