"""How far the server's clock is from this machine's."""

from __future__ import annotations

import math

__all__ = ["ServerClock"]


class ServerClock:
    """Narrows the difference down from the ``Date`` headers of answers.

    A server writes the date after the request was sent and before the answer was received, and cuts
    the fraction of the second off: each answer leaves an interval, and all of them share one.
    """

    __slots__ = ("_high", "_low")

    def __init__(self) -> None:
        self._low, self._high = -math.inf, math.inf

    def observe(self, date_s: float, *, sent_at: float, received_at: float) -> None:
        """Takes one answer into account; all three in seconds since the epoch."""
        low, high = date_s - received_at, date_s + 1.0 - sent_at
        self._low, self._high = max(self._low, low), min(self._high, high)
        if self._low > self._high:  # one of the two clocks was set: what was known is void
            self._low, self._high = low, high

    @property
    def ahead_s(self) -> float:
        """Seconds to add to this machine's clock. 0 while its own time is a possible one."""
        if self._low <= 0.0 <= self._high:
            return 0.0
        return (self._low + self._high) / 2
