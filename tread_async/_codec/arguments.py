"""Checks of what the caller gives, before anything is sent.

Each returns the value in the form that is sent, or raises `UsageError` with one sentence. No
sentence repeats a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = [
    "account_id",
    "account_ids",
    "account_name",
    "account_names",
    "credential_name",
    "deadline_s",
    "extra_fields",
    "flag",
    "has_dots",
    "is_mask",
    "leverage",
    "mapping",
    "method",
    "pair",
    "params",
    "path",
    "required_text",
    "seconds",
    "secret",
    "wrapped",
]

_MAX_NAME_BYTES: Final = 1024  # a name of 1 KiB still fits a URL of 4 KiB when every byte is escaped
_MAX_ENTRIES: Final = 10_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_BREAKS: Final = re.compile(r"[\r\n]")
_HALF_PAIR: Final = re.compile(r"[\ud800-\udfff]")
_PLAIN_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
PATH: Final = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


def required_text(value: object, what: str) -> str:
    """*value* if it is a text with something in it, no control characters and no half of a pair."""
    if not isinstance(value, str):
        raise UsageError(f"{what} is a text, not {type(value).__name__}")
    if not value or value.isspace():
        raise UsageError(f"{what} is empty")
    if _HALF_PAIR.search(value):
        raise UsageError(f"{what} is not text in UTF-8")
    if _CONTROL.search(value):
        raise UsageError(f"{what} contains a control character")
    return value


def account_name(value: object) -> str:
    """An account's name, exactly as the server spells it."""
    name = required_text(value, "an account name")
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise UsageError(f"an account name is longer than {_MAX_NAME_BYTES} bytes")
    return name


def account_id(value: object) -> str:
    """An account's id (a UUID, as text)."""
    given = required_text(value, "an account id")
    if len(given) > _MAX_NAME_BYTES:
        raise UsageError(f"an account id is longer than {_MAX_NAME_BYTES} characters")
    return given


def credential_name(value: object) -> str:
    """The name that a caller gives a token."""
    name = required_text(value, "the name of a credential")
    if "/" in name:
        raise UsageError("its name has a slash, which separates it from the account's name")
    return name


def _unique(values: object, what: str, check: Callable[[object], str], if_empty: str) -> list[str]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise UsageError(f"{what} is a list of texts, such as ['a'], not {type(values).__name__}")
    given = list(dict.fromkeys(check(value) for value in values))
    if not given:
        raise UsageError(f"{what} is empty; {if_empty}")
    if len(given) > _MAX_ENTRIES:
        raise UsageError(f"{what} has more than {_MAX_ENTRIES} entries")
    return given


def account_names(values: object) -> list[str] | None:
    """Names without repetition, in the order given; ``None`` stays ``None`` and means all."""
    if values is None:
        return None
    return _unique(values, "account_names", account_name, "leave it out to ask for every account")


def account_ids(values: object) -> list[str]:
    """Ids without repetition, in the order given. There is no form that means all."""
    return _unique(values, "account_ids", account_id, "name the accounts to change")


