"""Whether, when and how often a failed attempt is repeated. A call that succeeds at once never comes here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tread_async._codec.endpoints import Endpoint, Repeat
from tread_async._codec.requests import Request
from tread_async.errors import (
    ApiError,
    ClientClosedError,
    DeadlineExceededError,
    DecodeError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TransportError,
    TreadError,
    UnprocessableError,
    UsageError,
)

__all__ = [
    "MOST_ATTEMPTS",
    "POLICIES",
    "Cause",
    "RetryPolicy",
    "Stop",
    "Wait",
    "cause_of",
    "may_be_applied",
    "may_land_later",
    "next_step",
]

MOST_ATTEMPTS: Final = 5
_SHORTEST_ATTEMPT_S: Final = 0.5
_TRANSIENT: Final = frozenset({500, 502, 503, 504})
_REFUSED_BEFORE_ACTING: Final = frozenset({400, 401, 403, 404, 405, 409, 413, 415})


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long a call may try. Seconds throughout.

    The wait before attempt n+1 is drawn from 0 to ``base_s * 2**(n-1)``, at most ``cap_s``; after a
    422 of set_leverage ``refused_base_s`` takes the place of ``base_s``, after a 429 or 503
    ``throttled_base_s``. A ``Retry-After`` is the shortest wait; one above ``max_retry_after_s`` or
    beyond the deadline ends the call at once.

    Attributes:
        attempts: Requests at most, the first included; 1 to 5.
        attempt_timeout_s: From a free slot to the last byte of the answer.
        deadline_s: For the call with all attempts and waits, unless the call brings its own.
    """

    attempts: int = 3
    attempt_timeout_s: float = 10.0
    deadline_s: float = 30.0
    base_s: float = 0.25
    refused_base_s: float = 1.0
    throttled_base_s: float = 1.0
    cap_s: float = 8.0
    max_retry_after_s: float = 60.0

    def __post_init__(self) -> None:
        if type(self.attempts) is not int or not 1 <= self.attempts <= MOST_ATTEMPTS:
            raise UsageError(f"attempts is a whole number from 1 to {MOST_ATTEMPTS}")
        for name in self.__struct_fields__[1:]:
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 < value < 86_400:
                raise UsageError(f"{name} is a number of seconds above 0 and below a day")


_READ: Final = RetryPolicy()

POLICIES: Final[Mapping[str, RetryPolicy]] = {
    "balances": RetryPolicy(attempt_timeout_s=20.0, deadline_s=60.0),  # asks every exchange
    "cached_balances": _READ,
    "accounts": _READ,
    "create_account": RetryPolicy(attempt_timeout_s=15.0, deadline_s=45.0),
    "update_account": _READ,
    "archive_account": _READ,
    "set_leverage": RetryPolicy(attempts=4, attempt_timeout_s=15.0, deadline_s=45.0, base_s=0.5),
    "request": _READ,
}


class Cause(enum.Enum):
    """Why an attempt failed, as far as a repeat is concerned."""

    NOT_SENT = "not sent"
    THROTTLED = "throttled"
    FAILED = "the server failed"
    REFUSED = "leverage refused"
    LOST = "no usable answer"
    FINAL = "would not change"


class Wait(msgspec.Struct, frozen=True):
    """Try again after so many seconds."""

    seconds: float


class Stop(msgspec.Struct, frozen=True):
    """Do not try again; *why* goes into the error where it is news to the caller."""

    why: str = ""


def cause_of(
    error: TreadError, endpoint: Endpoint[Any], *, patient: bool = True, alone: bool = True
) -> Cause:
    """The cause of a failed attempt; `Cause.FINAL` where a repeat is useless or forbidden.

    Not *patient* is a caller who would rather ask again for fewer accounts than for the same ones: one
    account that is refused or hangs would take the others with it each time, unless it is *alone*.
    """
    if isinstance(error, ClientClosedError):
        return Cause.FINAL
    if not patient and isinstance(error, UnprocessableError | DeadlineExceededError):
        return Cause.FINAL
    if not (patient or alone) and isinstance(error, OutcomeUnknownError) and error.timed_out:
        return Cause.FINAL
    if isinstance(error, NotSentError):
        return Cause.FINAL if error.permanent else Cause.NOT_SENT
    if endpoint.repeat is Repeat.NEVER:
        return Cause.FINAL
    if isinstance(error, RateLimitedError) or (isinstance(error, ServerError) and error.status == 503):
        return Cause.THROTTLED
    if isinstance(error, ServerError):
        return Cause.FAILED if error.status in _TRANSIENT else Cause.FINAL
    if isinstance(error, UnprocessableError):
        return Cause.REFUSED if endpoint.repeats_422 else Cause.FINAL
    if isinstance(error, ProtocolError) and not error.broken:
        return Cause.FINAL
    if isinstance(error, TransportError) or (isinstance(error, DecodeError) and error.malformed):
        return Cause.LOST
    return Cause.FINAL


def may_be_applied(error: TreadError, request: Request[Any]) -> bool:
    """Whether a write that failed so may have been applied all the same.

    Only three things say that it was not: a request that never left, a refusal with a status that
    servers give before they act, and a refusal of a value for the one account it was meant for. A
    5xx, a lost or odd answer and a 422 for several accounts say nothing.
    """
    if not request.endpoint.writes:
        return False
    if isinstance(error, OutcomeUnknownError):
        return True
    if isinstance(error, NotSentError | ClientClosedError | UsageError):
        return False
    if not isinstance(error, ApiError):
        return True
    if error.status == 422:
        # The exchange behind the API refused. For one account that is an answer; for several it
        # does not say of which.
        return not (request.endpoint.repeats_422 and request.one_target)
    if error.status == 429:
        return request.endpoint.repeat is Repeat.NEVER
    return error.status not in _REFUSED_BEFORE_ACTING


def may_land_later(error: TreadError) -> bool:
    """Whether a write that may be applied could still be on its way: nobody has answered for it.

    A 422 is the API's own word, after the exchange had its say. Behind a 500 work may go on.
    """
    return not isinstance(error, UnprocessableError)


def next_step(
    policy: RetryPolicy,
    cause: Cause,
    *,
    attempt: int,
    remaining_s: float,
    asked_s: float | None,
    chance: float,
) -> Wait | Stop:
    """What to do after the failed *attempt* (from 1), with *chance* drawn from 0 to 1."""
    if cause is Cause.FINAL or attempt >= policy.attempts:
        return Stop()
    if asked_s is not None and asked_s > policy.max_retry_after_s:
        return Stop(f"the server asks to wait {asked_s:g} s, more than {policy.max_retry_after_s:g} s")
    base_s = {Cause.THROTTLED: policy.throttled_base_s, Cause.REFUSED: policy.refused_base_s}.get(
        cause, policy.base_s
    )
    seconds = chance * min(policy.cap_s, base_s * 2.0 ** (attempt - 1))
    if asked_s is not None:
        # Everyone was told the same moment: spread the return, but never before it.
        seconds = max(seconds, asked_s) + chance * min(1.0, asked_s / 10)
    if seconds + _SHORTEST_ATTEMPT_S > remaining_s:
        return Stop("the deadline leaves no room for another attempt")
    return Wait(seconds)
