"""Large bodies, account by account.

The work is done in steps, between which the event loop is free, and an account that does not decode is
a fault of that account and not of its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from tread_async import _pacing
from tread_async._amounts import AmountDecoder
from tread_async._codec import bodies
from tread_async.models import Account, AccountBalances, CachedAccount, CachedBalances

__all__ = [
    "GAP",
    "OPENING",
    "Scanned",
    "accounts_in_steps",
    "add",
    "balances_in_steps",
    "cached",
    "cached_account",
    "cached_balances_in_steps",
    "ending",
    "in_one_go",
    "in_two_ways",
    "listed",
    "live",
    "live_account",
]

T = TypeVar("T")
A = TypeVar("A", AccountBalances, CachedAccount)

_CHUNK_BYTES: Final = 48 * 1024  # decoded in half a millisecond
_LISTED_A_STEP: Final = 64
# The letters of "balances", escaped for no reason: a second list could hide so.
_ESCAPED_KEY: Final = re.compile(rb"\\u00(?:6[1235]|6[cCeE]|73)")
GAP: Final = rb"[ \t\n\r]*"  # \s would let pass what JSON does not
OPENING: Final = re.compile(rb'%b\{%b"balances"%b:%b\[%b(\{%b"[^"\\]*")'.replace(b"%b", GAP))


class Scanned(msgspec.Struct, Generic[A]):
    """The accounts of one answer, by name.

    Attributes:
        accounts: Those that decode.
        faults: What is wrong with those that do not.
        repeated: Names that stand more than once; of the cached call with everything that is said of each.
        errors: What the cached call lists as not read.
    """

    accounts: dict[str, A]
    faults: dict[str, Exception]
    repeated: dict[str, list[A]]
    errors: tuple[Any, ...] = ()


class _Name:
    """A name as a key that equals no other: an account that is named twice is there twice."""

    __slots__ = ("text",)

    def __init__(self, _kind: object, text: str) -> None:
        self.text = text


class RawCached(msgspec.Struct, gc=False):
    balances: tuple[msgspec.Raw, ...]
    errors: tuple[msgspec.Raw, ...] | None = None


class _Named(msgspec.Struct, gc=False):
    account_name: str


class _RawAccounts(msgspec.Struct):
    accounts: tuple[msgspec.Raw, ...]


_raw_live: Final = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=_Name)
_raw_cached: Final = msgspec.json.Decoder(RawCached)
_raw_accounts: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_raw_wrapped: Final = msgspec.json.Decoder(_RawAccounts)
_live: Final = AmountDecoder(AccountBalances, amounts_are_text=False)
_several: Final = AmountDecoder(tuple[CachedAccount, ...], amounts_are_text=True)
_several_numbered: Final = AmountDecoder(tuple[CachedAccount, ...], amounts_are_text=False)
_account: Final = msgspec.json.Decoder(Account)
_named: Final = msgspec.json.Decoder(_Named)


def live_account(_name: str, text: bytes) -> AccountBalances:
    account: AccountBalances = _live.decode(text)
    return account


def live(
    pieces: Sequence[bytes], account_of: Callable[[str, bytes], AccountBalances] = live_account
) -> Generator[None, None, Scanned[AccountBalances]]:
    """The answer of ``GET /api/balances/``; *account_of* decodes one account."""
    body = b"".join(pieces)
    yield
    members = _raw_live.decode(body)
    yield
    found: Scanned[AccountBalances] = Scanned({}, {}, {})
    for key, raw in members.items():
        name = key.text
        if name in found.accounts or name in found.faults:
            found.repeated[name] = []
        try:
            found.accounts[name] = account_of(name, bytes(raw))
        except bodies.UNDECODABLE as error:
            found.faults[name] = _bare(error)
        yield
    return found


def cached(pieces: Sequence[bytes]) -> Generator[None, None, Scanned[CachedAccount]]:
    """The answer of the cached call."""
    return in_two_ways(pieces, _cached_in_chunks, cached_account)


def in_two_ways(
    pieces: Sequence[bytes],
    quickly: Callable[[Sequence[bytes], Scanned[CachedAccount]], Generator[None, None, bool]],
    account_of: Callable[[bytes], CachedAccount],
) -> Generator[None, None, Scanned[CachedAccount]]:
    """The answer of the cached call *quickly*; where that cannot be done, by *account_of* one by one."""
    found: Scanned[CachedAccount] = Scanned({}, {}, {})
    try:
        whole = yield from quickly(pieces, found)
    except bodies.UNDECODABLE:
        whole = False
    if not whole:
        found = Scanned({}, {}, {})
        yield from _cached_one_by_one(b"".join(pieces), found, account_of)
    return found


def _cached_in_chunks(pieces: Sequence[bytes], found: Scanned[CachedAccount]) -> Generator[None, None, bool]:
    """Cuts the body between accounts and decodes several at a time; whether that could be done.

    Where it is cut is a guess, from the key with which the first account begins. But texts that each
    decode as a list of accounts are, with a comma between them, the list of all: a wrong cut leaves
    texts that do not decode.
    """
    body, rest = b"", filter(None, pieces)
    while len(body) < _CHUNK_BYTES and (piece := next(rest, b"")):
        body += piece
    opening = OPENING.match(body)
    if opening is None:
        return False
    at, compact = opening.start(1), b"," + opening[1]
    between = re.compile(rb",%b(?=%b)" % (GAP, re.escape(opening[1])))
    while True:
        if (end := body.find(compact, at + _CHUNK_BYTES)) >= 0:
            add(found, listed(_in_brackets(body, at, end)))
            at = end + 1
        elif cut := between.search(body, at + _CHUNK_BYTES):
            add(found, listed(_in_brackets(body, at, cut.start())))
            at = cut.end()
        elif piece := next(rest, b""):
            body, at = body[at:] + piece, 0
        else:
            break
        yield
    tail = ending(body, at)
    if tail is None:
        return False
    add(found, listed(b"[%b]" % b",".join(tail.balances)))
    found.errors = bodies.errors(tail.errors)
    return True


def ending(body: bytes, at: int) -> RawCached | None:
    """The last accounts, from *at* on, and what follows them; ``None`` if that may be a second list."""
    # It would take the place of the first.
    if body.find(b'"balances"', at) >= 0 or _ESCAPED_KEY.search(body, at) is not None:
        return None
    return _raw_cached.decode(b'{"balances":[%b' % body[at:])


def _in_brackets(body: bytes, start: int, end: int) -> bytes:
    """That part of *body* as a list, copied once."""
    return b"".join((b"[", memoryview(body)[start:end], b"]"))


def listed(text: bytes) -> tuple[CachedAccount, ...]:
    """A list of accounts."""
    accounts: tuple[CachedAccount, ...] = _several.decode(text)
    for account in accounts:
        if account.transfers:  # shape unknown: `_several` reads numbers as text
            accounts = _several_numbered.decode(text)
            break
    return accounts


def cached_account(text: bytes) -> CachedAccount:
    (account,) = listed(b"[%b]" % text)
    return account


def _cached_one_by_one(
    body: bytes, found: Scanned[CachedAccount], account_of: Callable[[bytes], CachedAccount]
) -> Generator[None, None, None]:
    reply = _raw_cached.decode(body)
    yield
    found.errors = bodies.errors(reply.errors)
    for raw in reply.balances:
        text = bytes(raw)
        try:
            add(found, (account_of(text),))
        except bodies.UNDECODABLE as error:
            found.faults[_named.decode(text).account_name] = _bare(error)
        yield


def add(found: Scanned[CachedAccount], accounts: Iterable[CachedAccount]) -> None:
    by_name = found.accounts
    for account in accounts:
        name = account.account_name
        if name in by_name:
            found.repeated.setdefault(name, [by_name[name]]).append(account)
        by_name[name] = account


def _bare(error: Exception) -> Exception:
    """*error* without what leads from it back to the body."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def in_one_go(steps: Callable[[Sequence[bytes]], Generator[None, None, T]]) -> Callable[[bytes], T]:
    """*steps* without a pause, for small bodies."""

    return lambda body: _pacing.in_one_go(steps([body]))


