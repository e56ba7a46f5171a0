"""Several answers as one: in the order asked, nothing invented, nobody unasked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async._codec.merging import merged_balances, merged_cached_balances
from tread_async.models import AccountBalances, CachedAccount, CachedBalances

LETTERS = "ABCDEF"
ASKED = st.lists(st.sampled_from(LETTERS), unique=True)
NAMES = st.sampled_from(LETTERS + "xyz")  # some of which nobody asks for


def tagged(names_of_answers: list[list[str]]) -> list[list[tuple[str, str]]]:
    """The names of each answer, each with an id of its own."""
    return [[(name, f"{n}.{m}") for m, name in enumerate(names)] for n, names in enumerate(names_of_answers)]


def live(rows: list[tuple[str, str]]) -> dict[str, AccountBalances]:
    return {name: AccountBalances(exchange=tag, assets=()) for name, tag in rows}


def cached(rows: list[tuple[str, str]], errors: tuple[Any, ...] = ()) -> CachedBalances:
    return CachedBalances(
        balances=tuple(CachedAccount(account_name=name, account_id=tag, assets=()) for name, tag in rows),
        errors=errors,
    )


def ids(answer: CachedBalances) -> list[tuple[str, str]]:
    return [(account.account_name, account.account_id) for account in answer.balances]


@given(st.lists(st.lists(NAMES, unique=True), max_size=4).map(tagged), ASKED)
@pytest.mark.trap(2)
@pytest.mark.trap(30)
def test_live_answers_merge_in_the_order_asked(
    answers: list[list[tuple[str, str]]], asked: list[str]
) -> None:
    """Each account asked for comes once, from the first answer that has it; others not at all."""
    first: dict[str, str] = {}
    for name, tag in (row for rows in answers for row in rows):
        first.setdefault(name, tag)
    merged = merged_balances([live(rows) for rows in answers], asked)

    assert [(name, found.exchange) for name, found in merged.items()] == [
        (name, first[name]) for name in asked if name in first
    ]


@given(st.lists(st.lists(NAMES), max_size=4).map(tagged), ASKED)
@pytest.mark.trap(2)
@pytest.mark.trap(28)
def test_cached_answers_merge_in_the_order_asked(
    answers: list[list[tuple[str, str]]], asked: list[str]
) -> None:
    """All accounts of a name in the first answer that has it are kept, in the server's order."""
    expected: list[tuple[str, str]] = []
    for name in asked:
        holders = [[row for row in rows if row[0] == name] for rows in answers]
        expected += next((rows for rows in holders if rows), [])

    assert ids(merged_cached_balances([cached(rows) for rows in answers], asked)) == expected


@given(st.lists(NAMES).map(lambda names: tagged([names])[0]), ASKED, st.lists(st.integers(0, 6), max_size=3))
@pytest.mark.trap(1)
def test_a_server_that_ignores_the_filter_changes_nothing(
    held: list[tuple[str, str]], asked: list[str], cuts: list[int]
) -> None:
    """However the names were split, a server that always sends everything gives the same result."""
    edges = [0, *sorted(cuts), len(asked)]
    chunks = [asked[start:end] for start, end in pairwise(edges)]
    honest = [[row for row in held if row[0] in chunk] for chunk in chunks]

    assert merged_balances([live(held) for _ in chunks], asked) == merged_balances(
        [live(rows) for rows in honest], asked
    )
    assert merged_cached_balances([cached(held) for _ in chunks], asked) == merged_cached_balances(
        [cached(rows) for rows in honest], asked
    )


@given(st.lists(NAMES).map(lambda names: tagged([names])[0]))
@pytest.mark.trap(3)
def test_an_answer_for_all_is_left_as_it_is(held: list[tuple[str, str]]) -> None:
    """Where every account was asked for, the one answer is the result, order and duplicates included."""
    assert list(merged_balances([live(held)], None).items()) == list(live(held).items())
    assert merged_cached_balances([cached(held, ("e", "e"))], None) == cached(held, ("e", "e"))


ERRORS = st.lists(st.sampled_from(["timeout", None, 7]) | st.fixed_dictionaries({"name": NAMES}), max_size=3)


@given(st.lists(ERRORS, min_size=1, max_size=4))
@pytest.mark.trap(18)
def test_errors_of_every_answer_are_kept(errors: list[list[Any]]) -> None:
    """No error is lost, they keep the order in which they came, and none is said more often than sent."""
    answers = [cached([], tuple(some)) for some in errors]
    merged = list(merged_cached_balances(answers, ["A"]).errors)

    for error in [error for some in errors for error in some]:
        assert 1 <= merged.count(error) <= max(some.count(error) for some in errors)
    assert merged[: len(errors[0])] == errors[0]


@given(ERRORS, st.integers(1, 4))
@pytest.mark.trap(18)
def test_an_error_repeated_by_every_answer_is_said_once(errors: list[Any], answers: int) -> None:
    """A server that ignores the filter sends its errors with every answer; the caller sees them once."""
    merged = merged_cached_balances([cached([], tuple(errors))] * answers, ["A"])

    assert list(merged.errors) == errors
