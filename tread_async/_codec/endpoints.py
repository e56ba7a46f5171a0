"""The API as data: one line an endpoint, with its decoder and what a repeat of it would do."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from tread_async._codec import bodies, scanning
from tread_async._codec.scanning import Scanned
from tread_async.models import AccountBalances, CachedAccount

__all__ = [
    "ACCOUNTS",
    "ARCHIVE_ACCOUNT",
    "BALANCES",
    "BALANCES_BY_ACCOUNT",
    "CACHED_BALANCES",
    "CACHED_BALANCES_BY_ACCOUNT",
    "CREATE_ACCOUNT",
    "SET_LEVERAGE",
    "UPDATE_ACCOUNT",
    "Endpoint",
    "Repeat",
    "by_account",
    "unlisted",
]

T = TypeVar("T")
A = TypeVar("A", AccountBalances, CachedAccount)


class Repeat(enum.Enum):
    """What it would do to send a request again."""

    FREE = "reads only"
    ABSOLUTE = "sets a value, so that twice is as good as once"
    NEVER = "acts, so that twice is not once"


class Endpoint(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One row of the API's table.

    ``decode`` turns the body of a success into the result, and ``steps`` does the same of a large one, in
    pieces, with a ``yield`` now and then; ``max_reply_bytes`` bounds the decoded
    body; ``any_success`` accepts every 2xx, where the API documents no status; ``repeats_422`` marks a 422
    that comes from the exchange behind the API and may pass; ``hedged`` marks what is so cheap for the server
    that a slow answer may be asked for twice.
    """

    name: str
    method: str
    path: str  # exactly as documented: slashes at the end differ between endpoints
    repeat: Repeat
    decode: Callable[[bytes], T]
    steps: Callable[[Sequence[bytes]], Generator[None, None, T]] | None = None
    max_reply_bytes: int = 8 * 1024 * 1024
    any_success: bool = False
    repeats_422: bool = False
    hedged: bool = False

    @property
    def label(self) -> str:
        """``METHOD /path``, for messages."""
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        """Whether a request changes something on the server."""
        return self.repeat is not Repeat.FREE


BALANCES: Final = Endpoint(
    name="balances",
    method="GET",
    path="/api/balances/",
    repeat=Repeat.FREE,
    decode=bodies.balances,
    steps=scanning.balances_in_steps,
)
CACHED_BALANCES: Final = Endpoint(
    name="cached_balances",
    method="GET",
    path="/api/sor/get_cached_account_balance",  # the one path without a slash at its end
    repeat=Repeat.FREE,
    decode=bodies.cached_balances,
    steps=scanning.cached_balances_in_steps,
    hedged=True,
)


def by_account(
    endpoint: Endpoint[Any], steps: Callable[[Sequence[bytes]], Generator[None, None, Scanned[A]]]
) -> Endpoint[Scanned[A]]:
    """The same, for a caller to whom an account that does not decode is one account that failed."""
    by_account: Endpoint[Scanned[A]]
    by_account = msgspec.structs.replace(endpoint, decode=scanning.in_one_go(steps), steps=steps)
    return by_account


BALANCES_BY_ACCOUNT: Final = by_account(BALANCES, scanning.live)
CACHED_BALANCES_BY_ACCOUNT: Final = by_account(CACHED_BALANCES, scanning.cached)
ACCOUNTS: Final = Endpoint(
    name="accounts",
    method="GET",
    path="/api/accounts/",
    repeat=Repeat.FREE,
    decode=bodies.accounts,
    steps=scanning.accounts_in_steps,
)


def _write(name: str, method: str, path: str, repeat: Repeat, *, repeats_422: bool = False) -> Endpoint[None]:
    return Endpoint(
        name=name,
        method=method,
        path=path,
        repeat=repeat,
        decode=bodies.acknowledgement,
        max_reply_bytes=64 * 1024,
        repeats_422=repeats_422,
    )


CREATE_ACCOUNT: Final = _write("create_account", "POST", "/api/accounts/", Repeat.NEVER)
UPDATE_ACCOUNT: Final = _write("update_account", "PUT", "/api/accounts/", Repeat.ABSOLUTE)
ARCHIVE_ACCOUNT: Final = _write("archive_account", "DELETE", "/api/accounts/", Repeat.NEVER)
SET_LEVERAGE: Final = _write("set_leverage", "POST", "/api/set_leverage/", Repeat.ABSOLUTE, repeats_422=True)


def unlisted(method: str, path: str) -> Endpoint[Any]:
    """An endpoint outside the table: any success is one, and only a GET is repeated."""
    repeat = Repeat.FREE if method == "GET" else Repeat.NEVER
    return Endpoint(
        name="request", method=method, path=path, repeat=repeat, decode=bodies.anything, any_success=True
    )
