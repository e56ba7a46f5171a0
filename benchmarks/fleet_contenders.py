"""Who reads a fleet: our manager, and what one would write by hand with aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from benchmarks.decode import bare_decoders
from benchmarks.fleet_server import ACCOUNTS, CACHED_PATH, token_of
from tread_async import SessionManager, Snapshot

AT_ONCE = 64

_decode = bare_decoders()[1]


@contextlib.asynccontextmanager
async def manager(url: str, tokens: int) -> AsyncIterator[SessionManager]:
    """A manager that has listed the accounts of *tokens* tokens."""
    credentials = {f"desk-{number:03d}": token_of(number) for number in range(tokens)}
    async with SessionManager(credentials, base_url=url) as desk:
        listing = await desk.accounts()
        assert listing.complete
        assert len(listing.accounts) == tokens * ACCOUNTS
        yield desk


async def refreshed(desk: SessionManager) -> Snapshot:
    """Every cached balance."""
    snapshot = await desk.balances(source="cached")
    if not snapshot.complete:
        raise RuntimeError(f"not what is to be measured: {snapshot}")
    return snapshot


class ByHand:
    """One session for each token, and replies decoded in one go, unchecked."""

    def __init__(self, url: str, sessions: list[aiohttp.ClientSession], names: list[list[str]]) -> None:
        self._target = url + CACHED_PATH
        self._sessions = sessions
        self._names = names

    async def whole(self) -> list[Any]:
        """One request for each token, all at once."""
        return await asyncio.gather(*[self._read(session, self._target) for session in self._sessions])

    async def one_by_one(self) -> list[Any]:
        """One request for each account, so many at once."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def read(session: aiohttp.ClientSession, name: str) -> Any:
            async with turns:
                return await self._read(session, f"{self._target}?account_names={name}")

        pairs = zip(self._sessions, self._names, strict=True)
        return await asyncio.gather(*[read(session, name) for session, names in pairs for name in names])

    async def _read(self, session: aiohttp.ClientSession, url: str) -> Any:
        async with session.get(url) as reply:
            reply.raise_for_status()
            return _decode(await reply.read())


@contextlib.asynccontextmanager
async def by_hand(url: str, desk: SessionManager) -> AsyncIterator[ByHand]:
    """The same tokens and accounts as those of *desk*."""
    names: dict[str, list[str]] = {credential: [] for credential in desk.credentials}
    for key in (await desk.accounts()).accounts:
        names[key.credential].append(key.name)
    async with contextlib.AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(
                aiohttp.ClientSession(headers={"Authorization": f"Token {token_of(number)}"})
            )
            for number in range(len(names))
        ]
        yield ByHand(url, sessions, list(names.values()))
