"""What is known of one token after any number of polls."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Generator, Mapping
from typing import Any, Final

from tread_async._codec.remembering import Remembered, remembered
from tread_async._fleet.lines import Line
from tread_async._fleet.settling import aged
from tread_async._fleet.snapshots import Part, SourceChoice
from tread_async._pacing import in_parts
from tread_async.balance import Balance, Source
from tread_async.errors import ApiError, AuthError, DeadlineExceededError, TreadError
from tread_async.keys import AccountKey
from tread_async.models import CachedAccount
from tread_async.outcomes import Failed, Ok, Outcome, Stale

__all__ = ["Known", "renewed"]

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
        succeeded_at: When the server last said something of accounts, on the loop's clock; *since* before.
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
        self._settled_at = -math.inf, -math.inf  # on the loop's clock, and by this machine's
        self._server = -math.inf, since  # its time when something was last read, and when that was
        self._newest: dict[AccountKey, Balance] = {}
        self._wanted: Mapping[str, AccountKey] = {}
        self._failures = 0

    @property
    def counted(self) -> tuple[int, int]:
        """Accounts in the answers so far, and how many of them had to be decoded."""
        memories = self.memories.values()
        return sum(one.read for one in memories), sum(one.decoded for one in memories)

    def now_s(self, now: float, *, exact_to_s: float) -> float | None:
        """The server's time, if the outcomes have grown older by more than *exact_to_s*."""
        at, by_wall = self._settled_at
        # The one clock stands still while the machine sleeps, and the other may be set: the longer time.
        elapsed_s = max(now - at, time.time() - by_wall)
        return None if elapsed_s < exact_to_s else self._server_s(now)

    def _server_s(self, now: float) -> float:
        """The server's time, which goes on when somebody sets this machine's clock back."""
        read_s, read_at = self._server
        return max(time.time() + self.line.clock.ahead_s, read_s + now - read_at)

    def take(self, part: Part | None, unlisted: TreadError | None, now: float) -> Generator[None, None, None]:
        """Takes a poll into account that ended at *now*, in steps."""
        if part is not None:
            yield from self._take(part, now)
        elif unlisted is None:  # listed, and there is no account
            self.outcomes, self.unlisted, self.succeeded_at = {}, None, now
        else:  # never listed: an older list outlives a failure
            self.unlisted = unlisted
        self._judge(part, unlisted)

    def _take(self, part: Part, now: float) -> Generator[None, None, None]:
        first, name = part.readings[0], self.line.name
        if any(type(outcome) is Ok for outcome in part.outcomes.values()):
            self._server = time.time() + self.line.clock.ahead_s, now
        if any(type(outcome) is not Failed for outcome in part.outcomes.values()):
            self.succeeded_at = now
        now_s = self._server_s(now)
        outcomes: dict[AccountKey, Outcome] = {}
        newest = self._newest
        for some in in_parts(first.wanted.items(), _A_STEP):
            yield
            for account, key in some:
                outcome, before = part.outcomes[account], newest.get(key)
                if type(outcome) is Ok:
                    if before is not None and _goes_back(before, outcome.value, now_s):
                        self.dropped += 1
                        outcome = renewed(Ok(before), now_s)
                    else:
                        newest[key] = outcome.value
                elif type(outcome) is Failed and before is not None:
                    outcome = renewed(Failed(outcome.error, Stale(before)), now_s)
                outcomes[key] = outcome
        wall_s = time.time()
        settled_s = first.first_settled_at or wall_s
        self._settled_at = now - max(0.0, wall_s - settled_s), settled_s
        self.outcomes, self.unlisted = outcomes, None
        readings = part.readings
        found = dict.fromkeys(AccountKey(name, odd) for reading in readings for odd in reading.unexpected)
        self.unexpected = tuple([key for key in found if key not in outcomes])
        self.duplicates = tuple([AccountKey(name, odd) for reading in readings for odd in reading.duplicates])
        self.errors = tuple([error for reading in readings for error in reading.errors])
        if found or first.wanted is not self._wanted:
            self._forget_others(first.wanted, [key.name for key in found])

    def _forget_others(self, wanted: Mapping[str, AccountKey], found: Collection[str]) -> None:
        """What is not *wanted*; its text only if it was not *found* either."""
        self._wanted = wanted
        for key in self._newest.keys() - wanted.values():
            del self._newest[key]
        for memory in self.memories.values():
            memory.keep_only(wanted.keys() | found)

    def _judge(self, part: Part | None, unlisted: TreadError | None) -> None:
        """Sets `slower` and `ended`."""
        outcomes = () if part is None else part.outcomes.values()
        errors = [outcome.error for outcome in outcomes if type(outcome) is Failed]
        errors += [] if unlisted is None else [unlisted]
        nothing = bool(errors) and not any(type(outcome) is Ok for outcome in outcomes)
        self._failures = self._failures + 1 if nothing else 0
        statuses = {error.status for error in errors if isinstance(error, ApiError)}
        # A 503 of some accounts, while others are read, is about those.
        asked = 429 in statuses or (nothing and 503 in statuses)
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
    """Whether *value* is older than *before*, and both speak of one account and of a time that has come.

    A copy of the cache may lag behind another. A live answer was asked for after the one before it; and
    clocks are set, so its time proves less.
    """
    was, now = before.as_of_s, value.as_of_s
    if was is None or now is None or now >= was or value.source != "cached":
        return False
    if was > now_s + _CLOCKS_DIFFER_S:
        return False
    one, other = before.wire, value.wire
    if isinstance(one, CachedAccount) and isinstance(other, CachedAccount):
        return one.account_id == other.account_id
    return True
