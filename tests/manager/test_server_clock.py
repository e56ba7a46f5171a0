"""How far the server's clock is from ours, from dates that have whole seconds."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tread_async._fleet.server_clock import ServerClock

NOON = 1_800_000_000.0
ROUNDING_S = 1e-5  # of floats of this size
SECONDS = st.floats(0.0, 20.0)
TRIPS = st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=1, max_size=12)
SKEWS = st.floats(-100_000.0, 100_000.0) | st.floats(-3.0, 3.0)


def observed(clock: ServerClock, skew_s: float, trips: list[tuple[float, float, float]]) -> float:
    """Answers on their way for so long there and back, after pauses; what the quickest leaves open."""
    now = NOON
    open_s = math.inf
    for pause_s, there_s, back_s in trips:
        sent_at = now + pause_s
        written_at = sent_at + there_s
        now = written_at + back_s
        clock.observe(float(math.floor(written_at + skew_s)), sent_at=sent_at, received_at=now)
        open_s = min(open_s, 1.0 + there_s + back_s)
    return open_s


@settings(deadline=None)
@given(SKEWS, TRIPS)
def test_the_truth_is_within_what_the_quickest_answer_leaves_open(
    skew_s: float, trips: list[tuple[float, float, float]]
) -> None:
    """Whatever the difference and however slow the answers, the estimate is as near as they allow."""
    clock = ServerClock()
    open_s = observed(clock, skew_s, trips)
    error_s = abs(clock.ahead_s - skew_s)

    assert error_s <= (open_s if clock.ahead_s == 0.0 else open_s / 2) + ROUNDING_S


@settings(deadline=None)
@given(TRIPS)
def test_clocks_that_agree_are_left_alone(trips: list[tuple[float, float, float]]) -> None:
    """Where this machine's time is a possible one, nothing is corrected, not by a fraction of a second."""
    clock = ServerClock()
    observed(clock, 0.0, trips)

    assert clock.ahead_s == 0.0


@settings(deadline=None)
@given(SKEWS, TRIPS, TRIPS)
def test_more_answers_never_make_it_worse(
    skew_s: float, first: list[tuple[float, float, float]], more: list[tuple[float, float, float]]
) -> None:
    """The bound on the error only shrinks."""
    clock = ServerClock()
    open_s = observed(clock, skew_s, first)
    open_s = min(open_s, observed(clock, skew_s, more))

    assert abs(clock.ahead_s - skew_s) <= open_s + ROUNDING_S


@settings(deadline=None)
@given(SKEWS, TRIPS, TRIPS)
def test_a_clock_that_is_set_ahead(
    skew_s: float, before: list[tuple[float, float, float]], after: list[tuple[float, float, float]]
) -> None:
    """What was known is dropped with the first answer against it: balances are older than was thought."""
    clock = ServerClock()
    observed(clock, skew_s, before)
    step_s = 200.0  # more than both intervals together
    open_s = observed(clock, skew_s + step_s, after)

    assert abs(clock.ahead_s - skew_s - step_s) <= open_s + ROUNDING_S


@settings(deadline=None)
@given(SKEWS, TRIPS, TRIPS)
def test_a_clock_that_is_set_back(
    skew_s: float, before: list[tuple[float, float, float]], after: list[tuple[float, float, float]]
) -> None:
    """What was known is dropped when the earlier time has been seen to run for two seconds; not before."""
    clock = ServerClock()
    observed(clock, skew_s, before)
    believed_s = clock.ahead_s
    observed(clock, skew_s - 200.0, after[:1])
    assert clock.ahead_s == believed_s
    open_s = observed(clock, skew_s - 200.0, [*after, (4.0, 0.1, 0.1)])

    assert abs(clock.ahead_s - skew_s + 200.0) <= open_s + ROUNDING_S


@settings(deadline=None)
@given(SKEWS, TRIPS, st.floats(0.05, 10.0), st.integers(2, 40))
def test_a_date_that_stands_still(
    skew_s: float, before: list[tuple[float, float, float]], every_s: float, count: int
) -> None:
    """It comes out of a cache: what is in there grows older all the same, by this machine's clock."""
    clock = ServerClock()
    open_s = observed(clock, skew_s, before)
    least_s = clock.ahead_s - open_s
    date_s = float(math.floor(NOON + skew_s))
    for number in range(count):
        at = NOON + 300.0 + number * every_s
        clock.observe(date_s, sent_at=at, received_at=at + 0.01)

    assert clock.ahead_s >= least_s - ROUNDING_S


def test_nothing_is_known_before_the_first_answer() -> None:
    """Without an answer the clocks are taken to agree."""
    assert ServerClock().ahead_s == 0.0
