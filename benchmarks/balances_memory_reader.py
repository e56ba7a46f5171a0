"""The process whose memory is measured: python -m benchmarks.balances_memory_reader KIND URL.

Prints by how many bytes its resident memory grew with the balances, and ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.decode import bare_decoders
from benchmarks.fleet_contenders import manager, refreshed
from benchmarks.fleet_server import CACHED_PATH, token_of

TOKENS = 20
PAGE = os.sysconf("SC_PAGE_SIZE")

US, MSGSPEC, JSON = "snapshot", "msgspec", "json"
KINDS = {US: "tread_async, a Snapshot", MSGSPEC: "msgspec, unchecked", JSON: "json.loads, dicts"}


async def _snapshot(url: str) -> int:
    async with manager(url, 1) as desk:
        await refreshed(desk)
    async with manager(url, TOKENS) as desk:
        before = _resident()
        kept = await refreshed(desk)
        grown = _resident() - before
        assert len(kept.ok) == len(kept.outcomes)
        return grown


async def _by_hand(url: str, decode: Callable[[bytes], Any]) -> int:
    async with aiohttp.ClientSession() as session:

        async def read(number: int) -> Any:
            headers = {"Authorization": f"Token {token_of(number)}"}
            async with session.get(url + CACHED_PATH, headers=headers) as reply:
                return decode(await reply.read())

        await read(0)
        before = _resident()
        kept = [await read(number) for number in range(TOKENS)]
        grown = _resident() - before
        assert len(kept) == TOKENS
        return grown


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def _main(kind: str, url: str) -> None:
    if kind == US:
        grown = await _snapshot(url)
    else:
        grown = await _by_hand(url, json.loads if kind == JSON else bare_decoders()[1])
    print(grown, flush=True)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
