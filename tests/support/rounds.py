"""A round of polling, as hooks are told of it."""

from __future__ import annotations

from typing import Any

from tread_async import Snapshot
from tread_async.hooks import PollingStarted, RoundPolled

__all__ = ["a_round"]


def a_round(polling: PollingStarted, outcomes: Any) -> RoundPolled:
    """One that found *outcomes*, in time and without a change."""
    return RoundPolled(
        polling=polling,
        number=1,
        snapshot=Snapshot(outcomes=outcomes),
        changes=0,
        read=0,
        decoded=0,
        started_at=0.0,
        late_s=0.0,
        ended={},
        overdue={},
    )
