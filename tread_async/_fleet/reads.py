"""Lines, and everything that reads balances over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from tread_async._codec.arguments import seconds
from tread_async._fleet.directory import Directory
from tread_async._fleet.flights import Flights
from tread_async._fleet.lines import Line
from tread_async._fleet.snapshots import How, Snapshots, SourceChoice
from tread_async._pacing import Pace
from tread_async._telling import Telling
from tread_async.errors import TreadError, UsageError

__all__ = ["LIVE_WITHIN_S", "Polling", "Reads"]

LIVE_WITHIN_S: Final = 5.0
_ENDPOINT_OF: Final[Mapping[str, str]] = {
    "live": "balances", "cached": "cached_balances", "auto": "balances",
}  # fmt: skip


class Polling(Protocol):
    """What goes on reading by itself, until it is ended."""

    async def end(self, error: TreadError) -> None:
        """Stops, and gives *error* to whoever reads along."""


class Reads:
    """Belongs to the event loop it was made on. *deadline_s* gives the seconds for a call of an endpoint."""

    def __init__(
        self,
        lines: Mapping[str, Line],
        base_url: str,
        pace: Pace,
        deadline_s: Callable[[str, float | None], float],
        tell: Telling | None = None,
    ) -> None:
        self.lines = lines
        self.pace = pace
        self.tell: Telling | None = tell
        self.directory: Directory = Directory(lines, pace)
        self.flights: Flights = Flights(base_url)
        self.snapshots: Snapshots = Snapshots(lines, self.directory, self.flights, pace)
        self.polling: set[Polling] = set()
        self._deadline_s = deadline_s

    def deadline(self, endpoint: str, deadline_s: float | None) -> float:
        """The moment, on the loop's clock, by which a call ends."""
        return asyncio.get_running_loop().time() + self._deadline_s(endpoint, deadline_s)

    def how(
        self, source: SourceChoice, max_age_s: float | None, live_within_s: float, deadline_s: float | None
    ) -> How:
        """How balances are to be read from now on, checked."""
        if not isinstance(source, str) or source not in _ENDPOINT_OF:
            raise UsageError("source is 'live', 'cached' or 'auto'")
        if max_age_s is not None:
            seconds(max_age_s, "max_age_s")
        elif source == "auto":
            raise UsageError("source='auto' needs max_age_s: how old a cached balance may be")
        seconds(live_within_s, "live_within_s")
        return How(source, max_age_s, live_within_s, self.deadline(_ENDPOINT_OF[source], deadline_s))

    async def end_polling(self, error: TreadError) -> None:
        """Stops everything that goes on by itself; who is cancelled meanwhile is so afterwards."""
        cancelled = None
        for polling in list(self.polling):
            try:
                await polling.end(error)
            except asyncio.CancelledError as problem:
                cancelled = problem
        if cancelled is not None:
            raise cancelled
