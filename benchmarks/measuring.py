"""Interleaved measurement: contenders take turns, so that a noisy machine is noisy for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.metadata
import platform
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping

import tread_async

PACKAGES = (
    *("aiohttp", "msgspec", "tenacity", "anyio"),
    *("httptools", "httpx", "pydantic", "requests", "rich", "taas-api-client", "trustme", "typer", "uvloop"),
)


def machine() -> str:
    """What the figures were measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in packages().items())
    return f"Python {platform.python_version()} on {platform.machine()}, {versions}"


def packages() -> dict[str, str]:
    """The versions of this library, and of what is installed of the packages that it or another needs."""
    found = {"tread_async": tread_async.__version__}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def interleaved(contenders: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of CPU of this process, per contender and round."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for _ in range(rounds):
        for name, run in contenders.items():
            gc.collect()
            began = time.process_time()
            run()
            taken[name].append(time.process_time() - began)
    return taken


async def ceiling(url: str, path: str = "/", token: str = "0" * 40) -> float:
    """How many answers a second the server at *url* gives at most."""
    async with other_process("benchmarks.ceiling", url, path, token) as line:
        return float(line)


@contextlib.asynccontextmanager
async def other_process(*arguments: str) -> AsyncIterator[str]:
    """A Python module in a process of its own; gives the first line it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the parent, which ends it
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    finally:
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
