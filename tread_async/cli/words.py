"""An outcome in few words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from tread_async.errors import ApiError, NotSentError, OutcomeUnknownError, TreadError
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale
from tread_async.reports import Applied, NotApplied, Unknown, Verification, WriteOutcome

__all__ = ["AnyOutcome", "cause", "has_it", "kind", "label", "plain", "refusal"]

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


def has_it(outcome: WriteOutcome) -> bool:
    """Whether reading back shows the value, though nobody acknowledged it."""
    return outcome.error is not None and outcome.verification is Verification.CONFIRMED


def refusal(error: TreadError) -> str:
    """What became of a request that was not acknowledged, in a word or two."""
    if isinstance(error, NotSentError):
        return "not sent"
    return "refused" if isinstance(error, ApiError) and error.status < 500 else "not acknowledged"


def plain(value: Decimal | str | None) -> str:
    """A leverage without the zeros that only some answers have behind the point; a margin mode as it is."""
    if not isinstance(value, Decimal):
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
