"""The settings of a profile: what each may be, in the file and in the environment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tread_async._codec import arguments as check
from tread_async._codec import settings
from tread_async._wiring import DEFAULT_BASE_URL
from tread_async.errors import UsageError

__all__ = ["FIELDS", "Field"]

_FLAGS: Final = {"true": True, "false": False}


class Field(msgspec.Struct, frozen=True):
    """One setting.

    Attributes:
        checked: The value in the form used; raises `UsageError`.
        default: As of `SessionManager`.
        of_text: What a text in the environment means; ``None`` where there is no variable.
    """

    checked: Callable[[Any], Any]
    default: Any
    of_text: Callable[[str], Any] | None


def _number(text: str) -> float | str:
    """The number, or *text* itself, which `checked` refuses in its own words."""
    try:
        return float(text)
    except ValueError:
        return text


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _flag(text: str) -> bool | str:
    return _FLAGS.get(text, text)


def _flagged(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError("hedge_cached is true or false")
    return value


FIELDS: Final[Mapping[str, Field]] = {
    "base_url": Field(settings.base_url, DEFAULT_BASE_URL, str),
    "deadline_s": Field(check.deadline_s, None, _number),
    "max_in_flight": Field(settings.max_in_flight, 32, _whole),
    "max_in_flight_per_token": Field(
        functools.partial(settings.max_in_flight, what="max_in_flight_per_token"), 8, _whole
    ),
    "requests_per_s": Field(settings.requests_per_s, None, _number),
    "hedge_cached": Field(_flagged, False, _flag),
    "auth_scheme": Field(settings.auth_scheme, "Token", str),
    "headers": Field(settings.extra_headers, {}, None),
}