def balances_in_steps(pieces: Sequence[bytes]) -> Generator[None, None, dict[str, AccountBalances]]:
    """`bodies.balances`, with the same errors."""
    try:
        found = yield from live(pieces)
    except bodies.UNDECODABLE:
        return bodies.balances(b"".join(pieces))
    return bodies.balances(b"".join(pieces)) if found.faults or found.repeated else found.accounts


def cached_balances_in_steps(pieces: Sequence[bytes]) -> Generator[None, None, CachedBalances]:
    """`bodies.cached_balances`, with the same errors."""
    try:
        found = yield from cached(pieces)
    except bodies.UNDECODABLE:
        return bodies.cached_balances(b"".join(pieces))
    if found.faults or found.repeated:
        return bodies.cached_balances(b"".join(pieces))
    return CachedBalances(balances=tuple(found.accounts.values()), errors=found.errors)


def accounts_in_steps(pieces: Sequence[bytes]) -> Generator[None, None, tuple[Account, ...]]:
    """`bodies.accounts`, with the same errors."""
    body = b"".join(pieces)
    yield
    accounts: list[Account] = []
    try:
        wrapped = body.lstrip().startswith(b"{")
        listed = _raw_wrapped.decode(body).accounts if wrapped else _raw_accounts.decode(body)
        yield
        for raw in listed:
            accounts.append(_account.decode(raw))
            if not len(accounts) % _LISTED_A_STEP:
                yield
    except bodies.UNDECODABLE:
        return bodies.accounts(body)
    return tuple(accounts)
