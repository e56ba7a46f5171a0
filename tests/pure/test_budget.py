"""The retry budget: what fails is bounded, what helps is free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async._budget import COSTS, RetryBudget
from tread_async._policy import Cause

PAID = [cause for cause in COSTS if COSTS[cause]]
STEPS = st.lists(
    st.tuples(st.sampled_from(PAID), st.sampled_from(["fails", "helps", "at once"])), max_size=300
)


def test_every_cause_that_is_repeated_has_its_price() -> None:
    assert set(COSTS) == set(Cause) - {Cause.FINAL}


@pytest.mark.fault("I5")
@pytest.mark.parametrize(
    ("cause", "repeats"), [(Cause.NOT_SENT, 10), (Cause.FAILED, 10), (Cause.LOST, 10), (Cause.THROTTLED, 20)]
)
def test_in_a_total_outage(cause: Cause, repeats: int) -> None:
    """So many repeats that fail, and not one more until a call succeeds."""
    budget = RetryBudget()

    assert [budget.pay(cause) for _ in range(repeats + 5)] == [True] * repeats + [False] * 5


def test_a_refusal_of_the_exchange_is_free() -> None:
    budget = RetryBudget()

    assert all(budget.pay(Cause.REFUSED) for _ in range(1000))
    assert budget.left == 100


def test_what_cannot_be_paid_costs_nothing() -> None:
    budget = RetryBudget()
    while budget.pay(Cause.FAILED):
        pass
    budget.succeeded_after(5)

    assert not budget.pay(Cause.FAILED)
    assert budget.pay(Cause.THROTTLED)


@pytest.mark.fault("I5")
@given(STEPS)
def test_what_fails_is_bounded(steps: list[tuple[Cause, str]]) -> None:
    """Repeats that fail cost at most what was there and what calls that succeeded at once paid in."""
    budget = RetryBudget()
    spent_in_vain = at_once = 0
    for cause, end in steps:
        if end == "at once":
            budget.succeeded_at_once()
            at_once += 1
        elif budget.pay(cause):
            if end == "helps":
                budget.succeeded_after(COSTS[cause])
            else:
                spent_in_vain += COSTS[cause]

        assert 0 <= budget.left <= 100
        assert spent_in_vain <= 100 + at_once
        assert budget.left >= 100 - spent_in_vain


@given(st.lists(st.sampled_from(PAID), max_size=100))
def test_what_helps_is_free(causes: list[Cause]) -> None:
    budget = RetryBudget()
    for cause in causes:
        assert budget.pay(cause)
        budget.succeeded_after(COSTS[cause])

    assert budget.left == 100
