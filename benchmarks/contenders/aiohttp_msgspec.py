"""By hand: aiohttp and msgspec. A single call decodes as we do; many accounts into structs without checks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp

from benchmarks.contenders.one_by_one import OneByOne, Target
from benchmarks.decode import bare_decoders
from tread_async._codec.endpoints import CACHED_BALANCES

__all__ = ["ByHand", "made", "opened"]

TIMEOUT_S = 10.0  # of a single call, as an attempt of ours; the default of five minutes would be no match

Decode = Callable[[bytes], object]


class ByHand(OneByOne):
    """One session, and an error for every status that is none of success."""

    def __init__(self, url: str, tokens: str, session: aiohttp.ClientSession, decode: Decode) -> None:
        super().__init__(url, tokens)
        self._session = session
        self._decode = decode
        self._headers = {token: {"Authorization": f"Token {token}"} for token in self.tokens}

    async def read(self, target: Target) -> object:
        url, headers = self.url + target.path, self._headers[target.token]
        async with self._session.get(url, headers=headers) as reply:
            reply.raise_for_status()
            return self._decode(await reply.read())


@contextlib.asynccontextmanager
async def made(kind: type[ByHand], url: str, tokens: str) -> AsyncIterator[ByHand]:
    """One session, with as many connections as are wanted."""
    decode: Decode = bare_decoders()[1] if int(tokens) else CACHED_BALANCES.decode
    timeout = aiohttp.ClientTimeout(total=None if int(tokens) else TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield kind(url, tokens, session, decode)


def opened(url: str, tokens: str) -> AbstractAsyncContextManager[ByHand]:
    """Without any retry."""
    return made(ByHand, url, tokens)
