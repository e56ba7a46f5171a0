"""Large bodies, account by account.

A body is scanned once, which finds where each account begins and ends, and every account is decoded
from its own bytes. So the work can be done in steps between which the event loop is free, and an
account that does not decode is a fault of that account and not of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, Generic, TypeVar

import msgspec

from tread_async._amounts import AmountDecoder
from tread_async._codec import bodies
from tread_async.models import Account, AccountBalances, CachedAccount, CachedBalances

__all__ = [
    "Scanned",
    "accounts_in_steps",
    "balances_in_steps",
    "cached",
    "cached_balances_in_steps",
    "in_one_go",
    "live",
]

T = TypeVar("T")
A = TypeVar("A", AccountBalances, CachedAccount)

_ROWS_A_STEP: Final = 48  # about a tenth of a millisecond


class Scanned(msgspec.Struct, Generic[A], gc=False):
    """The accounts of one answer, by name.

    Attributes:
        accounts: Those that decode.
        faults: What is wrong with those that do not.
        repeated: Names that stand more than once, with everything that is said of each; empty where
            that cannot be told apart any more.
        errors: What the cached call lists as not read.
    """

    accounts: dict[str, A]
    faults: dict[str, Exception]
    repeated: dict[str, list[A]]
    errors: tuple[Any, ...] = ()


class _RawCached(msgspec.Struct, gc=False):
    balances: tuple[msgspec.Raw, ...]
    errors: tuple[msgspec.Raw, ...] | None = None


class _Named(msgspec.Struct, gc=False):
    account_name: str


class _RawAccounts(msgspec.Struct):
    accounts: tuple[msgspec.Raw, ...]


_raw_live: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_cached: Final = msgspec.json.Decoder(_RawCached)
_raw_accounts: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_raw_wrapped: Final = msgspec.json.Decoder(_RawAccounts)
_live: Final = AmountDecoder(AccountBalances, amounts_are_text=False)
_cached: Final = AmountDecoder(CachedAccount, amounts_are_text=True)
_numbered: Final = AmountDecoder(CachedAccount, amounts_are_text=False)
_account: Final = msgspec.json.Decoder(Account)
_named: Final = msgspec.json.Decoder(_Named)


def live(body: bytes) -> Generator[None, None, Scanned[AccountBalances]]:
    """The answer of ``GET /api/balances/``."""
    members = _raw_live.decode(body)
    yield
    found: Scanned[AccountBalances] = Scanned({}, {}, {})
    accounts, decode, rows, keys = found.accounts, _live.decode, 0, 0
    for name, raw in members.items():
        text = bytes(raw)
        keys += text.count(b'"exchange"')
        try:
            account = accounts[name] = decode(text)
        except bodies.UNDECODABLE as error:
            found.faults[name] = error.with_traceback(None)
            continue
        rows += len(account.assets) + 1
        if rows > _ROWS_A_STEP:
            rows = 0
            yield
    # As in `bodies.balances`: a member that another of its name replaced has left its key in the count.
    keys += "exchange" in members
    if body.count(b'"exchange"') != keys or bodies.ESCAPED_KEY.search(body) is not None:
        found.repeated.update({name: [] for name in bodies.names_twice(body)})
    return found


def cached(body: bytes) -> Generator[None, None, Scanned[CachedAccount]]:
    """The answer of the cached call."""
    reply = _raw_cached.decode(body)
    yield
    found: Scanned[CachedAccount] = Scanned({}, {}, {}, bodies.errors(reply.errors))
    accounts, decode, rows = found.accounts, _cached.decode, 0
    for raw in reply.balances:
        text = bytes(raw)
        try:
            account = decode(text)
            if account.transfers:  # shape unknown: as sent, and `_cached` reads numbers as text
                account = _numbered.decode(text)
        except bodies.UNDECODABLE as error:
            found.faults[_named.decode(text).account_name] = error.with_traceback(None)
            continue
        name = account.account_name
        if name in accounts:
            found.repeated.setdefault(name, [accounts[name]]).append(account)
        accounts[name] = account
        rows += len(account.assets) + 1
        if rows > _ROWS_A_STEP:
            rows = 0
            yield
    return found


def in_one_go(steps: Callable[[bytes], Generator[None, None, T]]) -> Callable[[bytes], T]:
    """*steps* without a pause, for small bodies."""

    def decode(body: bytes) -> T:
        generator = steps(body)
        try:
            while True:
                next(generator)
        except StopIteration as end:
            result: T = end.value
            return result

    return decode


def balances_in_steps(body: bytes) -> Generator[None, None, dict[str, AccountBalances]]:
    """`bodies.balances`, with the same errors."""
    found = yield from live(body)
    return bodies.balances(body) if found.faults or found.repeated else found.accounts


def cached_balances_in_steps(body: bytes) -> Generator[None, None, CachedBalances]:
    """`bodies.cached_balances`, with the same errors."""
    found = yield from cached(body)
    if found.faults or found.repeated:
        return bodies.cached_balances(body)
    return CachedBalances(balances=tuple(found.accounts.values()), errors=found.errors)


def accounts_in_steps(body: bytes) -> Generator[None, None, tuple[Account, ...]]:
    """`bodies.accounts`, with the same errors."""
    wrapped = body.lstrip().startswith(b"{")
    listed = _raw_wrapped.decode(body).accounts if wrapped else _raw_accounts.decode(body)
    yield
    accounts: list[Account] = []
    try:
        for raw in listed:
            accounts.append(_account.decode(raw))
            if not len(accounts) % _ROWS_A_STEP:
                yield
    except bodies.UNDECODABLE:
        return bodies.accounts(body)
    return tuple(accounts)
