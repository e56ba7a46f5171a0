"""The API as data: one line an endpoint, with its decoder and what a repeat of it would do."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from tread_async._amounts import AmountDecoder, exact
from tread_async.models import Account, AccountBalances, CachedAccount, CachedBalances

__all__ = [
    "ACCOUNTS",
    "ARCHIVE_ACCOUNT",
    "BALANCES",
    "CACHED_BALANCES",
    "CREATE_ACCOUNT",
    "SET_LEVERAGE",
    "UPDATE_ACCOUNT",
    "Endpoint",
    "NotDoneError",
    "Repeat",
    "TwiceNamedError",
    "unlisted",
]

T = TypeVar("T")


class Repeat(enum.Enum):
    """What it would do to send a request again."""

    FREE = "reads only"
    ABSOLUTE = "sets a value, so that twice is as good as once"
    NEVER = "acts, so that twice is not once"


class Endpoint(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One row of the API's table.

    ``decode`` turns the body of a success into the result; ``max_reply_bytes`` bounds the decoded
    body; ``any_success`` accepts every 2xx, where the API documents no status; ``repeats_422`` marks a 422
    that comes from the exchange behind the API and may pass.
    """

    name: str
    method: str
    path: str  # exactly as documented: slashes at the end differ between endpoints
    repeat: Repeat
    decode: Callable[[bytes], T]
    max_reply_bytes: int = 8 * 1024 * 1024
    any_success: bool = False
    repeats_422: bool = False

    @property
    def label(self) -> str:
        """``METHOD /path``, for messages."""
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        """Whether a request changes something on the server."""
        return self.repeat is not Repeat.FREE


class TwiceNamedError(msgspec.DecodeError):
    """An object names an account twice, so that one of the two would be lost."""


class NotDoneError(msgspec.DecodeError):
    """A write was answered with a success that says otherwise."""


class _CachedReply(msgspec.Struct, gc=False):
    balances: tuple[CachedAccount, ...]
    errors: tuple[msgspec.Raw, ...] | None = None


class _WrappedAccounts(msgspec.Struct):
    accounts: tuple[Account, ...]


# The letters of "exchange", escaped for no reason: an account's key could hide from a count so.
_ESCAPED_KEY: Final = re.compile(rb"\\u00(?:65|78|63|68|61|6[eE]|67)")

_live: Final = AmountDecoder(dict[str, AccountBalances], amounts_are_text=False)
_cached: Final = AmountDecoder(_CachedReply, amounts_are_text=True)
_accounts: Final = msgspec.json.Decoder(tuple[Account, ...])
_wrapped_accounts: Final = msgspec.json.Decoder(_WrappedAccounts)
_anything: Final = msgspec.json.Decoder(float_hook=lambda text: exact(None, text))
_numbered: Final = AmountDecoder(_CachedReply, amounts_are_text=False)


def _decode_balances(body: bytes) -> dict[str, AccountBalances]:
    found: dict[str, AccountBalances] = _live.decode(body)
    # Every account has the key "exchange" once: as many keys as accounts prove that none was
    # overwritten by another of its name. Anything else is counted one by one.
    unclear = body.count(b'"exchange"') != len(found) or _ESCAPED_KEY.search(body) is not None
    if unclear and _members(body) != len(found):
        raise TwiceNamedError("an account is named twice - at `$`")
    return found


def _members(body: bytes) -> int:
    """How many members the outermost object has, those of equal name included."""
    sizes: list[int] = []
    json.loads(
        body,
        object_pairs_hook=lambda pairs: sizes.append(len(pairs)),
        parse_int=len,  # numbers do not matter here, and a very long one would raise
        parse_float=len,
    )
    return sizes[-1]


def _decode_cached_balances(body: bytes) -> CachedBalances:
    reply: _CachedReply = _cached.decode(body)
    if any(account.transfers for account in reply.balances):
        # Parts without a documented shape come as they are sent, and `_cached` reads numbers as text.
        reply = _numbered.decode(body)
    errors = tuple([_anything.decode(error) for error in reply.errors or ()])
    return CachedBalances(balances=reply.balances, errors=errors)


def _decode_accounts(body: bytes) -> tuple[Account, ...]:
    if body.lstrip().startswith(b"{"):  # seen in the wild; a bare array is the contract
        return _wrapped_accounts.decode(body).accounts
    return _accounts.decode(body)


class _Acknowledgement(msgspec.Struct):
    """What a write answers. The message is opaque: all three account writes say "created"."""

    message: Any = None
    error: Any = None
    errors: Any = None
    detail: Any = None
    request_created: Any = None


def _decode_acknowledgement(body: bytes) -> None:
    said = msgspec.json.decode(body, type=_Acknowledgement)
    if said.error or said.errors or said.detail or said.request_created:
        raise NotDoneError("a success that speaks of an error or of a pending request - at `$`")


def _decode_anything(body: bytes) -> Any:
    found = _anything.decode(body)
    if isinstance(found, int | Decimal) and not isinstance(found, bool):
        # The one kind of JSON whose first half is JSON too: 12 may be a 1234 that was cut.
        raise msgspec.DecodeError("a bare number, which may be part of one")
    return found


BALANCES: Final = Endpoint(
    name="balances", method="GET", path="/api/balances/", repeat=Repeat.FREE, decode=_decode_balances
)
CACHED_BALANCES: Final = Endpoint(
    name="cached_balances",
    method="GET",
    path="/api/sor/get_cached_account_balance",  # the one path without a slash at its end
    repeat=Repeat.FREE,
    decode=_decode_cached_balances,
)
ACCOUNTS: Final = Endpoint(
    name="accounts", method="GET", path="/api/accounts/", repeat=Repeat.FREE, decode=_decode_accounts
)


def _write(name: str, method: str, path: str, repeat: Repeat, *, repeats_422: bool = False) -> Endpoint[None]:
    return Endpoint(
        name=name,
        method=method,
        path=path,
        repeat=repeat,
        decode=_decode_acknowledgement,
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
        name="request", method=method, path=path, repeat=repeat, decode=_decode_anything, any_success=True
    )
