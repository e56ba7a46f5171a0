"""One round, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from tread_async.changes import Change
from tread_async.errors import TreadError
from tread_async.keys import AccountKey
from tread_async.outcomes import Snapshot
from tread_async.rules import Event

__all__ = ["Reader", "Round"]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at one moment.

    Attributes:
        since: The snapshot that ``changes`` compare with; ``None`` for the first.
        dropped: Answers since the beginning that were older than what had been shown.
        at: When it was put together, on the loop's clock.
    """

    number: int
    snapshot: Snapshot
    since: Snapshot | None
    changes: Mapping[AccountKey, Change]
    started_at: float
    late_s: float
    dropped: int
    ended: Mapping[str, TreadError]
    overdue: Mapping[str, float]
    at: float


class Reader(Protocol):
    """Who reads along."""

    def hear(self, events: tuple[Event, ...]) -> None:
        """Keeps *events* until they are read."""
