"""When to poll: a fixed grid on a clock, from which nothing drifts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

__all__ = ["Beats"]

_WIDEST: Final = 8  # what has been overcome should be noticed soon


class Beats:
    """The beats of one poller: one at *start*, and from then on those of its grid.

    A poll that takes longer than a beat skips those that have passed; they are not made up for. After
    failures the poller takes every second beat, every fourth, every eighth; each success halves that.

    Args:
        start: The first beat, on the loop's clock.
        phase: Where the grid lies, from 0 to 1 interval after *start*; 0 is as good as 1.
        jitter: How much of the interval a poll may begin after its beat, by *chance* from 0 to 1.
        slowest_s: No more between two beats that are taken, unless the interval is longer.
    """

    def __init__(
        self,
        interval_s: float,
        *,
        start: float,
        phase: float,
        jitter: float,
        slowest_s: float,
        chance: Callable[[], float],
    ) -> None:
        self._interval_s = interval_s
        self._origin = start + (phase - 1) * interval_s if phase else start
        self._jitter_s = jitter * interval_s
        self._chance = chance
        self._number = 0
        self._widest = max(1, min(_WIDEST, int(slowest_s / interval_s)))
        self.stride = 1  # beats from one poll to the next
        self.due = start

    def polled(self, now: float, *, slower: bool) -> None:
        """Sets the next `due`, after a poll that ended at *now*."""
        self.stride = min(self.stride * 2, self._widest) if slower else max(1, self.stride // 2)
        to_come = math.ceil((now - self._origin) / self._interval_s)
        self._number = max(self._number + self.stride, to_come)
        beat = self._origin + self._number * self._interval_s
        self.due = beat + self._jitter_s * self._chance()
