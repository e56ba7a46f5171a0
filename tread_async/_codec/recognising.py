"""Cached answers, compared in place with the texts of the accounts they had before."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from tread_async._codec import bodies, scanning
from tread_async._codec.cutting import NEAR_BYTES, STAMP_KEY, Joint, windows
from tread_async._codec.marking import one_in_each
from tread_async._codec.scanning import GAP, OPENING, Scanned, add, listed
from tread_async.models import CachedAccount

__all__ = ["CachedMemory"]

_STEP_BYTES: Final = 32 * 1024  # decoded in less than half a millisecond
_KNOWN_COSTS: Final = 400  # bytes decoded in the time in which an account is found to be known
_LONGEST_JOINT: Final = 64
_CLOSING: Final = re.compile(rb"%b\]" % GAP)
_NAME: Final = re.compile(rb'"account_name"%b:%b("[^"\\]*(?:\\.[^"\\]*)*")' % (GAP, GAP))
# Without leading zeros, as in JSON, and few enough for any number of them to be an integer.
_DIGITS: Final = re.compile(rb"0|[1-9][0-9]{0,14}")
_STAMP: Final = re.compile(rb"%b%b:%b(%b)(?=[ \t\n\r,}])" % (STAMP_KEY, GAP, GAP, _DIGITS.pattern))
_ZERO: Final = ord("0")
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[5-7]")
_BLANKS: Final = b" \t\n\r"

_text: Final = msgspec.json.Decoder(str)
_raw_accounts: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])


class _Kept(msgspec.Struct, gc=False):
    """An account, whose text is *head*, the digits of its time stamp, and *tail*.

    Where it is not certain which digits those are, *head* is the whole text.
    """

    head: bytes
    tail: bytes | None
    account: CachedAccount
    width: int = 0

    def end(self, body: bytes, at: int) -> int:
        """Where this account, which stands at *at*, ends, and its stamp from there; -1 if it is another."""
        if not body.startswith(self.head, at):
            return -1
        at += len(self.head)
        if self.tail is None:
            return at
        digits = body[at : at + self.width]  # as many as before, but for once in 300 years
        end = at + self.width
        if not body.startswith(self.tail, end) or not digits.isdigit() or digits[0] == _ZERO:
            others = _DIGITS.match(body, at)
            if others is None or not body.startswith(self.tail, others.end()):
                return -1
            digits, end = others[0], others.end()
        millis = int(digits)
        if millis != self.account.timestamp_millis:
            self.account = msgspec.structs.replace(self.account, timestamp_millis=millis)
        return end + len(self.tail)  # which begins with what ends a number


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
    return _Kept(text[: stamp.start(1)], text[stamp.end(1) :], account, len(stamp[1]))


_Span: TypeAlias = tuple[int, int, int]
"""Where an account begins and ends in a body, and has the key of its stamp."""


class CachedMemory:
    """The accounts of cached answers, and which of them came after which."""

    def __init__(self) -> None:
        self.decoded = self.replaced = 0
        self.kept: dict[str, _Kept] = {}
        self.followers: dict[str, str] = {}  # by name: accounts that held each other could form rings
        self.by_name: tuple[dict[str, Any], ...] = (self.kept, self.followers)

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
        at, searched, cost, last, streak = opening.start(1), 0, 0, "", 0
        joint = Joint(opening[1], stamped=body.find(STAMP_KEY, at, at + NEAR_BYTES) >= 0)
        accounts: Sequence[CachedAccount]
        while True:
            at, last, followed = self._follow(body, at, last, joint, found)
            cost += followed * _KNOWN_COSTS
            guess = self.followers.get(last, "")
            account, end = self._known(body, at, guess)
            if followed or account is not None:
                streak = 0
            if account is not None:
                accounts = (account,)
                cost += _KNOWN_COSTS
            elif (end := joint.find(body, at, searched)) >= 0:
                streak += 1
                spans = self._unknown(body, (at, end, joint.stamp), guess, joint, most=2**streak // 4)
                accounts, end = self._read(body, spans), spans[-1][1]
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

    def _follow(
        self, body: bytes, at: int, last: str, joint: Joint, found: Scanned[CachedAccount]
    ) -> tuple[int, str, int]:
        """Adds accounts that stand where they stood last time, *last* being the one before *at*.

        Returns: where it ends, after which account, and how many they are. What is odd ends it.
        """
        accounts, count = found.accounts, 0
        follower, kept_under = self.followers.get, self.kept.get
        while count * _KNOWN_COSTS < _STEP_BYTES:
            name = follower(last, "")
            kept = kept_under(name)
            if kept is None or (end := kept.end(body, at)) < 0:
                break
            following = joint.next(body, end)
            if following < 0 or name in accounts:
                break
            at, last, count = following, name, count + 1
            accounts[name] = kept.account
        return at, last, count

    def _known(self, body: bytes, at: int, guess: str) -> tuple[CachedAccount | None, int]:
        """The account that stands at *at* and where it ends, if its text is known."""
        kept = self.kept.get(guess)
        if kept is not None and (end := kept.end(body, at)) >= 0:
            return kept.account, end
        kept = self.kept.get(_name_in(body, at))
        if kept is not None and (end := kept.end(body, at)) >= 0:
            return kept.account, end
        return None, -1

    def _unknown(self, body: bytes, first: _Span, guess: str, joint: Joint, *, most: int) -> list[_Span]:
        """The *first* unknown account, and such as follow it; where nothing was known before, up to *most*.

        The first stands where the account *guess* was expected.
        """
        spans, (at, end, _) = [first], first
        while len(spans) < most and end - at < _STEP_BYTES:
            guess = self.followers.get(guess, "")
            kept, start = self.kept.get(guess), joint.next(body, end)
            if start < 0 or (kept is not None and kept.end(body, start) >= 0):
                break
            if (end := joint.find(body, start, start)) < 0:
                break
            spans.append((start, end, joint.stamp))
        return spans

    def _read(self, body: bytes, spans: Sequence[_Span]) -> Sequence[CachedAccount]:
        """The accounts in *spans*, in each of which are several where they do not begin alike."""
        view = memoryview(body)
        if len(spans) > 1 and (accounts := one_in_each([view[start:end] for start, end, _ in spans])):
            return [
                self._remember(body[start:end].rstrip(_BLANKS), account, key - start)
                for account, (start, end, key) in zip(accounts, spans, strict=True)
            ]
        return [account for start, end, key in spans for account in self._alone(body[start:end], key - start)]

    def _alone(self, text: bytes, key: int) -> Sequence[CachedAccount]:
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
        self.replaced += before is not None
        self.kept[account.account_name] = _kept(text, account, key)
        self.decoded += 1
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
