"""Whom the requests of one client speak for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from tread_async._codec import settings
from tread_async._codec.arguments import wrapped
from tread_async.errors import AuthError, NotSentError, TreadError
from tread_async.secret import Secret

__all__ = ["LATCH_S", "Credential", "Identity", "TokenFunctionError", "TokenSource", "said_by_name"]

_TokenFunction: TypeAlias = Callable[[], Awaitable[Secret | str] | Secret | str]
TokenSource: TypeAlias = Secret | str | _TokenFunction
"""A token, or a function or coroutine function that gives it when it is first needed and after a 401."""

LATCH_S: Final = 30.0  # long enough that a poller does not lock an account out or flood a log


class Credential:
    """A token and the way it takes.

    Args:
        token: The API token, or a function or coroutine function that gives it.
        proxy: URL of an HTTP proxy, for https. Every request of this token goes through it or not at all.

    Raises:
        UsageError: the token or the proxy cannot work.
    """

    __slots__ = ("proxy", "token")

    def __init__(self, token: TokenSource, *, proxy: Secret | str | None = None) -> None:
        # First of all, so that no frame holds a secret in clear when something else is refused.
        token = token if callable(token) else wrapped(token, "a token")
        hidden, proxy = None if proxy is None else wrapped(proxy, "proxy"), None
        self.token: Secret | _TokenFunction = token if callable(token) else settings.token(token)
        if hidden is not None:
            hidden.reveal()  # refuses what is no text
        self.proxy: Secret | None = hidden

    def __repr__(self) -> str:
        return "<Credential>"


class TokenFunctionError(Exception):
    """Carries an error of the token function past those who would take it for one of theirs."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Identity:
    """The token of one client, fetched where it comes from a function. Bound to one loop.

    A 401 makes the function be asked once more. A token that is given, a second 401 in a row or the
    same token again latch: for `LATCH_S` nothing is sent.
    """

    def __init__(self, source: TokenSource, scheme: str) -> None:
        self._scheme = scheme
        self._source = source if callable(source) else None
        self._lock = asyncio.Lock()
        self._token = None if callable(source) else settings.token(source)
        self._refused: tuple[Secret, ...] = ()
        self._just_refused: Secret | None = None  # until the latch after it has run out
        self._doubted = False
        self._latched_until = 0.0

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

    @property
    def in_doubt(self) -> bool:
        """Whether the last answer of the server to this identity was a 401."""
        return self._doubted

    @property
    def latched(self) -> bool:
        """Whether nothing may be sent with this token, as far as `check` has not said otherwise since."""
        return self._latched_until > 0.0

    @property
    def may_try_again(self) -> bool:
        """Whether a request that was refused may be sent once more, with another token."""
        return self._source is not None and not self.latched

    def header(self) -> str:
        """The value of ``Authorization``."""
        if self._token is None:
            raise RuntimeError("a request was sent before its token was fetched")
        return f"{self._scheme} {self._token.reveal()}"

    async def fetch(self) -> None:
        """Asks the function for a token if there is none. Raises as `check`, and what the function raises."""
        async with self._lock:
            self.check()
            if self._token is not None or self._source is None:
                return
            token = settings.token(await self._ask(self._source))
            if token == self._just_refused:
                self._latch()
                self.check()
            self._token = token

    def refused(self, token: Secret | None) -> None:
        """The server refused *token*."""
        if token is None or token is not self._token:
            return  # it has been replaced meanwhile
        if self._source is None or self._doubted:
            self._latch()
        if self._source is not None:
            self._refused = (*self._refused[-7:], token)
            self._token, self._just_refused = None, token
        self._doubted = True

    def accepted(self) -> None:
        """The server took the token."""
        self._doubted, self._latched_until = False, 0.0

    def check(self) -> None:
        """Refuses to send while the latch holds.

        Raises:
            AuthError: with the seconds that are left.
        """
        if not self._latched_until:
            return
        left_s = self._latched_until - asyncio.get_running_loop().time()
        if left_s > 0:
            raise AuthError(
                401,
                f"the server refused this token; nothing is sent with it for another {left_s:.0f} s. "
                "Give another token, or a function that does",
            )
        self._latched_until, self._just_refused = 0.0, None

    def _latch(self) -> None:
        self._latched_until = asyncio.get_running_loop().time() + LATCH_S

    async def _ask(self, source: Callable[[], Awaitable[Secret | str] | Secret | str]) -> Secret | str:
        try:
            given = source()
            return await given if inspect.isawaitable(given) else given
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failure = TokenFunctionError(error)  # its own: nobody has cancelled the call
        except Exception as error:
            failure = TokenFunctionError(error)
        raise failure


def said_by_name(credential: str, problem: BaseException) -> TreadError:
    """What a token function raised, as an outcome of its token: the other tokens go on."""
    if isinstance(problem, TreadError):
        return problem
    failure = NotSentError(f"the token function of {credential!r} raised {type(problem).__name__}")
    failure.permanent = True
    return failure
