"""What one round of polling brought."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tread_async.changes import Change
from tread_async.errors import TreadError
from tread_async.keys import AccountKey
from tread_async.outcomes import Snapshot
from tread_async.rules import Event

__all__ = ["Update"]


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of polling brought, compared with the update before it.

    Attributes:
        round: Its number, from 1 since the polling began.
        snapshot: Every account, as `SessionManager.balances` gives it. One that could not be read is
            `Failed`, with its ``last`` balance; one of a slow token may be as in the round before.
        changes: The accounts that differ from the update before; in the first update all of them.
        events: What the rules noticed since the update before.
        started_at: When the first request of the round was begun, in seconds since the epoch, by this
            machine's clock.
        late_s: By how much a request of the round was begun later than planned, at most.
        skipped: Rounds since the update before that were not read. Their changes are part of this one.
        dropped: Answers since the update before that were older than what had been shown, and are not.
        ended: Tokens that are not polled any more, because the server refused them with a 401.
        overdue: Tokens that were asked longer than an interval ago and have not answered, with the seconds
            since: what is said of their accounts is what was read before.
    """

    round: int
    snapshot: Snapshot
    changes: Mapping[AccountKey, Change]
    events: tuple[Event, ...]
    started_at: float
    late_s: float
    skipped: int
    dropped: int
    ended: Mapping[str, TreadError]
    overdue: Mapping[str, float] = {}

    def __repr__(self) -> str:
        return f"<Update {self.round}, {len(self.changes)} changes, {self.snapshot!r}>"
