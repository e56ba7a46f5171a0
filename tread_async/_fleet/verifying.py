"""What reading back says of a write."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec

from tread_async._codec.redaction import sanitised
from tread_async.balance import Balance
from tread_async.errors import OutcomeUnknownError, TreadError
from tread_async.reports import Applied, NotApplied, Unknown, Verification, WriteOutcome

__all__ = ["leverages_seen", "verified"]

Value: TypeAlias = Decimal | str


def leverages_seen(balance: Balance, pair: str) -> list[Decimal]:
    """The leverage of each open position of *pair*, where the exchange says it."""
    return [row.leverage for row in balance.positions if row.symbol == pair and row.leverage is not None]


def verified(
    outcome: WriteOutcome, wanted: Value, seen: Sequence[Value], *, lost: bool, shared: bool
) -> WriteOutcome:
    """*outcome* after the values *seen*; none of them leaves it as it was.

    An attempt that may be *lost* on its way can still arrive: seeing the old value proves nothing then. The
    refusal of a request *shared* with other accounts is not believed where the value is there: it may have
    been carried out for this one. It is kept as the ``error``. Two positions of one pair, as in hedge mode,
    may show both values: then nothing is said to be not applied.
    """
    if not seen:
        return msgspec.structs.replace(outcome, verification=Verification.UNVERIFIABLE)
    other = next((value for value in seen if not _same(value, wanted)), None)
    if other is None:
        if isinstance(outcome, Unknown) or (shared and isinstance(outcome, NotApplied)):
            return Applied(
                verification=Verification.CONFIRMED,
                seen=seen[0],
                had_unknown_attempts=lost,
                error=_answered(outcome.error),
            )
        return msgspec.structs.replace(outcome, verification=Verification.CONFIRMED, seen=seen[0])
    if isinstance(outcome, Applied):
        denied = OutcomeUnknownError(f"acknowledged, but reading back shows {sanitised(str(other))}")
        return Unknown(error=denied, verification=Verification.CONTRADICTED, seen=other)
    if isinstance(outcome, Unknown) and not lost and not any(_same(value, wanted) for value in seen):
        error = _answered(outcome.error)
        return NotApplied(error=error, verification=Verification.CONTRADICTED, seen=other)
    return msgspec.structs.replace(outcome, verification=Verification.CONTRADICTED, seen=other)


def _answered(error: TreadError) -> TreadError:
    """What the server said last, if it said anything."""
    cause = error.cause if isinstance(error, OutcomeUnknownError) else None
    return cause or error


def _same(seen: Value, wanted: Value) -> bool:
    # Margin modes may be listed in other letters than they are set in.
    if isinstance(seen, str) and isinstance(wanted, str):
        return seen.casefold() == wanted.casefold()
    return seen == wanted
