"""``Retry-After`` is read strictly, and dates by the server's own clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tread_async._codec.endpoints import ACCOUNTS
from tread_async._codec.replies import Reply, asked_to_wait_s, error_of, http_date, retry_after_s
from tread_async.errors import RateLimitedError

NOW = datetime(2026, 1, 22, 10, 45, 43, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2199, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def fixdate(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def asked(retry_after: str, date: str = "", received_at: float = 0.0) -> float | None:
    """The wait on the error of a 429 with these headers."""
    reply = Reply(status=429, body=b"{}", retry_after=retry_after, date=date, received_at=received_at)
    failure = error_of(ACCOUNTS, reply)
    assert isinstance(failure, RateLimitedError)
    return failure.retry_after_s


@given(st.integers(0, 999_999), st.integers(0, 6))
def test_up_to_six_digits_are_seconds(seconds: int, width: int) -> None:
    """One to six ASCII digits are so many seconds, leading zeros or not."""
    assert asked(f"{seconds:0{width}}") == seconds


@pytest.mark.fault("F19")
@pytest.mark.parametrize(
    "header",
    [
        *("", " ", "-1", "-0", "+5", "1e9", "nan", "inf", "Infinity", "1.5", "0x10", "1_000", "2 ", " 2"),
        *("1000000", "2, 3", "2;", "2s", "\u0663", "\u0661\u0662", "\uff12", "2\n", "\u00b2", "soon"),
        *("2026-01-22T10:45:43Z", "Thu, 22 Jan 2026 10:45:43", "Thu, 22 Jan 2026 10:45:43 +0000"),
        *("Thursday, 22-Jan-26 10:45:43 GMT", "Thu Jan 22 10:45:43 2026", "22 Jan 2026 10:45:43 GMT"),
        *("Thu, 22 Jan 2026 10:45:43 UTC", "Thu, 22 Jan 2026 10:45:43 GMT ", "Thu, 2 Jan 2026 10:45:43 GMT"),
        *("Thu, 32 Jan 2026 10:45:43 GMT", "Thu, 22 Xxx 2026 10:45:43 GMT", "Thu, 22 Jan 2026 25:61:61 GMT"),
        *("Thu, \u0662\u0662 Jan 2026 10:45:43 GMT", "Xxx, 00 Jan 2026 00:00:00 GMT"),
    ],
    ids=ascii,
)  # fmt: skip
def test_everything_else_is_ignored(header: str) -> None:
    """Signs, fractions, words, other scripts, too many digits and other date forms ask for nothing."""
    assert asked(header, date=fixdate(NOW)) is None


@given(MOMENTS, st.integers(-(10**6), 10**6), st.integers(0, 2**32))
def test_a_date_is_measured_by_the_servers_clock(now: datetime, seconds: int, local: int) -> None:
    """The wait is the distance from the answer's Date, however wrong the clock here is; never below 0."""
    at = now + timedelta(seconds=seconds)

    assert asked(fixdate(at), date=fixdate(now), received_at=float(local)) == max(0, seconds)


@given(
    MOMENTS, st.integers(-(10**6), 10**6), st.sampled_from(["", "yesterday", "Thu, 32 Jan 2026 10:45:43 GMT"])
)
def test_without_a_date_the_clock_here_counts(now: datetime, seconds: int, date: str) -> None:
    """Where the server does not say its time, the moment of receipt stands in for it."""
    at = now + timedelta(seconds=seconds)

    assert asked(fixdate(at), date=date, received_at=now.timestamp()) == max(0, seconds)


@given(MOMENTS)
@example(NOW)
def test_an_http_date_is_aware_and_exact(moment: datetime) -> None:
    """An HTTP date is read back as the moment it says, in UTC."""
    read = http_date(fixdate(moment))

    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC


@pytest.mark.parametrize("date", [fixdate(NOW), ""])
def test_only_a_429_asks_everyone_to_wait(date: str) -> None:
    """A 503 with a hint speaks of its own request; the wait is by the server's clock, or by ours."""

    def asks(status: int, header: str) -> float | None:
        received_at = 7.0 if date else NOW.timestamp()
        return asked_to_wait_s(
            Reply(status=status, body=b"", retry_after=header, date=date, received_at=received_at)
        )

    later = fixdate(NOW + timedelta(seconds=40))
    assert [asks(429, header) for header in ("3", later, "", "soon")] == [3.0, 40.0, None, None]
    assert [asks(status, "3") for status in (200, 428, 430, 500, 503)] == [None] * 5


@given(st.text(max_size=40) | st.text("0123456789 -+.eE:,GMTJanThu", max_size=32))
def test_no_header_raises_and_no_wait_is_endless(header: str) -> None:
    """Whatever the header, there is no wait, or one that is finite and not negative."""
    seconds = retry_after_s(header, NOW)

    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
