"""What every form says of an outcome, in the same words."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from tread_async._codec.redaction import sanitised
from tread_async.balance import BalanceRow
from tread_async.errors import ApiError, TreadError
from tread_async.outcomes import Failed, Ok, Outcome, Stale

__all__ = ["error_of", "figures", "reason", "state"]


def state(outcome: Outcome) -> str:
    """``ok``, ``stale``, ``failed`` or ``missing``, as in `Snapshot.counts`."""
    return type(outcome).__name__.lower()


def reason(outcome: Outcome) -> dict[str, Any]:
    """Why there is no balance, or why not to rely on it; all ``None`` where it is `Ok`."""
    if isinstance(outcome, Failed):
        return error_of(outcome.error)
    return {"error": None, "status": None, "message": None if isinstance(outcome, Ok) else _flaw(outcome)}


def error_of(error: TreadError) -> dict[str, Any]:
    status = error.status if isinstance(error, ApiError) else None
    return {"error": type(error).__name__, "status": status, "message": sanitised(error.message)}


def figures(row: BalanceRow) -> dict[str, Any]:
    """The row's fields, without how it was sent."""
    fields = structs.asdict(row)
    del fields["wire"]
    return fields


def _flaw(outcome: Outcome) -> str:
    if not isinstance(outcome, Stale):
        return "a complete answer did not have it"
    if outcome.age_s is None:
        return "the server did not say how old it is"
    return f"it is too old: {outcome.age_s:.1f} s"
