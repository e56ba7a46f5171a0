"""One contender: python -m benchmarks.contender NAME LOOP URL [ARGUMENT ...].

Opens it, and runs a job for each line of its input: ``[method, arguments]``. For each it prints a line of
JSON: CPU of this process and wall time in seconds, and what the method gave.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import Any

import msgspec

from benchmarks.contenders import KINDS


async def _main(name: str, *arguments: str) -> None:
    async with KINDS[name].opened(*arguments) as contender:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            job, given = msgspec.json.decode(line)
            print(msgspec.json.encode(await _done(getattr(contender, job), given)).decode(), flush=True)


async def _done(job: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    gc.collect()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    result = await job(**arguments)
    return {
        "cpu_s": time.process_time() - cpu_s,
        "wall_s": time.perf_counter() - wall_s,
        "result": result,
    }


def _run(name: str, loop: str, *arguments: str) -> None:
    if loop == "uvloop":
        import uvloop

        uvloop.run(_main(name, *arguments))
    else:
        asyncio.run(_main(name, *arguments))


if __name__ == "__main__":
    _run(*sys.argv[1:])
