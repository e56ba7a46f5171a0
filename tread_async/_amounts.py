"""Amounts: finite decimals, exact to the last digit of the wire, within bounds.

An amount has at most 60 significant digits and lies between 1E-40 and 1E+41, or is zero.
The bounds keep a hostile or broken reply from turning into a number whose arithmetic or text
would take gigabytes; ``1e999999999`` is twelve bytes on the wire.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from decimal import (
    Clamped,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
    Subnormal,
)
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

__all__ = ["Amount", "AmountDecoder", "RepeatedAmount", "exact"]

T = TypeVar("T")

# create_decimal, unlike Decimal(), refuses blanks and underscores; the traps refuse the rest.
_STRICT: Final = Context(
    prec=60,
    Emax=40,
    Emin=-40,
    traps=[Clamped, Inexact, InvalidOperation, Overflow, Rounded, Subnormal],
)
_create: Final = _STRICT.create_decimal


def exact(_type: object, wire: object) -> Decimal:
    """The amount a JSON value stands for, after every check.

    Raises:
        ValueError: Not a text or number, not finite, out of bounds, or loosely spelled
            (``1_000``, blanks, digits of other scripts). The value is not in the message.
    """
    if isinstance(wire, Decimal | int | str) and type(wire) is not bool and str(wire).isascii():
        try:
            amount = _create(wire)
        except ArithmeticError:
            pass  # raised below, outside this block, so that no traceback holds the value
        else:
            if amount.is_finite():
                return amount
    raise ValueError("not a finite decimal of at most 60 digits")


def _exact_number(kind: object, wire: object) -> Decimal:
    return wire if type(wire) is Decimal else exact(kind, wire)  # float_hook has checked it already


class _Shortcuts(dict[object, Decimal | None]):
    """Text to amount, in C: a hit for the commonest texts, a strict conversion for the rest."""

    __missing__ = _create


# True and False equal 1 and 0, and create_decimal takes them for numbers: None is no amount,
# so they and those two integers fail here and are looked at again by `exact`.
_SHORTCUTS: Final = _Shortcuts({str(n): Decimal(n) for n in range(126)} | {0: None, 1: None})


if TYPE_CHECKING:
    Amount = Decimal
    RepeatedAmount = Decimal
else:

    class _AmountType(type):
        # Both slots hold C functions: a Python call per amount would cost half a decode.
        __getitem__ = _SHORTCUTS.__getitem__
        __instancecheck__ = _STRICT.is_finite

    class Amount(metaclass=_AmountType):
        """Marks a `decimal.Decimal` field whose text is checked while it is decoded."""

    class _RepeatedAmountType(_AmountType):
        __getitem__ = staticmethod(functools.lru_cache(maxsize=8)(_SHORTCUTS.__getitem__))

    class RepeatedAmount(metaclass=_RepeatedAmountType):
        """The same for a figure of the whole account, which many of its rows repeat: it is kept once."""


class AmountDecoder:
    """Decodes JSON into a type that holds `Amount`, quickly when nothing looks odd.

    Amounts that are texts are converted in C. Whatever that refuses, and replies with a digit of
    another script in them, are decoded by `exact`, whose rules are the same and whose errors have a
    path. Amounts that are numbers go through `exact` one by one.
    """

    def __init__(self, kind: type[T] | Any, *, amounts_are_text: bool) -> None:
        hooks: tuple[Callable[[Any, Any], Any], Callable[[str], Any]]
        hooks = (operator.getitem, str) if amounts_are_text else (_exact_number, _create)
        self._in_c = amounts_are_text
        self._quick = msgspec.json.Decoder(kind, dec_hook=hooks[0], float_hook=hooks[1])
        self._careful = msgspec.json.Decoder(kind, dec_hook=exact, float_hook=functools.partial(exact, None))

    def decode(self, body: bytes) -> Any:
        """*body* as the type given.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError, RecursionError: the body does not fit.
        """
        if not (self._in_c and _has_foreign_digits(body)):
            try:
                return self._quick.decode(body)
            except (ArithmeticError, TypeError, msgspec.DecodeError, UnicodeDecodeError):
                pass
        return self._careful.decode(body)


_ASCII: Final = bytes(range(128))
_ESCAPED: Final = re.compile(rb"\\u([0-9a-fA-F]{4})")


def _has_foreign_digits(body: bytes) -> bool:
    """Whether a digit outside ASCII, which create_decimal takes for a digit, stands in *body*."""
    if not body.isascii():
        rest = body.translate(None, _ASCII).decode("utf-8", "replace")
        if any(map(str.isdecimal, rest)):
            return True
    if b"\\" not in body:  # one byte: found at the speed of memchr
        return False
    # Half a surrogate pair may be half a digit of a rare script.
    codes = {int(code, 16) for code in set(_ESCAPED.findall(body))}
    return any(0xD800 <= code < 0xE000 or (code > 0x7F and chr(code).isdecimal()) for code in codes)
