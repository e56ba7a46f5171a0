"""Amounts for columns, whose amounts all have the same number of decimal places.

Libraries of tables round some amounts to fit and drop others, silently; so amounts are brought to the
places of their column here, where whatever would change one raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final, NamedTuple, TypeAlias

from tread_async.errors import UsageError

__all__ = ["Amounts", "Fitted", "fitted"]

Amounts: TypeAlias = Sequence[Decimal | None]

_USUAL_PLACES: Final = {38: 18, 76: 38}
_ANY: Final = Context(prec=60)  # of an amount


class Fitted(NamedTuple):
    """A column: the digits of each amount, how many of them are decimal places, and the amounts."""

    digits: int
    places: int
    amounts: list[Decimal | None]


def fitted(column: str, amounts: Amounts, *, widths: tuple[int, ...]) -> Fitted:
    """In the first of the *widths* (38 or 76 digits) that holds all of them exactly.

    With 18 places of 38, or 38 of 76, wherever that is possible, so that most columns are of one type.

    Raises:
        UsageError: none does.
    """
    try:
        return _aligned(amounts, 38, 18)
    except ArithmeticError:
        whole, places = _extent(amount for amount in amounts if amount)
    for digits in widths:
        if whole + places <= digits:
            return _aligned(amounts, digits, max(places, min(_USUAL_PLACES[digits], digits - whole)))
    raise UsageError(
        f"the column {column} needs {whole + places} digits, and has {widths[-1]} at most; "
        "to_rows and to_json keep every digit"
    )


def _aligned(amounts: Amounts, digits: int, places: int) -> Fitted:
    exact = Context(prec=digits, traps=[Inexact, InvalidOperation])
    to = Decimal((0, (1,), -places))
    return Fitted(
        digits, places, [None if amount is None else exact.quantize(amount, to) for amount in amounts]
    )


def _extent(amounts: Iterable[Decimal]) -> tuple[int, int]:
    """The most digits before the point, and behind it."""
    whole = places = 0
    for amount in amounts:
        exponent = _ANY.normalize(amount).as_tuple().exponent
        assert isinstance(exponent, int)  # noqa: S101 - an amount is finite
        whole, places = max(whole, amount.adjusted() + 1), max(places, -exponent)
    return whole, places
