"""Whom the requests of one client speak for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tread_async._codec import arguments as check
from tread_async.secret import Secret

__all__ = ["Identity", "TokenSource"]

TokenSource: TypeAlias = Secret | str | Callable[[], Awaitable[Secret | str]]
"""A token, or a coroutine function that fetches it when it is first needed and after a 401."""


class Identity:
    """The token of one client, fetched where it comes from a function. Bound to one loop."""

    def __init__(self, source: TokenSource, scheme: str) -> None:
        self._scheme = check.auth_scheme(scheme)
        self._source = source if callable(source) else None
        self._lock = asyncio.Lock()
        self.token = None if callable(source) else check.token(source)

    def __repr__(self) -> str:
        return f"<Identity {self._scheme}>"

    def header(self) -> str:
        """The value of ``Authorization``; `fetch` has run."""
        assert self.token is not None  # noqa: S101 - for the type checker
        return f"{self._scheme} {self.token.reveal()}"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What a server's text must not show."""
        return () if self.token is None else (self.token,)

    async def fetch(self) -> None:
        """Asks the function for a token if there is none. Raises whatever the function raises."""
        if self.token is None and self._source is not None:
            async with self._lock:
                if self.token is None:
                    self.token = check.token(await self._source())

    def forget(self) -> None:
        """The server refused the token: the next call asks the function again."""
        if self._source is not None:
            self.token = None
