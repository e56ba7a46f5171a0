"""By hand: aiohttp, `json` and `Decimal`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp

from benchmarks.contenders.one_by_one import OneByOne, Target
from benchmarks.decode import cached_with_json

__all__ = ["opened"]


class _ByHand(OneByOne):
    def __init__(self, url: str, tokens: str, session: aiohttp.ClientSession) -> None:
        super().__init__(url, tokens)
        self._session = session

    async def read(self, target: Target) -> object:
        headers = {"Authorization": f"Token {target.token}"}
        async with self._session.get(self.url + target.path, headers=headers) as reply:
            reply.raise_for_status()
            return cached_with_json(await reply.read())


@contextlib.asynccontextmanager
async def opened(url: str, tokens: str) -> AsyncIterator[_ByHand]:
    """One session, with as many connections as are wanted."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield _ByHand(url, tokens, session)
