"""What hooks are told of polling."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tread_async._telling import Telling, in_a_word
from tread_async._watch.known import Known
from tread_async._watch.plan import Plan
from tread_async._watch.round import Round
from tread_async.hooks import PollingEnded, PollingStarted, RoundPolled

__all__ = ["PollingStory"]


class PollingStory:
    """Tells *tell*, if there is one."""

    def __init__(self, tell: Telling | None, plan: Plan, credentials: Iterable[str]) -> None:
        self._tell = tell
        self._polling = PollingStarted(
            credentials=tuple(credentials), interval_s=plan.interval_s, source=plan.source
        )
        self._read = self._decoded = 0

    def started(self) -> None:
        if self._tell is not None:
            self._tell(self._polling)

    def ended(self, error: BaseException) -> None:
        if self._tell is not None:
            self._tell(PollingEnded(polling=self._polling, cause=in_a_word(error)))

    def polled(self, current: Round, known: Collection[Known]) -> None:
        if self._tell is None:
            return
        counted = [one.counted for one in known]
        read, decoded = sum(read for read, _ in counted), sum(decoded for _, decoded in counted)
        polled = RoundPolled(
            polling=self._polling,
            number=current.number,
            snapshot=current.snapshot,
            changes=len(current.changes),
            read=read - self._read,
            decoded=decoded - self._decoded,
            started_at=current.started_at,
            late_s=current.late_s,
            ended={name: in_a_word(error) for name, error in current.ended.items()},
            overdue=current.overdue,
        )
        self._read, self._decoded = read, decoded
        self._tell(polled)