def leverage(value: object) -> str:
    """A leverage above zero as a plain decimal text, without exponent."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise UsageError(f"leverage is an int, a str or a Decimal such as '2.5', not {type(value).__name__}")
    if isinstance(value, Decimal):
        if not value.is_finite() or not -12 <= value.adjusted() <= 12:
            raise UsageError("leverage is a finite number of at most 12 digits before the point")
        text = format(value, "f")
    else:
        text = str(value) if isinstance(value, str) or abs(value) < 10**12 else ""
    if not _PLAIN_DECIMAL.fullmatch(text):
        raise UsageError("leverage is a plain decimal above zero, such as 5 or '2.5'")
    if not Decimal(text):
        raise UsageError("leverage is above zero")
    return text


def wrapped(value: Secret | str, what: str) -> Secret:
    """*value* as a `Secret`, so that no frame holds its text when something else is refused.

    A value of another kind may be a secret all the same, so it is refused only by `Secret.reveal`, when
    the caller has let go of it.
    """
    if isinstance(value, Secret | str):
        return Secret.of(value)
    return _Unfit(f"{what} is a Secret or a str, not {type(value).__name__}")


class _Unfit(Secret):
    """Stands for a value that cannot be a secret."""

    __slots__ = ()

    def reveal(self) -> NoReturn:
        raise UsageError(self._text)


def secret(value: Secret | str, what: str) -> Secret:
    """A key or password as a `Secret`. Line breaks may stand in it: some exchanges give out PEM keys."""
    value = wrapped(value, what)
    if problem := _secret_problem(value.reveal()):
        raise UsageError(f"{what} {problem}")
    return value


def _secret_problem(text: str) -> str:
    if not text or text.isspace():
        return "is empty"
    if text != text.strip("\r\n"):
        return "begins or ends with a line break; strip it"
    if _CONTROL.search(_LINE_BREAKS.sub("", text)):
        return "contains a control character"
    return "is the mask that the server shows in its place; give the real one" if is_mask(text) else ""


def is_mask(value: object) -> bool:
    """Whether *value* is what the server lists instead of a secret. Sent back, it would become one."""
    return isinstance(value, str) and len(value) > 2 and not value.strip("*")


def has_dots(text: str) -> bool:
    decoded = re.sub("%2e", ".", text, flags=re.IGNORECASE)
    return any(part in (".", "..") for part in decoded.split("/"))


def pair(value: object) -> str:
    """A pair such as ``ETH:PERP-USDT``. Only its outline is checked: the exchanges have odd bases."""
    text = required_text(value, "pair")
    if "-" not in text or any(character.isspace() for character in text):
        raise UsageError("pair is BASE[:VARIANT]-QUOTE, such as ETH:PERP-USDT")
    return text


def method(value: object) -> str:
    """An HTTP method in capitals."""
    if not isinstance(value, str) or value.upper() not in _METHODS:
        raise UsageError(f"method is one of {', '.join(_METHODS)}")
    return value.upper()


def params(values: Mapping[str, str | int] | None) -> dict[str, str]:
    """Query parameters as texts; a bool is refused, since the API wants ``true`` spelled out."""
    texts: dict[str, str] = {}
    for name, value in mapping(values, "params").items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise UsageError(f"the parameter {name!r} is a str or an int, not {type(value).__name__}")
        if isinstance(value, int) and not -(10**18) < value < 10**18:
            raise UsageError(f"the parameter {name!r} has more than 18 digits")
        if isinstance(value, str) and _HALF_PAIR.search(value):
            raise UsageError(f"the parameter {name!r} is not text: it holds half a surrogate pair")
        texts[required_text(name, "a parameter's name")] = str(value)
    return texts


def path(value: object) -> str:
    """The path of a request that is not in the table: absolute, escaped, without query."""
    if not isinstance(value, str) or not PATH.fullmatch(value):
        raise UsageError("path starts with '/', has no query (use params) and nothing that needs escaping")
    if value.startswith("//") or has_dots(value):
        raise UsageError("path may not start with '//' or contain '.' or '..' parts")
    return value


def extra_fields(values: Mapping[str, Any] | None, taken: Iterable[str]) -> dict[str, Any]:
    """Undocumented body fields, none of which stands for a documented one."""
    fields = dict(mapping(values, "extra"))
    for name, value in fields.items():
        required_text(name, "the name of an extra field")
        if name in taken:
            raise UsageError(f"the field {name} has an argument of its own")
        if is_mask(value.reveal() if isinstance(value, Secret) else value):
            raise UsageError(f"the field {name} is the mask of a secret; give the real one or leave it out")
    return fields


def mapping(values: Mapping[str, Any] | None, what: str) -> Mapping[str, Any]:
    if values is not None and not isinstance(values, Mapping):
        raise UsageError(f"{what} is a mapping, not {type(values).__name__}")
    return values or {}


def flag(value: bool, what: str) -> bool:
    """True or False; a text such as "false" would count as true."""
    if not isinstance(value, bool):
        raise UsageError(f"{what} is True or False, not {type(value).__name__}")
    return value


def deadline_s(value: float) -> float:
    """A deadline in seconds, above zero and finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 86_400:
        raise UsageError("deadline_s is a number of seconds above 0 and below a day")
    return float(value)


def seconds(given: object, what: str) -> float:
    """A time above zero."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise UsageError(f"{what} is a number of seconds above 0")
    return given
