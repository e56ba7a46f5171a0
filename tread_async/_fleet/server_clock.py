"""How far the server's clock is from this machine's."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

__all__ = ["ServerClock"]

_RUNS_S: Final = 60.0  # longer than a cache on the way keeps answers of this kind


class _Doubted(NamedTuple):
    """An interval below the one that is believed, and the date of the first answer that left it."""

    low: float
    high: float
    since_s: float


class ServerClock:
    """Narrows the difference down from the ``Date`` headers of answers.

    A server writes the date after the request was sent and before the answer was received, and cuts
    the fraction of the second off: each answer leaves an interval, and all of them share one.

    Where they do not, one of the two clocks was set, or several servers answer whose clocks differ, or the
    answer is a copy out of a cache on the way, whose date is too early. So a later time is believed at once,
    and an earlier one when it has been seen to run for a minute in which no answer spoke against it. Until
    then ages may be too high; they are too low, by more than the interval, only if all answers of a minute
    were copies, or all so far: the first is believed whatever its date, for the wrong clock may be ours.
    """

    __slots__ = ("_doubted", "_high", "_low")

    def __init__(self) -> None:
        self._low, self._high = -math.inf, math.inf
        self._doubted: _Doubted | None = None

    def observe(self, date_s: float, *, sent_at: float, received_at: float) -> None:
        """Takes one answer into account; all three in seconds since the epoch."""
        if received_at < sent_at:
            return  # this machine's clock was set back meanwhile
        low, high = date_s - received_at, date_s + 1.0 - sent_at
        if high < self._low:
            self._doubt(low, high, date_s)
            return
        self._doubted = None
        if low > self._high:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(self._low, low), min(self._high, high)

    def _doubt(self, low: float, high: float, date_s: float) -> None:
        doubted = self._doubted
        if doubted is None or low > doubted.high or high < doubted.low:
            self._doubted = _Doubted(low, high, date_s)
            return
        low, high = max(low, doubted.low), min(high, doubted.high)
        if date_s < doubted.since_s + _RUNS_S:
            self._doubted = _Doubted(low, high, doubted.since_s)
        else:
            self._low, self._high, self._doubted = low, high, None

    def is_past(self, date_s: float, *, sent_at: float) -> bool:
        """Whether an answer with that date was surely written before it was asked for: it is a copy."""
        return date_s + 1.0 - sent_at < self._low

    @property
    def ahead_s(self) -> float:
        """Seconds to add to this machine's clock. 0 while its own time is a possible one."""
        if self._low <= 0.0 <= self._high:
            return 0.0
        return (self._low + self._high) / 2
