"""A second opinion: what comes of a call whose attempts fail as told, by the written rules alone.

The rules are the docstrings of `RetryPolicy`, of the retry budget and of `tread_async.errors`. Nothing of the
library's policy is used here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.support.wire import Step, cut, hang_up, reply, reset

__all__ = ["DEFAULTS", "WRONGS", "Foretold", "Purse", "Rules", "Wrong", "foretold"]


class Rules(NamedTuple):
    """A policy; seconds."""

    attempts: int = 3
    base_s: float = 0.25
    refused_base_s: float = 1.0
    throttled_base_s: float = 1.0
    cap_s: float = 8.0
    max_retry_after_s: float = 60.0


DEFAULTS: Final = {
    "list": Rules(),
    "update": Rules(),
    "create": Rules(),
    "leverage": Rules(attempts=4, base_s=0.5),
}


class Wrong(NamedTuple):
    """What one attempt meets.

    ``step`` is what the server does, ``None`` if nobody listens; ``status`` is 0 where there is no complete
    answer of HTTP; ``error`` is what a read that ends so raises; ``hint_s`` what it asks to wait.
    """

    name: str
    step: Step | None
    status: int
    error: str
    hint_s: float | None = None

    def __repr__(self) -> str:
        return self.name


_HINTS: Final[dict[str, float | None]] = {
    "0": 0.0, "1": 1.0, "03": 3.0, "7": 7.0, "59": 59.0, "60": 60.0, "61": 61.0, "999999": 999_999.0,
    "1000000": None, "": None, "nan": None, "inf": None, "-5": None, "+5": None, "1e1": None, "2.5": None,
    "1_0": None, "0x1": None, "soon": None, "٣": None,
}  # fmt: skip
_SERVER_TIME: Final = "Fri, 15 Jan 2027 08:00:00 GMT"
_DATES: Final[dict[str, float | None]] = {
    "Fri, 15 Jan 2027 08:00:04 GMT": 4.0,
    "Fri, 15 Jan 2027 08:02:00 GMT": 120.0,
    "Fri, 15 Jan 2027 07:00:00 GMT": 0.0,
    "Friday, 15-Jan-27 08:00:04 GMT": None,
    "Fri Jan 15 08:00:04 2027": None,
    "Sun, 31 Feb 2027 08:00:00 GMT": None,
}
_ERRORS: Final = {401: "AuthError", 422: "UnprocessableError", 429: "RateLimitedError"}


def _answered(status: int) -> Wrong:
    error = _ERRORS.get(status, "ServerError" if status >= 500 else "RejectedError")
    return Wrong(str(status), reply(status=status), status, error)


def _asking(status: int) -> list[Wrong]:
    """The status with a ``Retry-After`` of every kind."""
    found = []
    for hint, seconds in (_HINTS | _DATES).items():
        step = reply(status=status, Date=_SERVER_TIME, Retry_After=hint)
        found.append(_answered(status)._replace(name=f"{status} {hint!r}", step=step, hint_s=seconds))
    return found


_LOST: Final = [
    Wrong("closed", hang_up, 0, "TransportError"),
    Wrong("reset", reset, 0, "TransportError"),
    Wrong("cut in the head", cut(b"HTTP/1.1 200 OK\r\n"), 0, "TransportError"),
    Wrong("cut in the body", cut(reply(b"[{", length=50)), 0, "TransportError"),
    Wrong("garbage", cut(b"nonsense\r\n\r\n"), 0, "ProtocolError"),
    Wrong("cut without a length", cut(reply(b'{"a":', length=-1)), 0, "DecodeError"),
]
_ODD: Final = [
    Wrong("redirect", reply(b"", 302, Location="/login"), 302, "ProtocolError"),
    Wrong("206", reply(b"[]", 206), 206, "ProtocolError"),
    Wrong("unknown encoding", reply(b"[]", Content_Encoding="x"), 200, "ProtocolError"),
    Wrong("web page", reply(b"<html>", Content_Type="text/html"), 200, "DecodeError"),
    Wrong("another shape", reply(b"17"), 200, "DecodeError"),
]
_NOBODY: Final = Wrong("nobody listens", None, 0, "NotSentError")
_REFUSALS: Final = (400, 401, 403, 404, 405, 409, 413, 415)
_TRANSIENT: Final = (500, 502, 504)

WRONGS: Final[list[Wrong]] = [
    _NOBODY,
    *_LOST,
    *_ODD,
    *[_answered(status) for status in (*_REFUSALS, 418, 422, 429, 500, 501, 502, 503, 504, 505)],
    *[wrong for status in (422, 429, 500, 503) for wrong in _asking(status)],
]


@dataclass
class Purse:
    """What all calls may spend on repeats together."""

    left: int = 100


@dataclass
class Foretold:
    """What has to come of a call. ``error`` is "" for a success; ``cause`` is that of an unknown outcome."""

    waits: list[float] = field(default_factory=list)
    attempts: int = 0
    requests: int = 0
    error: str = ""
    cause: str = ""
    exhausted: bool = False


def foretold(
    kind: str, rules: Rules, wrongs: list[Wrong], chances: tuple[float, ...], deadline_s: float, purse: Purse
) -> Foretold:
    """What comes of a call of *kind* whose attempts meet *wrongs*, one after the other, and then success."""
    found = Foretold()
    unknown, paid = False, 0
    for wrong in wrongs:
        found.attempts += 1
        found.requests += wrong is not _NOBODY
        unknown = unknown or _may_be_applied(kind, wrong)
        price, base_s = _price_and_base(kind, wrong, rules)
        chance = chances[found.attempts - 1]
        wait_s = _wait_s(rules, base_s, found.attempts, chance, wrong.hint_s)
        ends = (
            price is None
            or found.attempts == rules.attempts
            or (wrong.hint_s or 0.0) > rules.max_retry_after_s
            or sum(found.waits) + wait_s + 0.5 > deadline_s
        )
        found.exhausted = not ends and price is not None and price > purse.left
        if ends or found.exhausted or price is None:
            _end(found, kind, wrong, unknown=unknown)
            return found
        paid = price
        purse.left -= price
        found.waits.append(wait_s)
    # A repeat that helped gets its price back; a first attempt pays 1 in.
    purse.left = min(100, purse.left + (paid if found.attempts else 1))
    found.attempts += 1
    found.requests += 1
    return found


def _price_and_base(kind: str, wrong: Wrong, rules: Rules) -> tuple[int | None, float]:
    """What a repeat costs, ``None`` where there is none, and the longest first wait."""
    if wrong is _NOBODY:
        return 10, rules.base_s
    if kind == "create":
        return None, 0.0
    if wrong.status in (429, 503):
        return 5, rules.throttled_base_s
    if wrong.status == 422 and kind == "leverage":
        return 0, rules.refused_base_s
    if wrong.status in _TRANSIENT or wrong in _LOST:
        return 10, rules.base_s
    return None, 0.0


def _wait_s(rules: Rules, base_s: float, attempt: int, chance: float, hint_s: float | None) -> float:
    wait_s = chance * min(rules.cap_s, base_s * 2 ** (attempt - 1))
    if hint_s is None:
        return wait_s
    return max(wait_s, hint_s) + chance * min(1.0, hint_s / 10)


def _may_be_applied(kind: str, wrong: Wrong) -> bool:
    if kind == "list" or wrong is _NOBODY or wrong.status in _REFUSALS:
        return False
    if wrong.status == 429:
        return kind == "create"
    return not (wrong.status == 422 and kind == "leverage")  # the exchange's word, for the one account


def _end(found: Foretold, kind: str, wrong: Wrong, *, unknown: bool) -> None:
    """The error at the end: of a write of which an attempt may have been applied, that it is not known."""
    if not unknown:
        found.error = wrong.error
        return
    found.error = "OutcomeUnknownError"
    no_answer = wrong in _LOST and wrong.error != "DecodeError"
    found.cause = "" if no_answer else wrong.error
