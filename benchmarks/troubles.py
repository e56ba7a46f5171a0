"""Contenders, each against a server of its own that has trouble when told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from benchmarks.contenders.wishing import Told
from benchmarks.contending import Contender, started
from benchmarks.measuring import other_process
from benchmarks.samples import fetched
from benchmarks.troubled_server import BEGIN, END, REQUESTS

__all__ = ["Pair", "Servers", "pairs", "wishes"]


class Pair(NamedTuple):
    """What a contender is called, the trouble of its server, and its process."""

    name: str
    trouble: str
    contender: Contender


class Servers:
    """The servers of all pairs. Moments are on the clock of all processes."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def begin(self) -> float:
        """Trouble from now on; when that was."""
        return float(await self._told(BEGIN))

    async def end(self) -> float:
        """No trouble any more; when that was."""
        return float(await self._told(END))

    async def requests(self) -> list[list[float]]:
        """When each server had requests, in the order of the pairs."""
        requests: list[list[float]] = await self._told(REQUESTS)
        return requests

    async def _told(self, path: str) -> Any:
        return json.loads(await asyncio.to_thread(fetched, self._url + path, "none"))


@contextlib.asynccontextmanager
async def pairs(wanted: Sequence[tuple[str, str]]) -> AsyncIterator[tuple[Servers, list[Pair]]]:
    """Each of *wanted* is a contender and a trouble."""
    troubles = [trouble for _, trouble in wanted]
    async with (
        other_process("benchmarks.troubled_server", *troubles) as line,
        contextlib.AsyncExitStack() as stack,
    ):
        urls = json.loads(line)
        made = [
            Pair(name, trouble, await stack.enter_async_context(started(name, url, "0")))
            for (name, trouble), url in zip(wanted, urls, strict=True)
        ]
        for pair in made:
            await pair.contender.line()
        yield Servers(urls[0]), made


async def wishes(made: Sequence[Pair], callers: int, pause_s: float, for_s: float) -> list[list[Told]]:
    """What the callers of each were told, all at the same time; see `wishing`."""
    jobs = [pair.contender.run("wishes", callers=callers, pause_s=pause_s, for_s=for_s) for pair in made]
    return [
        [(caller, began, ended, good) for caller, began, ended, good in taken.result]
        for taken in await asyncio.gather(*jobs)
    ]
