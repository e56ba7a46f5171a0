"""An outcome in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from tread_async.errors import ApiError, OutcomeUnknownError, TreadError
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale
from tread_async.reports import Applied, NotApplied, Unknown, WriteOutcome

__all__ = ["AnyOutcome", "cause", "kind", "label"]

AnyOutcome: TypeAlias = Outcome | WriteOutcome

_KINDS: Final[Mapping[type, str]] = {
    Ok: "ok", Stale: "stale", Failed: "failed", Missing: "missing",
    Applied: "applied", NotApplied: "not applied", Unknown: "unknown",
}  # fmt: skip


def kind(outcome: AnyOutcome) -> str:
    """``ok``, ``stale``, ..., ``not applied``, ``unknown``."""
    return _KINDS[type(outcome)]


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
