"""What the demo found out, and what the server wrote down meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeAlias

from tread_async.errors import ApiError, OutcomeUnknownError, TreadError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale
from tread_async.reports import Applied, NotApplied, Unknown, WriteOutcome

__all__ = ["Alone", "AnyOutcome", "Equity", "Figures", "Step", "cause", "counts", "kind", "label"]

AnyOutcome: TypeAlias = Outcome | WriteOutcome

_KINDS: Final[Mapping[type, str]] = {
    Ok: "ok", Stale: "stale", Failed: "failed", Missing: "missing",
    Applied: "applied", NotApplied: "not applied", Unknown: "unknown",
}  # fmt: skip


@dataclass
class Step:
    """One call to the manager, or many at once.

    Attributes:
        call: As it is written.
        each: Requests that one account at a time takes, for each account.
        told: Requests, as the result says; ``None`` where it says nothing.
        sent: Requests of each token, as the manager's counters say.
        requests, changes: The server's journal of the step.
    """

    call: str
    each: int = 1
    outcomes: dict[AccountKey, AnyOutcome] = field(default_factory=dict)
    unlisted: dict[str, TreadError] = field(default_factory=dict)
    told: int | None = None
    sent: dict[str, int] = field(default_factory=dict)
    wall_s: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Alone:
    """Some accounts, read live and set one after the other.

    Attributes:
        done: Those of which both was answered.
    """

    asked: int
    done: int = 0
    sent: int = 0
    wall_s: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Equity:
    """The sum of the equities of all accounts.

    Attributes:
        refusal: Why there is none; ``None`` if there is.
        partial: That of the accounts of which it is known.
        stated: How many those are.
    """

    refusal: str | None
    partial: Decimal
    stated: int


@dataclass
class Figures:
    """All that is printed.

    Attributes:
        holds: The leverage of each account by the server's state, after the last step.
    """

    cached: Step
    live: Step
    callers: Step
    leverage: Step
    equity: Equity
    holds: dict[AccountKey, str | None]
    alone: Alone

    @property
    def steps(self) -> tuple[Step, ...]:
        """In the order of time."""
        return self.cached, self.live, self.callers, self.leverage


def kind(outcome: AnyOutcome) -> str:
    """``ok``, ``stale``, ..., ``not applied``, ``unknown``."""
    return _KINDS[type(outcome)]


def counts(outcomes: Mapping[AccountKey, AnyOutcome], credential: str) -> Counter[str]:
    """How many accounts of a token are of each kind."""
    return Counter(kind(outcome) for key, outcome in outcomes.items() if key.credential == credential)


def cause(error: TreadError) -> str:
    """``HTTP 500``, or the name of the error; of an unknown outcome, that of what was seen last."""
    if isinstance(error, OutcomeUnknownError) and error.cause is not None:
        error = error.cause
    return f"HTTP {error.status}" if isinstance(error, ApiError) else type(error).__name__


def label(outcome: AnyOutcome) -> str:
    """The kind, and the cause where it is certain: ``failed, HTTP 500``."""
    if isinstance(outcome, Failed | NotApplied):
        return f"{kind(outcome)}, {cause(outcome.error)}"
    return kind(outcome)
