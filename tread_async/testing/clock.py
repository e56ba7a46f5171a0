"""The time of a simulated server."""

from __future__ import annotations

__all__ = ["Clock"]


class Clock:
    """A clock that stands still until it is told to go on: the same balances in every run.

    Pass it to `Simulator(clock=...)`; a `TreadSimulator` has one as ``clock``.

    Args:
        now: Seconds since the epoch.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Goes on by so many seconds, at once; a negative number sets the clock back."""
        self._now += seconds
