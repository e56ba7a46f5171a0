"""The next step after a failure, as a pure function: bounds that hold for every policy and chance."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tread_async._policy import Cause, RetryPolicy, Stop, Wait, next_step

TIMES = st.floats(0.001, 120)
POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 5),
    base_s=TIMES,
    refused_base_s=TIMES,
    throttled_base_s=TIMES,
    cap_s=TIMES,
    max_retry_after_s=TIMES,
)
REPEATABLE = st.sampled_from([cause for cause in Cause if cause is not Cause.FINAL])
ATTEMPTS = st.integers(1, 5)
REMAINING = st.floats(-10, 200)
ASKED = st.none() | st.floats(0, 200) | st.integers(0, 200).map(float)
CHANCES = st.floats(0, 1)


def base_of(policy: RetryPolicy, cause: Cause) -> float:
    """The documented base of *cause*."""
    if cause is Cause.REFUSED:
        return policy.refused_base_s
    return policy.throttled_base_s if cause is Cause.THROTTLED else policy.base_s


@given(POLICIES, REPEATABLE, ATTEMPTS, CHANCES)
@example(RetryPolicy(), Cause.FAILED, 1, 1.0)
@example(RetryPolicy(attempts=5), Cause.LOST, 4, 0.0)
def test_a_wait_is_within_the_full_jitter(
    policy: RetryPolicy, cause: Cause, attempt: int, chance: float
) -> None:
    """Without a hint the wait lies between 0 and base x 2^(n-1), at most the cap, in proportion to chance."""
    assume(attempt < policy.attempts)
    step = next_step(policy, cause, attempt=attempt, remaining_s=1e6, asked_s=None, chance=chance)
    ceiling = min(policy.cap_s, base_of(policy, cause) * 2 ** (attempt - 1))

    assert isinstance(step, Wait)
    assert 0 <= step.seconds <= ceiling
    assert step.seconds == pytest.approx(chance * ceiling)


@given(POLICIES, REPEATABLE, ATTEMPTS, st.floats(0, 200), CHANCES)
@example(RetryPolicy(), Cause.THROTTLED, 1, 2.0, 1.0)
@example(RetryPolicy(), Cause.THROTTLED, 1, 60.0, 1.0)
@example(RetryPolicy(), Cause.FAILED, 1, 0.0, 0.5)
def test_an_asked_wait_is_never_undercut(
    policy: RetryPolicy, cause: Cause, attempt: int, asked_s: float, chance: float
) -> None:
    """With a hint the wait is at least that, and at most a tenth or a second more than hint or backoff."""
    assume(attempt < policy.attempts)
    assume(asked_s <= policy.max_retry_after_s)
    step = next_step(policy, cause, attempt=attempt, remaining_s=1e6, asked_s=asked_s, chance=chance)
    backoff = min(policy.cap_s, base_of(policy, cause) * 2 ** (attempt - 1))

    assert isinstance(step, Wait)
    assert asked_s <= step.seconds <= max(asked_s, backoff) + min(1.0, asked_s / 10)


@pytest.mark.fault("I6")
@given(POLICIES, st.sampled_from(Cause), ATTEMPTS, REMAINING, ASKED, CHANCES)
@example(RetryPolicy(), Cause.FAILED, 1, 0.5, None, 0.0)
@example(RetryPolicy(), Cause.FAILED, 1, 0.499, None, 0.0)
@example(RetryPolicy(), Cause.THROTTLED, 1, 2.5, 2.0, 0.0)
@example(RetryPolicy(), Cause.THROTTLED, 1, 30.0, 60.0, 0.0)
def test_no_wait_outlasts_the_deadline(
    policy: RetryPolicy,
    cause: Cause,
    attempt: int,
    remaining_s: float,
    asked_s: float | None,
    chance: float,
) -> None:
    """A wait leaves half a second for the attempt behind it; else there is none, and the reason is given."""
    step = next_step(policy, cause, attempt=attempt, remaining_s=remaining_s, asked_s=asked_s, chance=chance)
    endless = next_step(policy, cause, attempt=attempt, remaining_s=1e6, asked_s=asked_s, chance=chance)

    if isinstance(step, Wait):
        assert step == endless
        assert step.seconds + 0.5 <= remaining_s
    elif isinstance(endless, Wait):
        assert endless.seconds + 0.5 > remaining_s
        assert step.why == "the deadline leaves no room for another attempt"


@given(POLICIES, REPEATABLE, st.integers(1, 20), REMAINING, ASKED, CHANCES)
def test_no_attempt_beyond_the_last(
    policy: RetryPolicy, cause: Cause, over: int, remaining_s: float, asked_s: float | None, chance: float
) -> None:
    """After as many attempts as the policy has, nothing waits, and nothing new is said."""
    for attempt in (policy.attempts, policy.attempts + over):
        assert next_step(
            policy, cause, attempt=attempt, remaining_s=remaining_s, asked_s=asked_s, chance=chance
        ) == Stop("")


@given(POLICIES, ATTEMPTS, REMAINING, ASKED, CHANCES)
def test_what_would_not_change_never_waits(
    policy: RetryPolicy, attempt: int, remaining_s: float, asked_s: float | None, chance: float
) -> None:
    """A failure that a repeat cannot mend stops at once, whatever the server asks."""
    assert next_step(
        policy, Cause.FINAL, attempt=attempt, remaining_s=remaining_s, asked_s=asked_s, chance=chance
    ) == Stop("")


@given(POLICIES, REPEATABLE, ATTEMPTS, REMAINING, st.floats(0.001, 10**6), CHANCES)
@example(RetryPolicy(), Cause.THROTTLED, 1, 30.0, 60.001, 0.5)
@example(RetryPolicy(), Cause.THROTTLED, 1, 1e6, 61.0, 0.5)
def test_too_long_a_hint_ends_the_call(
    policy: RetryPolicy, cause: Cause, attempt: int, remaining_s: float, more_s: float, chance: float
) -> None:
    """A hint above the policy's limit (60 s unless set) stops now and says what was asked."""
    assume(attempt < policy.attempts)
    asked_s = policy.max_retry_after_s + more_s
    step = next_step(policy, cause, attempt=attempt, remaining_s=remaining_s, asked_s=asked_s, chance=chance)

    limit = f"more than {policy.max_retry_after_s:g} s"
    assert step == Stop(f"the server asks to wait {asked_s:g} s, {limit}")


def test_the_hint_that_still_waits_is_a_minute() -> None:
    """By default 60 s are waited for where the deadline allows, and 61 s are not."""
    steps = [
        next_step(RetryPolicy(), Cause.THROTTLED, attempt=1, remaining_s=90, asked_s=asked_s, chance=0.0)
        for asked_s in (60.0, 61.0)
    ]

    assert steps[0] == Wait(60.0)
    assert isinstance(steps[1], Stop)


@pytest.mark.parametrize(
    ("asked_s", "latest_s"), [(0.0, 1.0), (2.0, 2.2), (5.0, 5.5), (10.0, 11.0), (60.0, 61.0)]
)
def test_the_return_is_spread(asked_s: float, latest_s: float) -> None:
    """Callers who were told the same moment come back within a tenth more, a second at most."""
    policy = RetryPolicy(throttled_base_s=1.0)
    at = [
        next_step(policy, Cause.THROTTLED, attempt=1, remaining_s=1e6, asked_s=asked_s, chance=chance)
        for chance in (0.0, 1.0)
    ]

    assert at == [Wait(asked_s), Wait(latest_s)]
