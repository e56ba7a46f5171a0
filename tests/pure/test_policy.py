"""The table of what a failed attempt means: worth a repeat, and possibly applied."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from tests.pure.support import LISTED
from tread_async._codec import endpoints, requests
from tread_async._codec.endpoints import Endpoint
from tread_async._codec.requests import Request
from tread_async._policy import POLICIES, Cause, RetryPolicy, cause_of, may_be_applied, may_land_later
from tread_async.errors import (
    AccountError,
    ApiError,
    AuthError,
    BlockedError,
    ClientClosedError,
    ClosedAfterSendingError,
    DeadlineExceededError,
    DecodeError,
    IncompleteSnapshotError,
    NameConflictError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    SilenceError,
    TransportError,
    TreadError,
    UnprocessableError,
    UsageError,
)
from tread_async.secret import Secret


def permanent() -> NotSentError:
    error = NotSentError("x")
    error.permanent = True
    return error


def malformed() -> DecodeError:
    error = DecodeError("x")
    error.malformed = True
    return error


KEY = Secret("k")
GET, POST = (requests.unlisted(method, "/api/x", None, None) for method in ("GET", "POST"))
READS: list[Request[Any]] = [
    requests.accounts(include_archived=True),
    *requests.filtered(endpoints.BALANCES, None, ""),
    *requests.filtered(endpoints.CACHED_BALANCES, ["A"], ""),
    GET,
]
ONE = requests.set_leverage(leverage="5", pair="A-B", account_ids=["1"])
MANY = requests.set_leverage(leverage="5", pair="A-B", account_ids=["1", "2"])
UPDATE = requests.update_account(account_id="1", fields={"margin_mode": "CROSS"})
CREATE = requests.create_account(name="a", exchange="x", api_key=KEY, api_secret=KEY, password=None, extra={})
ARCHIVE = requests.archive_account(name="a")


def _broken(error: ProtocolError) -> ProtocolError:
    error.broken = True
    return error


# The error; why it failed for a read, for an absolute write, for any other write;
# whether it may be applied for a leverage of one account, of several, an update, any other write.
NO, YES = False, True
N, T, F, R, L, X = Cause.NOT_SENT, Cause.THROTTLED, Cause.FAILED, Cause.REFUSED, Cause.LOST, Cause.FINAL
TABLE: list[tuple[TreadError, tuple[Cause, Cause, Cause], tuple[bool, bool, bool, bool]]] = [
    (UsageError("x"), (X, X, X), (NO, NO, NO, NO)),
    (ClientClosedError("x"), (X, X, X), (NO, NO, NO, NO)),
    (ClosedAfterSendingError("x"), (X, X, X), (YES, YES, YES, YES)),
    (NotSentError("x"), (N, N, N), (NO, NO, NO, NO)),
    (permanent(), (X, X, X), (NO, NO, NO, NO)),
    (TransportError("x"), (L, L, X), (YES, YES, YES, YES)),
    (OutcomeUnknownError("x"), (L, L, X), (YES, YES, YES, YES)),
    (DeadlineExceededError("x"), (L, L, X), (YES, YES, YES, YES)),
    (ProtocolError("x"), (X, X, X), (YES, YES, YES, YES)),
    (_broken(ProtocolError("x")), (L, L, X), (YES, YES, YES, YES)),
    (malformed(), (L, L, X), (YES, YES, YES, YES)),
    (DecodeError("x"), (X, X, X), (YES, YES, YES, YES)),
    (AuthError(401, "x"), (X, X, X), (NO, NO, NO, NO)),
    (BlockedError(403, "x"), (X, X, X), (NO, NO, NO, NO)),
    *((RejectedError(s, "x"), (X, X, X), (NO, NO, NO, NO)) for s in (400, 403, 404, 405, 409, 413, 415)),
    *((RejectedError(s, "x"), (X, X, X), (YES, YES, YES, YES)) for s in (402, 408, 410, 418, 423, 499)),
    (UnprocessableError(422, "x"), (X, R, X), (NO, YES, YES, YES)),
    (RateLimitedError(429, "x"), (T, T, X), (NO, NO, NO, YES)),
    (ServerError(503, "x"), (T, T, X), (YES, YES, YES, YES)),
    *((ServerError(s, "x"), (F, F, X), (YES, YES, YES, YES)) for s in (500, 502, 504)),
    *((ServerError(s, "x"), (X, X, X), (YES, YES, YES, YES)) for s in (501, 505, 520, 599)),
]
ROWS = [
    pytest.param(*row, id=f"{type(row[0]).__name__} {getattr(row[0], 'status', '')}".strip()) for row in TABLE
]


def test_the_table_is_complete() -> None:
    """Each kind of error that an attempt can end with stands in the table."""
    kinds = {type(error) for error, _, _ in TABLE}

    # Of the others two are only bases, three are made of answers that did come, and one of many reads.
    others = {
        ApiError, TreadError, NameConflictError, AccountError, IncompleteSnapshotError, SilenceError,
    }  # fmt: skip
    assert others == {kind for kind in [TreadError, *subclasses(TreadError)] if kind not in kinds}


def subclasses(kind: type[TreadError]) -> set[type[TreadError]]:
    return {each for below in kind.__subclasses__() for each in [below, *subclasses(below)]}


@pytest.mark.trap(7)
@pytest.mark.parametrize(("error", "causes", "_applied"), ROWS)
def test_why_an_attempt_failed(
    error: TreadError, causes: tuple[Cause, Cause, Cause], _applied: tuple[bool, ...]
) -> None:
    """Reads and absolute writes are repeated where that may help; other writes only if never sent."""
    read, absolute, acting = causes

    assert {cause_of(error, request.endpoint) for request in READS} == {read}
    assert {cause_of(error, request.endpoint) for request in (ONE, MANY)} == {absolute}
    # A 422 of an update has no exchange behind it that might change its mind.
    updated = X if isinstance(error, UnprocessableError) else absolute
    assert cause_of(error, UPDATE.endpoint) == updated
    assert {cause_of(error, request.endpoint) for request in (CREATE, ARCHIVE, POST)} == {acting}


@pytest.mark.fault("I2")
@pytest.mark.trap(7)
@pytest.mark.trap(16)
@pytest.mark.parametrize(("error", "_causes", "applied"), ROWS)
def test_whether_a_write_may_be_applied(
    error: TreadError, _causes: tuple[Cause, ...], applied: tuple[bool, bool, bool, bool]
) -> None:
    """Nothing but a request that never left, or a refusal that speaks of all it touched, says no."""
    assert [may_be_applied(error, request) for request in (ONE, MANY, UPDATE, CREATE)] == list(applied)
    assert {may_be_applied(error, request) for request in (CREATE, ARCHIVE, POST)} == {applied[3]}
    assert {may_be_applied(error, request) for request in READS} == {False}


@pytest.mark.parametrize(("error", "causes", "_applied"), ROWS)
def test_who_asks_for_less_instead_does_not_repeat_a_timeout(
    error: TreadError, causes: tuple[Cause, Cause, Cause], _applied: tuple[bool, ...]
) -> None:
    """An impatient caller gets a 422 and a timeout at once; all else is repeated for it as for others."""
    causes = (X, X, X) if isinstance(error, UnprocessableError | DeadlineExceededError) else causes
    asked = (READS[0], MANY, CREATE)

    assert tuple(cause_of(error, request.endpoint, patient=False) for request in asked) == causes


@pytest.mark.parametrize("timed_out", [True, False])
def test_an_account_that_may_hang_is_not_asked_for_again_with_others(timed_out: bool) -> None:
    """A batch that timed out is taken apart instead; alone, and for a patient caller, it is asked again."""
    error = OutcomeUnknownError("x")
    error.timed_out = timed_out

    assert cause_of(error, MANY.endpoint, patient=False, alone=False) is (X if timed_out else L)
    assert cause_of(error, MANY.endpoint, patient=False) is L
    assert cause_of(error, MANY.endpoint, alone=False) is L
    assert cause_of(ServerError(500, "x"), MANY.endpoint, patient=False, alone=False) is F


@pytest.mark.parametrize(("error", "_causes", "_applied"), ROWS)
def test_only_a_422_says_that_nothing_is_on_its_way(
    error: TreadError, _causes: tuple[Cause, ...], _applied: tuple[bool, ...]
) -> None:
    """What was refused for several accounts by the exchange behind the API cannot be applied later."""
    assert may_land_later(error) is not isinstance(error, UnprocessableError)


@pytest.mark.parametrize("endpoint", [*LISTED, GET.endpoint], ids=lambda endpoint: endpoint.name)
def test_every_endpoint_has_a_policy(endpoint: Endpoint[Any]) -> None:
    """The numbers of each endpoint are those of the reliability table."""
    policy = POLICIES[endpoint.name]
    leverage, slow = endpoint.name == "set_leverage", endpoint.name in ("create_account", "set_leverage")

    assert policy.attempts == (4 if leverage else 3)
    assert policy.base_s == (0.5 if leverage else 0.25)
    assert (policy.refused_base_s, policy.throttled_base_s, policy.cap_s) == (1, 1, 8)
    if endpoint.name == "balances":
        assert (policy.attempt_timeout_s, policy.deadline_s) == (20, 60)
    else:
        assert (policy.attempt_timeout_s, policy.deadline_s) == ((15, 45) if slow else (10, 30))


SECONDS = [name for name in RetryPolicy.__struct_fields__ if name.endswith("_s")]


@pytest.mark.parametrize("attempts", [0, -1, 6, 3.0, True, "3", None], ids=repr)
def test_attempts_are_one_to_five(attempts: Any) -> None:
    """No policy tries for ever, not at all, or a fraction of a time."""
    assert [RetryPolicy(attempts=n).attempts for n in (1, 5)] == [1, 5]
    with pytest.raises(UsageError, match=r"^attempts is a whole number from 1 to 5$"):
        RetryPolicy(attempts=attempts)


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize(
    "value", [0, 0.0, -1, math.nan, math.inf, -math.inf, 86_400, True, "1", None], ids=repr
)
def test_every_time_of_a_policy_is_above_zero_and_below_a_day(name: str, value: Any) -> None:
    """A wait or timeout that is zero, negative, endless or no number is refused by its name."""
    assert getattr(RetryPolicy(**{name: 0.001}), name) == 0.001
    with pytest.raises(UsageError, match=f"^{name} is a number of seconds above 0 and below a day$"):
        RetryPolicy(**{name: value})
    with pytest.raises(UsageError, match=name):
        msgspec.structs.replace(RetryPolicy(), **{name: value})


def test_a_policy_cannot_be_changed() -> None:
    """A policy shared by clients stays what it was when it was checked."""
    policy = RetryPolicy()

    with pytest.raises(AttributeError):
        policy.attempts = 100  # type: ignore[misc]
    assert policy == RetryPolicy(attempts=3)
