"""Contenders in processes of their own, which take turns."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.contenders import KINDS

__all__ = ["Contender", "Taken", "contenders", "in_turn", "missing", "started"]

UVLOOP = " on uvloop"


class Taken(msgspec.Struct, frozen=True):
    """What a job took in the contender's process: CPU (with that of the kernel), wall time, its result."""

    cpu_s: float
    wall_s: float
    result: Any


class Contender:
    """One contender's process, which waits for jobs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, job: str, **arguments: Any) -> Taken:
        """Runs the method *job* of the contender."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode([job, arguments]) + b"\n")
        return msgspec.json.decode(await self.line(), type=Taken)

    async def line(self) -> bytes:
        """What the process says next."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a contender's process ended; what it said is above")
        return line


def missing(names: Sequence[str]) -> dict[str, str]:
    """Contenders of *names* that cannot run, each with the package that is not installed."""
    lacking = {}
    for name in names:
        plain = name.removesuffix(UVLOOP)
        packages = [*KINDS[plain].packages, *(["uvloop"] if name != plain else [])]
        absent = [package for package in packages if importlib.util.find_spec(package) is None]
        if absent:
            lacking[name] = absent[0]
    return lacking


@contextlib.asynccontextmanager
async def contenders(names: Sequence[str], *arguments: str) -> AsyncIterator[dict[str, Contender]]:
    """Those of *names* that are installed. A name that ends in `UVLOOP` runs on that loop."""
    lacking = missing(names)
    async with contextlib.AsyncExitStack() as stack:
        found = {}
        for name in names:
            if name not in lacking:
                found[name] = await stack.enter_async_context(started(name, *arguments))
        for contender in found.values():
            await contender.line()
        yield found


@contextlib.asynccontextmanager
async def started(name: str, *arguments: str) -> AsyncIterator[Contender]:
    """One of them, which says in a line that it is ready."""
    plain = name.removesuffix(UVLOOP)
    loop = "asyncio" if plain == name else "uvloop"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.contender", plain, loop, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    assert process.stdin is not None
    try:
        yield Contender(process)
    finally:
        process.stdin.close()
        await process.wait()


async def in_turn(
    contestants: Mapping[str, Contender], job: str, *, rounds: int, **arguments: Any
) -> dict[str, list[Taken]]:
    """*job* by each of them in every round, after one round that does not count."""
    taken: dict[str, list[Taken]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contender in contestants.items():
            took = await contender.run(job, **arguments)
            if number:
                taken[name].append(took)
    return taken
