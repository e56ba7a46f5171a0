"""Whom the requests of one client speak for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tread_async._codec import settings
from tread_async.errors import TreadError
from tread_async.secret import Secret

__all__ = ["Identity", "TokenFunctionError", "TokenSource"]

TokenSource: TypeAlias = Secret | str | Callable[[], Awaitable[Secret | str]]
"""A token, or a coroutine function that fetches it when it is first needed and after a 401."""


class TokenFunctionError(Exception):
    """Carries a `TreadError` of the token function past those who would take it for an answer."""

    def __init__(self, error: TreadError) -> None:
        super().__init__()
        self.error = error


class Identity:
    """The token of one client, fetched where it comes from a function. Bound to one loop."""

    def __init__(self, source: TokenSource, scheme: str) -> None:
        self._scheme = scheme
        self._source = source if callable(source) else None
        self._lock = asyncio.Lock()
        self._token = None if callable(source) else settings.token(source)
        self._refused: tuple[Secret, ...] = ()

    def __repr__(self) -> str:
        return f"<Identity {self._scheme}>"

    @property
    def token(self) -> Secret | None:
        """The token to use, or ``None`` if `fetch` has to be awaited first."""
        return self._token

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What a server's text must not show: a late answer may echo a token that was replaced."""
        return self._refused if self._token is None else (self._token, *self._refused)

    def header(self) -> str:
        """The value of ``Authorization``."""
        if self._token is None:
            raise RuntimeError("a request was sent before its token was fetched")
        return f"{self._scheme} {self._token.reveal()}"

    async def fetch(self) -> None:
        """Asks the function for a token if there is none. Raises whatever the function raises."""
        async with self._lock:
            if self._token is None and self._source is not None:
                self._token = settings.token(await self._ask(self._source))

    def refused(self, token: Secret | None) -> None:
        """The server refused *token*: if it is still in use, the function is asked for another."""
        if self._source is not None and token is not None and token is self._token:
            self._refused = (*self._refused[-7:], token)
            self._token = None

    async def _ask(self, source: Callable[[], Awaitable[Secret | str]]) -> Secret | str:
        try:
            return await source()
        except TreadError as error:
            failure = TokenFunctionError(error)
        raise failure
