"""A memory of the last answers, with which only the accounts whose bytes have changed are decoded.

An account is known again by its text: where an account must begin, the complete text of an object is that
object, so that nothing of it has to be parsed. What is remembered says of a text what it decodes to, and no
more: no body, whatever it holds, can make it wrong for another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Sequence
from functools import partial
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from tread_async._codec import bodies, scanning
from tread_async._codec.cutting import NEAR_BYTES, STAMP_KEY, Joint, windows
from tread_async._codec.endpoints import BALANCES_BY_ACCOUNT, CACHED_BALANCES_BY_ACCOUNT, Endpoint, by_account
from tread_async._codec.scanning import GAP, OPENING, Scanned, add, listed
from tread_async.models import AccountBalances, CachedAccount

__all__ = ["Remembered", "remembered"]

A = TypeVar("A", AccountBalances, CachedAccount)

_STEP_BYTES: Final = 32 * 1024  # decoded in less than half a millisecond
_KNOWN_COSTS: Final = 400  # bytes decoded in the time in which an account is found to be known
_LONGEST_JOINT: Final = 64
_CLOSING: Final = re.compile(rb"%b\]" % GAP)
_NAME: Final = re.compile(rb'"account_name"%b:%b("[^"\\]*(?:\\.[^"\\]*)*")' % (GAP, GAP))
# Without leading zeros, as in JSON, and few enough for any number of them to be an integer.
_DIGITS: Final = re.compile(rb"0|[1-9][0-9]{0,14}")
_STAMP: Final = re.compile(rb"%b%b:%b(%b)(?=[ \t\n\r,}])" % (STAMP_KEY, GAP, GAP, _DIGITS.pattern))
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[5-7]")
_BLANKS: Final = b" \t\n\r"

_text: Final = msgspec.json.Decoder(str)
_raw_accounts: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])


class Remembered(Generic[A]):
    """What one token's accounts were last said to hold, by one kind of answer.

    ``endpoint`` decodes to exactly what its like without a memory does. But an account that is said to
    hold what it held last time, byte by byte, is the same object. If only its time stamp moved, all its
    values are. Of a name that stands twice in an answer, this holds for the last account only.
    """

    def __init__(
        self,
        endpoint: Endpoint[Scanned[A]],
        steps: Callable[[Sequence[bytes]], Generator[None, None, Scanned[A]]],
        *by_name: dict[str, Any],
    ) -> None:
        self.endpoint: Endpoint[Scanned[A]] = by_account(endpoint, steps)
        self._by_name = by_name

    def keep_only(self, names: Collection[str]) -> None:
        """Forgets all other accounts."""
        for known in self._by_name:
            for name in known.keys() - names:
                del known[name]


def remembered(source: Literal["live", "cached"]) -> Remembered[Any]:
    """An empty memory."""
    if source == "live":
        known: dict[str, tuple[bytes, AccountBalances]] = {}
        steps = partial(scanning.live, account_of=partial(_live_account, known))
        return Remembered(BALANCES_BY_ACCOUNT, steps, known)
    memory = _CachedMemory()
    return Remembered(CACHED_BALANCES_BY_ACCOUNT, memory.steps, memory.kept, memory.followers)


def _live_account(known: dict[str, tuple[bytes, AccountBalances]], name: str, text: bytes) -> AccountBalances:
    before = known.get(name)
    if before is not None and before[0] == text:
        return before[1]
    account = scanning.live_account(name, text)
    known[name] = text, account
    return account


class _Kept(msgspec.Struct, gc=False):
    """An account, whose text is *head*, the digits of its time stamp, and *tail*.

    Where it is not certain which digits those are, *head* is the whole text.
    """

    head: bytes
    tail: bytes | None
    account: CachedAccount

    def end(self, body: bytes, at: int) -> int:
        """Where this account, which stands at *at*, ends, and its stamp from there; -1 if it is another."""
        if not body.startswith(self.head, at):
            return -1
        at += len(self.head)
        if self.tail is None:
            return at
        digits = _DIGITS.match(body, at)
        if digits is None:
            return -1
        at = digits.end()
        if not body.startswith(self.tail, at):  # which begins with what ends a number
            return -1
        millis = int(digits[0])
        if millis != self.account.timestamp_millis:
            self.account = msgspec.structs.replace(self.account, timestamp_millis=millis)
        return at + len(self.tail)


def _kept(text: bytes, account: CachedAccount, key: int) -> _Kept:
    """*account* with its text, in which the first key of a stamp stands at *key*, if that is known."""
    if key < 0:
        key = text.find(STAMP_KEY)
    stamp = _STAMP.match(text, key) if key >= 0 else None
    # The account has a stamp, and the key of one is there once: so this is it, unless that is another
    # key, and its own is spelled with escapes.
    if (
        stamp is None
        or int(stamp[1]) != account.timestamp_millis
        or text.find(STAMP_KEY, stamp.end()) >= 0
        or (b"\\" in text and _ESCAPED_LETTER.search(text) is not None)
    ):
        return _Kept(text, None, account)
    return _Kept(text[: stamp.start(1)], text[stamp.end(1) :], account)


class _CachedMemory:
    """The accounts of cached answers, and which of them came after which."""

    def __init__(self) -> None:
        self.kept: dict[str, _Kept] = {}
        self.followers: dict[str, str] = {}  # by name: accounts that held each other could form rings

    def steps(self, pieces: Sequence[bytes]) -> Generator[None, None, Scanned[CachedAccount]]:
        return scanning.in_two_ways(pieces, self._in_place, self._account)

    def _in_place(
        self, pieces: Sequence[bytes], found: Scanned[CachedAccount]
    ) -> Generator[None, None, bool]:
        """Compares the body with what is known, and decodes the rest; whether that could be done.

        Where an unknown account ends is a guess, as in `scanning`, and is safe for the same reason.
        """
        rest = windows(pieces, _STEP_BYTES)
        body = next(rest, b"")
        opening = OPENING.match(body)
        if opening is None:
            return False
        at, searched, cost, last = opening.start(1), 0, 0, ""
        joint = Joint(opening[1], stamped=body.find(STAMP_KEY, at, at + NEAR_BYTES) >= 0)
        accounts: Sequence[CachedAccount]
        while True:
            account, end = self._known(body, at, self.followers.get(last, ""))
            if account is not None:
                accounts = (account,)
                cost += _KNOWN_COSTS
            elif (end := joint.find(body, at, searched)) >= 0:
                accounts = self._read(body[at:end], joint.stamp - at)
                cost += end - at
            elif piece := next(rest, b""):
                searched = len(body) - at - _LONGEST_JOINT
                body, at = body[at:] + piece, 0
                yield
                continue
            else:
                return (yield from self._to_the_end(body, at, found))
            add(found, accounts)
            for account in accounts:
                name = account.account_name
                self.followers[last] = name
                last = name
            while (at := joint.next(body, end)) < 0:
                if not (piece := next(rest, b"")):
                    closed = _CLOSING.match(body, end) is not None
                    return closed and (yield from self._to_the_end(body, end, found))
                body, end, searched = body[end:] + piece, 0, 0
                yield
            if cost >= _STEP_BYTES:
                yield
                cost = 0

    def _known(self, body: bytes, at: int, guess: str) -> tuple[CachedAccount | None, int]:
        """The account that stands at *at* and where it ends, if its text is known."""
        kept = self.kept.get(guess)
        if kept is not None and (end := kept.end(body, at)) >= 0:
            return kept.account, end
        kept = self.kept.get(name := _name_in(body, at))
        if kept is not None and name != guess and (end := kept.end(body, at)) >= 0:
            return kept.account, end
        return None, -1

    def _read(self, text: bytes, key: int) -> Sequence[CachedAccount]:
        """The accounts in *text*, which are several where they do not begin alike."""
        accounts = listed(b"[%b]" % text)
        if len(accounts) == 1:
            return (self._remember(text.rstrip(_BLANKS), accounts[0], key),)
        return [self._account(bytes(raw)) for raw in _raw_accounts.decode(b"[%b]" % text)]

    def _account(self, text: bytes) -> CachedAccount:
        known, _ = self._known(text, 0, "")
        return known or self._remember(text, scanning.cached_account(text))

    def _remember(self, text: bytes, account: CachedAccount, key: int = -1) -> CachedAccount:
        before = self.kept.get(account.account_name)
        if before is not None and before.end(text, 0) >= 0:  # its name could not be told from its text
            return before.account
        self.kept[account.account_name] = _kept(text, account, key)
        return account

    def _to_the_end(self, body: bytes, at: int, found: Scanned[CachedAccount]) -> Generator[None, None, bool]:
        tail = scanning.ending(body, at)
        if tail is None:
            return False
        for raw in tail.balances:
            add(found, (self._account(bytes(raw)),))
            yield
        found.errors = bodies.errors(tail.errors)
        return True


def _name_in(body: bytes, at: int) -> str:
    """The first name from *at* on. Perhaps that of another account, or none."""
    name = _NAME.search(body, at, at + NEAR_BYTES)
    try:
        return "" if name is None else _text.decode(name[1])
    except bodies.UNDECODABLE:
        return ""
