"""When a poller polls: a grid that never drifts, skipped beats, and fewer of them after failures."""

from __future__ import annotations

import math
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async._watch.beats import Beats

INTERVALS = st.sampled_from([0.1, 0.25, 1.0, 7.5, 60.0, 900.0])
SHARES = st.floats(0.0, 1.0)
# How long each poll takes, in intervals, whether it failed, and what chance says.
Polls: TypeAlias = list[tuple[float, bool, float]]
POLLS = st.lists(st.tuples(st.floats(0.0, 9.0), st.booleans(), SHARES), max_size=30)


def beats_of(interval_s: float = 1.0, phase: float = 1.0, jitter: float = 0.0, start: float = 100.0) -> Beats:
    return Beats(interval_s, start=start, phase=phase, jitter=jitter, slowest_s=60.0, chance=lambda: 0.5)


@given(INTERVALS, SHARES, st.floats(0.0, 0.5), POLLS)
def test_the_grid(interval_s: float, phase: float, jitter: float, polls: Polls) -> None:
    """A beat lies on the grid, or after it by its jitter; it has not passed, and is none that was taken."""
    share = 0.0
    beats = Beats(interval_s, start=100.0, phase=phase, jitter=jitter, slowest_s=60.0, chance=lambda: share)
    taken = -1
    assert beats.due == 100.0
    for took, slower, share in polls:
        now = beats.due + took * interval_s
        beats.polled(now, slower=slower)

        grid = (beats.due - jitter * interval_s * share - 100.0) / interval_s - phase
        number = round(grid)
        assert grid == pytest.approx(number, abs=1e-6)
        assert beats.due >= now - 1e-6
        assert number > taken
        taken = number


@given(INTERVALS, POLLS)
def test_not_slower_than_asked(interval_s: float, polls: Polls) -> None:
    """While nothing fails, the next beat that has not passed is taken."""
    beats = beats_of(interval_s)
    for took, _, _ in polls:
        now = beats.due + took * interval_s
        beats.polled(now, slower=False)

        assert beats.due - now <= interval_s * (1 + 1e-9)


@pytest.mark.parametrize(
    ("interval_s", "strides"),
    [(1.0, [2, 4, 8, 8]), (0.1, [2, 4, 8, 8]), (12.0, [2, 4, 5, 5]), (30.0, [2, 2]), (61.0, [1, 1])],
)
def test_failures_make_it_slower(interval_s: float, strides: list[int]) -> None:
    """Each failure doubles the beats to the next poll, to eight or one a minute; each success halves them."""
    beats = beats_of(interval_s)
    for stride in strides:
        before = beats.due
        beats.polled(before, slower=True)
        assert beats.due - before == pytest.approx(stride * interval_s)
        assert beats.stride == stride
    for _ in range(math.ceil(math.log2(strides[-1]))):
        beats.polled(beats.due, slower=False)
    before = beats.due
    beats.polled(before, slower=False)
    assert beats.due - before == pytest.approx(interval_s)
    assert beats.stride == 1


def test_months() -> None:
    """After a year of seconds the grid is where it was."""
    beats = beats_of(start=0.0)
    beats.polled(365 * 86400.0 + 0.4, slower=False)

    assert beats.due == 365 * 86400.0 + 1.0
