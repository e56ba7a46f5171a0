"""A simulator in a process of its own, and the questions to ask it. Loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp

__all__ = ["Simulation", "start"]

_STARTS_WITHIN_S: Final = 20.0


class Simulation:
    """A running simulator: where it listens, whom it knows, and what it saw."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: tuple[str, ...]) -> None:
        self._session = session
        self.url = url
        self.tokens = tokens

    async def fail(self, *faults: dict[str, Any]) -> None:
        """Adds faults; see `tread_async.simulator.Fault` for the fields."""
        async with self._session.post(f"{self.url}/_simulator/faults", json=faults) as reply:
            reply.raise_for_status()

    async def ask(self, question: str) -> Any:
        """``journal``, ``summary``, ``accounts?user=0``: the simulator's own truth."""
        async with self._session.get(f"{self.url}/_simulator/{question}") as reply:
            reply.raise_for_status()
            return await reply.json()

    async def taken(self) -> dict[str, list[dict[str, Any]]]:
        """The ``requests`` and ``changes`` of the journal, which is empty afterwards.

        Not for while a request is under way: it could be in neither of two journals.
        """
        journal: dict[str, list[dict[str, Any]]] = await self.ask("journal")
        async with self._session.delete(f"{self.url}/_simulator/journal") as reply:
            reply.raise_for_status()
        return journal


@contextlib.asynccontextmanager
async def start(*, tokens: int, accounts: int, latency_s: float, seed: int) -> AsyncIterator[Simulation]:
    """Starts the simulator; it ends with the block, and also if this process dies."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tread_async.simulator", "--port", "0", "--until-stdin-closes"),
        *("--tokens", str(tokens), "--accounts", str(accounts)),
        *("--latency-s", str(latency_s), "--seed", str(seed)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the simulator has no pipes")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _STARTS_WITHIN_S)
        if not line:
            raise RuntimeError("the simulator did not start")
        said = json.loads(line)
        async with aiohttp.ClientSession() as session:
            yield Simulation(session, said["url"], tuple(said["tokens"]))
    finally:
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
