"""The deadlines of what one client has under way: one timer for all, since hardly any ever runs out."""

from __future__ import annotations

import asyncio
import math
from typing import Final

__all__ = ["SOON_S", "Deadlines"]

SOON_S: Final = 0.0005  # uvloop counts in whole milliseconds: what is due so soon is due now


class Deadlines:
    """Scopes that end at their moment, or when all of them are ended. Belongs to the running event loop.

    A timer for each would be set and cancelled again with every call.
    """

    __slots__ = ("_clock", "_idle", "_loop", "_moments", "_resting", "_rings_at", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._moments: dict[asyncio.Timeout, float] = {}
        self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.Event | None = None
        self._resting = False

    def __len__(self) -> int:
        return len(self._moments)

    def scope(self, moment: float) -> asyncio.Timeout:
        """A scope to enter at once, which ends at *moment* (the loop's clock). Paired with `leave`."""
        scope = asyncio.Timeout(None)
        self._moments[scope] = moment
        if moment < self._rings_at:
            self._ring_at(moment)
        return scope

    def leave(self, scope: asyncio.Timeout) -> None:
        """*scope* has been left."""
        del self._moments[scope]
        if self._resting and not self._moments:
            self._ring_at(math.inf)
            if self._idle is not None:
                self._idle.set()

    def end(self, scope: asyncio.Timeout) -> None:
        """Ends *scope* in the next turn of the loop."""
        if not scope.expired():
            scope.reschedule(0)

    def end_before(self, moment: float, scopes: set[asyncio.Timeout]) -> None:
        """Ends those of *scopes* whose moment comes no later than *moment*."""
        for scope in scopes:
            if self._moments[scope] <= moment:
                self.end(scope)

    def rest(self) -> None:
        """Keeps no timer when the last scope has been left, for who will hardly want another."""
        self._resting = True
        if not self._moments:
            self._ring_at(math.inf)

    async def end_all(self) -> None:
        """Ends every scope; returns when all have been left."""
        self.rest()
        self._idle = self._idle or asyncio.Event()  # one for all who close at once
        for scope in self._moments:
            self.end(scope)
        if self._moments:
            await self._idle.wait()

    def _ring_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = None if moment == math.inf else self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        due = self._clock() + SOON_S
        next_at = math.inf
        for scope, moment in self._moments.items():
            if moment <= due:
                self.end(scope)
            else:
                next_at = min(next_at, moment)
        self._ring_at(next_at)
