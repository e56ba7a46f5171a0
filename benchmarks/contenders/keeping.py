"""Who keeps the balances of a fleet: as our snapshot, or as what other decoders make of the same replies.

All has been imported and used on the accounts of one token before anything is measured. Of what was received
nothing is kept but what became of it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

import aiohttp

from benchmarks.contenders.ours import refreshed
from benchmarks.decode import bare_decoders
from benchmarks.fleet_server import ACCOUNTS, token_of
from benchmarks.moving import CACHED_PATH
from benchmarks.resident import settled_bytes
from tread_async import SessionManager, Snapshot

__all__ = ["TOKENS", "opened"]

TOKENS: Final = 20

Decode = Callable[[bytes], object]
Read = Callable[[], Awaitable[object]]


class _Keeping:
    def __init__(self, first: Read, second: Read) -> None:
        self._first = first
        self._second = second

    async def grown(self) -> int:
        """By how many bytes the resident memory grows with all balances, when they are kept a second time."""
        kept = [await self._first()]  # it has room that was left free before
        before = settled_bytes()
        kept.append(await self._second())
        return settled_bytes() - before


@contextlib.asynccontextmanager
async def opened(url: str, *, kept: str, reads: int = 1) -> AsyncIterator[_Keeping]:
    """Balances *kept* as a snapshot, the last of so many *reads*, or as one of `_DECODERS` makes them."""
    opening = _snapshots(url, reads) if kept == "snapshot" else _replies(url, _DECODERS[kept]())
    async with opening as keeping:
        yield keeping


@contextlib.asynccontextmanager
async def _snapshots(url: str, reads: int) -> AsyncIterator[_Keeping]:
    """Each of a manager of its own: one that reads again would remember."""
    async with _desk(url, 1) as small:
        await refreshed(small)
    async with _desk(url, TOKENS) as one, _desk(url, TOKENS) as other:

        async def newest() -> Snapshot:
            for _ in range(reads - 1):
                await refreshed(other)
            return await refreshed(other)

        yield _Keeping(partial(refreshed, one), newest)


@contextlib.asynccontextmanager
async def _desk(url: str, tokens: int) -> AsyncIterator[SessionManager]:
    credentials = {f"desk-{number:03d}": token_of(number) for number in range(tokens)}
    async with SessionManager(credentials, base_url=url) as desk:
        listing = await desk.accounts()
        assert len(listing.accounts) == tokens * ACCOUNTS
        yield desk


@contextlib.asynccontextmanager
async def _replies(url: str, decode: Decode) -> AsyncIterator[_Keeping]:
    async with aiohttp.ClientSession() as session:

        async def read(tokens: int = TOKENS) -> list[object]:
            return [await _reply(session, url, number, decode) for number in range(tokens)]

        await read(1)
        yield _Keeping(read, read)


async def _reply(session: aiohttp.ClientSession, url: str, number: int, decode: Decode) -> object:
    headers = {"Authorization": f"Token {token_of(number)}"}
    async with session.get(url + CACHED_PATH, headers=headers) as reply:
        reply.raise_for_status()
        return decode(await reply.read())


def _models() -> Decode:
    from benchmarks.contenders.httpx_pydantic import Reply

    return Reply.model_validate_json


_DECODERS: Final[dict[str, Callable[[], Any]]] = {
    "dicts": lambda: json.loads,
    "structs": lambda: bare_decoders()[1],
    "models": _models,
}
