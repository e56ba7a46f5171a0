"""What the bodies of successes decode to, each in one go."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any, Final

import msgspec

from tread_async._amounts import AmountDecoder, exact
from tread_async.models import Account, AccountBalances, CachedAccount, CachedBalances

__all__ = [
    "ESCAPED_KEY",
    "UNDECODABLE",
    "NotDoneError",
    "TwiceNamedError",
    "accounts",
    "acknowledgement",
    "anything",
    "balances",
    "cached_balances",
    "errors",
    "names_twice",
]


UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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
ESCAPED_KEY: Final = re.compile(rb"\\u00(?:65|78|63|68|61|6[eE]|67)")

_live: Final = AmountDecoder(dict[str, AccountBalances], amounts_are_text=False)
_cached: Final = AmountDecoder(_CachedReply, amounts_are_text=True)
_accounts: Final = msgspec.json.Decoder(tuple[Account, ...])
_wrapped_accounts: Final = msgspec.json.Decoder(_WrappedAccounts)
_anything: Final = msgspec.json.Decoder(float_hook=lambda text: exact(None, text))
_numbered: Final = AmountDecoder(_CachedReply, amounts_are_text=False)


def balances(body: bytes) -> dict[str, AccountBalances]:
    found: dict[str, AccountBalances] = _live.decode(body)
    # Every account has the key "exchange" once: as many keys as accounts prove that none was
    # overwritten by another of its name. Anything else is counted one by one.
    unclear = body.count(b'"exchange"') != len(found) or ESCAPED_KEY.search(body) is not None
    if unclear and names_twice(body):
        raise TwiceNamedError("an account is named twice - at `$`")
    return found


def names_twice(body: bytes) -> list[str]:
    """The keys that stand more than once in the outermost object."""
    last: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        nonlocal last
        last = pairs  # the outermost object is the last to end

    # Numbers do not matter here, and a very long one would raise.
    json.loads(body, object_pairs_hook=keep, parse_int=len, parse_float=len)
    counted = Counter(name for name, _ in last)
    return [name for name, times in counted.items() if times > 1]


def cached_balances(body: bytes) -> CachedBalances:
    reply: _CachedReply = _cached.decode(body)
    if any(account.transfers for account in reply.balances):
        # Parts without a documented shape come as they are sent, and `_cached` reads numbers as text.
        reply = _numbered.decode(body)
    return CachedBalances(balances=reply.balances, errors=errors(reply.errors))


def errors(found: tuple[msgspec.Raw, ...] | None) -> tuple[Any, ...]:
    """What the cached call says of accounts that it could not read, as it was sent."""
    return tuple([_anything.decode(error) for error in found or ()])


def accounts(body: bytes) -> tuple[Account, ...]:
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


def acknowledgement(body: bytes) -> None:
    said = msgspec.json.decode(body, type=_Acknowledgement)
    if said.error or said.errors or said.detail or said.request_created:
        raise NotDoneError("a success that speaks of an error or of a pending request - at `$`")


def anything(body: bytes) -> Any:
    found = _anything.decode(body)
    if isinstance(found, int | Decimal) and not isinstance(found, bool):
        # The one kind of JSON whose first half is JSON too: 12 may be a 1234 that was cut.
        raise msgspec.DecodeError("a bare number, which may be part of one")
    return found
