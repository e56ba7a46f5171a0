"""The process whose memory is measured: python -m benchmarks.balances_memory_reader KIND URL.

Prints by how many bytes its resident memory grew with each reading of the balances that it kept, and ends.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.decode import bare_decoders
from benchmarks.fleet_contenders import manager, refreshed
from benchmarks.fleet_server import CACHED_PATH, token_of

TOKENS = 20
KEPT = 5
PAGE = os.sysconf("SC_PAGE_SIZE")

US, MSGSPEC, JSON = "snapshot", "msgspec", "json"
KINDS = {US: "tread_async, a Snapshot", MSGSPEC: "msgspec, unchecked", JSON: "json.loads, dicts"}


async def _snapshots(url: str) -> list[int]:
    async with manager(url, 1) as desk:
        await refreshed(desk)
    async with manager(url, TOKENS) as desk:
        return await _grown(lambda: refreshed(desk))


async def _by_hand(url: str, decode: Callable[[bytes], Any]) -> list[int]:
    async with aiohttp.ClientSession() as session:

        async def read(number: int) -> Any:
            headers = {"Authorization": f"Token {token_of(number)}"}
            async with session.get(url + CACHED_PATH, headers=headers) as reply:
                return decode(await reply.read())

        await read(0)
        return await _grown(lambda: asyncio.gather(*[read(number) for number in range(TOKENS)]))


async def _grown(reading: Callable[[], Awaitable[Any]]) -> list[int]:
    kept, sizes = [], [_resident()]
    for _ in range(KEPT):
        kept.append(await reading())
        sizes.append(_resident())
    return [after - before for before, after in itertools.pairwise(sizes)]


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def _main(kind: str, url: str) -> None:
    decode = json.loads if kind == JSON else bare_decoders()[1]
    grown = await (_snapshots(url) if kind == US else _by_hand(url, decode))
    print(json.dumps(grown), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
