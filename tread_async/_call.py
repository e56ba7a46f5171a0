"""One logical call: what is sent and until when, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tread_async._codec.replies import Reply
from tread_async._codec.requests import Request
from tread_async._intents import Intent
from tread_async._policy import Cause, RetryPolicy, cause_of, may_be_applied, may_land_later
from tread_async._telling import Story
from tread_async.errors import (
    ApiError,
    ClientClosedError,
    ClosedAfterSendingError,
    OutcomeUnknownError,
    TreadError,
)

__all__ = ["Call", "in_short"]

T = TypeVar("T")


class Call(Generic[T]):
    """One logical call: what is sent and until when, and what has come of it so far.

    Attributes:
        policy: How often and how long it may try.
        deadline: On the loop's clock.
        intent: Whose wish a write is; `Calls` declares one for a write that brings none.
        credential: Whose token function is named where it raises; of a client's own calls nobody's.
        patient: False for a caller who splits what is refused rather than repeat it.
        read_back: True for a caller who looks what became of it, and tells hooks where that stays open.
        reply: The answer that was decoded, once there is one.
        requests_sent: Requests that left, repeats included.
        unknown: Whether an attempt may have been applied although it was not acknowledged.
        lost: Whether one of those could still be on its way.
        paid: What the last repeat cost of the retry budget.
        story: What hooks have been told of it, while it is under way; ``None`` where there are none.
        leaving: Is called when a request is about to be sent, where hooks want to know.
    """

    __slots__ = (
        "credential", "deadline", "intent", "leaving", "lost", "paid", "patient", "policy", "read_back",
        "reply", "request", "requests_sent", "story", "unknown",
    )  # fmt: skip

    def __init__(self, request: Request[T], policy: RetryPolicy, deadline: float) -> None:
        self.request: Request[T] = request
        self.policy: RetryPolicy = policy
        self.deadline: float = deadline
        self.credential: str | None = None
        self.intent: Intent | None = None
        self.patient: bool = True
        self.read_back: bool = False
        self.reply: Reply | None = None
        self.requests_sent: int = 0
        self.unknown: bool = False
        self.lost: bool = False
        self.paid: int = 0
        self.story: Story | None = None
        self.leaving: Callable[[], None] | None = None

    def leaves(self) -> None:
        """Counts a request that is about to be sent, unless a newer call came while this one queued."""
        if self.intent is not None:
            self.intent.give_way()
        self.requests_sent += 1
        if self.leaving is not None:
            self.leaving()

    def cause_of(self, error: TreadError) -> Cause:
        """Why an attempt failed, as far as a repeat of this call is concerned."""
        alone = self.request.one_target
        return cause_of(error, self.request.endpoint, patient=self.patient, alone=alone)

    def failed(self, error: TreadError) -> None:
        """Notes what a failed attempt leaves open."""
        if may_be_applied(error, self.request):
            self.unknown = True
            if may_land_later(error):
                self.lost = True
                if self.intent is not None:
                    self.intent.note_lost()

    def abandoned(self) -> None:
        """Notes that a request was cancelled after it had left."""
        self.unknown = True
        if self.intent is not None:
            self.intent.note_lost()

    def outcome(self, last: TreadError) -> TreadError:
        """*last*, said as what it means for a write of which an attempt may have been applied."""
        if not self.unknown or isinstance(last, OutcomeUnknownError):
            return last
        kind = ClosedAfterSendingError if isinstance(last, ClientClosedError) else OutcomeUnknownError
        failure = kind(f"it may or may not have been applied; read back. Last error: {in_short(last)}")
        failure.endpoint, failure.attempts = self.request.endpoint.label, last.attempts
        failure.cause, failure.budget_exhausted = last, last.budget_exhausted
        return failure


def in_short(error: TreadError) -> str:
    """What *error* says, without where and how often."""
    return f"HTTP {error.status}: {error.message}" if isinstance(error, ApiError) else error.message
