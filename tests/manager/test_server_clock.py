"""How far the server's clock is from ours, from dates that have whole seconds."""

from __future__ import annotations

import math

import pytest
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
    """What was known is dropped when the earlier time has been seen to run for a minute; not before."""
    clock = ServerClock()
    observed(clock, skew_s, before)
    believed_s = clock.ahead_s
    observed(clock, skew_s - 200.0, after[:1])
    assert clock.ahead_s == believed_s
    open_s = observed(clock, skew_s - 200.0, [*after, (65.0, 0.1, 0.1)])

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


def quick(clock: ServerClock, at_s: float, skew_s: float, trip_s: float = 0.1) -> None:
    """One answer *at_s* after noon, which a clock that is *skew_s* ahead has dated."""
    now = NOON + at_s
    clock.observe(float(math.floor(now + skew_s)), sent_at=now, received_at=now + trip_s)


LAGS = st.sampled_from([0.0, 15.0, 41.0]) | st.floats(0.0, 300.0)
MIXED = st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 2.0), st.floats(0.0, 2.0), LAGS), max_size=60)


@settings(deadline=None)
@given(SKEWS, MIXED)
def test_copies_between_fresh_answers(skew_s: float, trips: list[tuple[float, float, float, float]]) -> None:
    """Whatever their dates, though they run on: while one in fifty seconds is fresh, no age is too low."""
    clock = ServerClock()
    now, fresh_at, open_s = NOON, -math.inf, math.inf
    for pause_s, there_s, back_s, lag_s in trips:
        sent_at = now + pause_s
        written_at = sent_at + there_s
        now = written_at + back_s
        if now - fresh_at > 50.0 - 20.0:
            lag_s = 0.0
        if not lag_s:
            fresh_at, open_s = now, min(open_s, 1.0 + there_s + back_s)
        clock.observe(float(math.floor(written_at + skew_s - lag_s)), sent_at=sent_at, received_at=now)

        assert clock.ahead_s >= skew_s - open_s - ROUNDING_S


@settings(deadline=None)
@given(SKEWS, st.floats(3.0, 5000.0), st.lists(st.tuples(st.booleans(), st.floats(0.0, 10.0)), max_size=60))
def test_servers_whose_clocks_differ(
    skew_s: float, behind_s: float, answers: list[tuple[bool, float]]
) -> None:
    """Of two behind one address the clock that is ahead is the one that counts."""
    clock = ServerClock()
    quick(clock, 0.0, skew_s)
    at_s = ahead_at_s = 0.0
    for is_ahead, pause_s in answers:
        at_s += pause_s
        is_ahead |= at_s - ahead_at_s > 40.0
        quick(clock, at_s, skew_s if is_ahead else skew_s - behind_s)
        ahead_at_s = at_s if is_ahead else ahead_at_s

        assert clock.ahead_s >= skew_s - 1.1 - ROUNDING_S


@pytest.mark.parametrize("every_s", [20.0, 30.0, 60.0])
def test_an_earlier_time_runs_for_a_minute(every_s: float) -> None:
    """Counted from its first date, by its dates, and however many answers there are."""
    clock = ServerClock()
    quick(clock, 0.0, 0.0)
    for at_s in (*[300.0 + every_s * number for number in range(int(60.0 / every_s))], 359.0):
        quick(clock, at_s, -200.0)
        assert clock.ahead_s == 0.0
    quick(clock, 360.0, -200.0)

    assert clock.ahead_s == pytest.approx(-200.0, abs=0.6)


def test_fresh_and_copied_by_turns() -> None:
    """A copy of fifteen seconds ago, and fresh answers between: each of these ends the doubt."""
    clock = ServerClock()
    for number in range(40):
        quick(clock, 15.0 * number, -15.0 * (number % 2))

        assert clock.ahead_s == 0.0


def test_a_later_time_ends_the_doubt() -> None:
    """So that what was doubted before does not count for a doubt that comes after."""
    clock = ServerClock()
    quick(clock, 0.0, 0.0)
    quick(clock, 100.0, -20.0)
    quick(clock, 130.0, 10.0)
    believed_s = clock.ahead_s
    quick(clock, 161.0, -20.0)

    assert clock.ahead_s == believed_s == pytest.approx(10.0, abs=0.6)


@pytest.mark.parametrize(("first_s", "second_s"), [(-200.0, -100.0), (-100.0, -200.0)])
def test_two_earlier_times(first_s: float, second_s: float) -> None:
    """Neither has run for a minute by itself, and together they are none."""
    clock = ServerClock()
    quick(clock, 0.0, 0.0)
    quick(clock, 1000.0, first_s)
    quick(clock, 1300.0, second_s)
    assert clock.ahead_s == 0.0
    quick(clock, 1361.0, second_s)

    assert clock.ahead_s == pytest.approx(second_s, abs=0.6)


def test_an_earlier_time_is_as_exact_as_its_quickest_answer() -> None:
    """The last one, with which it is believed, may be slow."""
    clock = ServerClock()
    quick(clock, 0.0, 0.0)
    quick(clock, 1000.0, -200.0)
    quick(clock, 1061.0, -200.0, trip_s=15.0)

    assert clock.ahead_s == pytest.approx(-200.0, abs=0.6)


def test_a_doubt_that_was_believed_counts_for_no_other() -> None:
    """An answer that is earlier again has to be seen to run anew."""
    clock = ServerClock()
    quick(clock, 0.0, 0.0)
    quick(clock, 1000.0, -200.0, trip_s=15.0)
    quick(clock, 1061.0, -200.0)
    believed_s = clock.ahead_s
    quick(clock, 1130.0, -205.0)

    assert clock.ahead_s == believed_s == pytest.approx(-200.0, abs=0.6)


@pytest.mark.parametrize("back_s", [0.2, 5.0, 3600.0])
def test_this_clock_is_set_back_during_a_request(back_s: float) -> None:
    """Where an answer came before its request was sent, it says nothing of the server's clock."""
    clock = ServerClock()
    clock.observe(NOON + 30.0, sent_at=NOON, received_at=NOON - back_s)
    assert clock.ahead_s == 0.0
    quick(clock, 1.0, 100.0)
    believed_s = clock.ahead_s
    clock.observe(NOON + 500.0, sent_at=NOON + 2.0, received_at=NOON + 2.0 - back_s)

    assert clock.ahead_s == believed_s


def test_a_copy_is_told_by_its_date() -> None:
    """Surely only where it is earlier than the whole interval, and never before the first answer."""
    clock = ServerClock()
    assert not clock.is_past(0.0, sent_at=NOON)
    clock.observe(NOON, sent_at=NOON, received_at=NOON + 0.25)  # from -0.25 to 1.0

    assert clock.is_past(NOON - 10.0, sent_at=NOON - 8.5)
    assert not clock.is_past(NOON - 10.0, sent_at=NOON - 8.75)
