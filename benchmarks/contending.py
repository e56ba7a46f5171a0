"""Contenders in processes of their own, which take turns."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from benchmarks.contenders import KINDS

__all__ = [
    "UVLOOP",
    "Contender",
    "Taken",
    "contenders",
    "in_turn",
    "missing",
    "skipped",
    "started",
    "turns",
]

UVLOOP = " on uvloop"

Name = TypeVar("Name")
T = TypeVar("T")


class Taken(msgspec.Struct, frozen=True):
    """What a job took in the contender's process: CPU, the kernel's share of it, wall time, its result."""

    cpu_s: float
    kernel_s: float
    wall_s: float
    result: Any


class Contender:
    """One contender's process, which waits for jobs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._job = asyncio.Lock()

    async def run(self, job: str, **arguments: Any) -> Taken:
        """Runs *job*, a method of the contender or one of its process for any method."""
        assert self._process.stdin is not None
        async with self._job:
            self._process.stdin.write(msgspec.json.encode([job, arguments]) + b"\n")
            return msgspec.json.decode(await self.line(), type=Taken)

    async def repeat(self, method: str, times: int, **arguments: Any) -> Taken:
        """*method* so many times, each with letting go of its result; what one of them took."""
        took = await self.run("repeated", method=method, times=times, arguments=arguments)
        return Taken(took.cpu_s / times, took.kernel_s / times, took.wall_s / times, None)

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


def skipped(names: Sequence[str]) -> tuple[str, ...]:
    """The same in words."""
    return tuple(f"{name} ({package})" for name, package in missing(names).items())


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
        start_new_session=True,  # Ctrl-C is for the parent, which ends it
    )
    assert process.stdin is not None
    try:
        yield Contender(process)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it may be at a job that takes long
        raise
    finally:
        process.stdin.close()
        await process.wait()


async def in_turn(
    contestants: Mapping[str, Contender], job: str, *, rounds: int, **arguments: Any
) -> dict[str, list[Taken]]:
    """*job* by each of them in every round, after one time by all at once that does not count."""
    runs = {name: partial(one.run, job, **arguments) for name, one in contestants.items()}
    await asyncio.gather(*[run() for run in runs.values()])
    return await turns(runs, rounds=rounds)


async def turns(runs: Mapping[Name, Callable[[], Awaitable[T]]], *, rounds: int) -> dict[Name, list[T]]:
    """What each of *runs* gave in every round."""
    taken: dict[Name, list[T]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(await run())
    return taken
