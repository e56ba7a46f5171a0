"""What is known of one token after any number of polls."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any, Final

from tread_async._codec.remembering import Remembered, remembered
from tread_async._fleet.lines import Line
from tread_async._fleet.settling import aged
from tread_async._fleet.snapshots import Part, SourceChoice
from tread_async.balance import Balance, Source
from tread_async.errors import ApiError, AuthError, DeadlineExceededError, TreadError
from tread_async.keys import AccountKey
from tread_async.models import CachedAccount
from tread_async.outcomes import Failed, Ok, Outcome, Stale

__all__ = ["Known", "renewed"]

_ASKS_FOR_LESS: Final = (429, 503)
_FAILURES: Final = 2  # in a row, of everything, are no accident
_CLOCKS_DIFFER_S: Final = 2.0
_A_STEP: Final = 256
_SOURCES: Final[Mapping[SourceChoice, tuple[Source, ...]]] = {
    "live": ("live",), "cached": ("cached",), "auto": ("live", "cached"),
}  # fmt: skip


class Known:
    """The newest outcome of each account of one token.

    Attributes:
        memories: What its answers looked like, so that what did not change is not decoded.
        outcomes: In the order asked.
        unlisted: Why it is not known which accounts there are.
        ended: The refusal after which the token is not polled any more.
        slower: Whether the last poll was a reason to poll less often.
        dropped: Answers so far that were older than what had been shown.
        succeeded_at: When something was last read, on the loop's clock; *since* before.
    """

    def __init__(self, line: Line, source: SourceChoice, since: float) -> None:
        self.line = line
        self.memories: dict[Source, Remembered[Any]] = {each: remembered(each) for each in _SOURCES[source]}
        self.outcomes: dict[AccountKey, Outcome] = {}
        self.unexpected: tuple[AccountKey, ...] = ()
        self.duplicates: tuple[AccountKey, ...] = ()
        self.errors: tuple[Any, ...] = ()
        self.unlisted: TreadError | None = DeadlineExceededError("there is no answer yet")
        self.ended: AuthError | None = None
        self.slower = False
        self.dropped = 0
        self.requests_sent = 0
        self.succeeded_at = since
        self._settled_at = 0.0  # by this machine's clock
        self._newest: dict[AccountKey, Balance] = {}
        self._wanted: Mapping[str, AccountKey] = {}
        self._failures = 0

    def now_s(self, *, exact_to_s: float) -> float | None:
        """The server's time, if the outcomes have grown older by more than *exact_to_s*."""
        now = time.time()
        return None if now - self._settled_at < exact_to_s else now + self.line.clock.ahead_s

    def take(self, part: Part | None, unlisted: TreadError | None, now: float) -> Generator[None, None, None]:
        """Takes a poll into account that ended at *now*, in steps."""
        if part is not None:
            yield from self._take(part, now)
        elif unlisted is None:  # listed, and there is no account
            self.outcomes, self.unlisted = {}, None
        else:  # never listed: an older list outlives a failure
            self.unlisted = unlisted
        self._judge(part, unlisted)

    def _take(self, part: Part, now: float) -> Generator[None, None, None]:
        first, name = part.readings[0], self.line.name
        now_s = time.time() + self.line.clock.ahead_s
        outcomes: dict[AccountKey, Outcome] = {}
        for place, (account, key) in enumerate(first.wanted.items()):
            if not place % _A_STEP:
                yield
            outcome = part.outcomes[account]
            if type(outcome) is Ok:
                outcomes[key] = self._newer(key, outcome, now_s)
            elif type(outcome) is Failed and (last := self._newest.get(key)) is not None:
                outcomes[key] = renewed(Failed(outcome.error, Stale(last)), now_s)
            else:
                outcomes[key] = outcome
        self._settled_at = first.first_settled_at or time.time()
        if first.wanted is not self._wanted:
            self._forget_others(first.wanted)
        self.outcomes, self.unlisted = outcomes, None
        readings = part.readings
        found = dict.fromkeys(AccountKey(name, odd) for reading in readings for odd in reading.unexpected)
        self.unexpected = tuple([key for key in found if key not in outcomes])
        self.duplicates = tuple([AccountKey(name, odd) for reading in readings for odd in reading.duplicates])
        self.errors = tuple([error for reading in readings for error in reading.errors])
        if any(type(outcome) is Ok for outcome in part.outcomes.values()):
            self.succeeded_at = now

    def _newer(self, key: AccountKey, outcome: Ok, now_s: float) -> Outcome:
        """*outcome*, or what was shown before where that is newer: a copy of the cache may lag behind."""
        value, before = outcome.value, self._newest.get(key)
        # A live answer was asked for after the one before it; and clocks are set, so its time proves less.
        if before is not None and value.source == "cached" and _goes_back(before, value, now_s):
            self.dropped += 1
            return renewed(Ok(before), now_s)
        self._newest[key] = value
        return outcome

    def _forget_others(self, wanted: Mapping[str, AccountKey]) -> None:
        self._wanted = wanted
        for key in self._newest.keys() - wanted.values():
            del self._newest[key]
        for memory in self.memories.values():
            memory.keep_only(wanted.keys())

    def _judge(self, part: Part | None, unlisted: TreadError | None) -> None:
        """Sets `slower` and `ended`."""
        outcomes = () if part is None else part.outcomes.values()
        errors = [outcome.error for outcome in outcomes if type(outcome) is Failed]
        errors += [] if unlisted is None else [unlisted]
        nothing = bool(errors) and not any(type(outcome) is Ok for outcome in outcomes)
        self._failures = self._failures + 1 if nothing else 0
        asked = any(isinstance(error, ApiError) and error.status in _ASKS_FOR_LESS for error in errors)
        self.slower = asked or self._failures >= _FAILURES
        if nothing:
            self.ended = next((error for error in errors if isinstance(error, AuthError)), None)


def renewed(outcome: Outcome, now_s: float) -> Outcome:
    """*outcome*, with the age at *now_s* of what it holds."""
    if type(outcome) is Failed and outcome.last is not None:
        last = aged(Ok(outcome.last.value), now_s)
        return Failed(outcome.error, Stale(last.value)) if type(last) is Ok else outcome
    return aged(outcome, now_s)


def _goes_back(before: Balance, value: Balance, now_s: float) -> bool:
    """Whether *value* is older than *before*, and both speak of one account and of a time that has come."""
    if before.as_of_s is None or value.as_of_s is None or value.as_of_s >= before.as_of_s:
        return False
    if before.as_of_s > now_s + _CLOCKS_DIFFER_S:
        return False
    one, other = before.wire, value.wire
    if isinstance(one, CachedAccount) and isinstance(other, CachedAccount):
        return one.account_id == other.account_id
    return True
