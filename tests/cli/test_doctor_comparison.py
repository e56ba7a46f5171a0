"""Which amounts of live and cached answers are compared, and when they are nearly the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async.cli.doctor.comparison import Compared
from tread_async.models import AccountBalances, Asset, CachedAccount, CachedAsset

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-1_000, max_value=1_000)


def live(size: str | Decimal, *, symbol: str = "BTC", kind: str = "token", worth: str | None = None) -> Asset:
    notional = None if worth is None else Decimal(worth)
    return Asset(symbol=symbol, size=Decimal(size), notional=notional, asset_type=kind)


def cached(
    amount: str | Decimal, *, symbol: str = "BTC", kind: str = "token", worth: str | None = None
) -> CachedAsset:
    notional = None if worth is None else Decimal(worth)
    return CachedAsset(symbol=symbol, amount=Decimal(amount), notional=notional, asset_type=kind)


def compared(of_live: list[Asset], of_cached: list[CachedAsset]) -> Compared:
    """Of one account."""
    kept = CachedAccount(account_name="a", account_id="1", assets=tuple(of_cached))
    return Compared.of({"a": AccountBalances(exchange="Gate", assets=tuple(of_live))}, {"a": kept})


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [("1", "2", True), ("1", "2.01", False), ("2.01", "1", False), ("0", "1e-9", False), ("-5", "5", True)],
)
def test_nearly_the_same(one: str, other: str, near: bool) -> None:
    """Within a factor of two, whatever side; nothing is near to zero."""
    found = compared([live(one)], [cached(other)])

    assert found.amounts == 1
    assert found.apart == ([] if near else ["a BTC"])
    assert found.all_apart is not near


@given(AMOUNTS, AMOUNTS)
def test_it_is_the_same_from_both_sides(one: Decimal, other: Decimal) -> None:
    """And of two zeros there is nothing to compare."""
    there, back = compared([live(one)], [cached(other)]), compared([live(other)], [cached(one)])

    assert (there.apart, there.amounts) == (back.apart, back.amounts)
    assert there.amounts == (1 if one or other else 0)
    assert compared([live(one)], [cached(one)]).apart == []


def test_of_a_position_it_is_the_worth() -> None:
    """A size may count contracts; without a worth there is nothing to compare."""
    far = compared([live("1", kind="position", worth="50")], [cached("1", kind="position", worth="500")])
    near = compared([live("1", kind="position", worth="50")], [cached("100", kind="position", worth="-49")])
    unknown = compared([live("1", kind="position")], [cached("100", kind="position", worth="50")])

    assert [one.apart for one in (far, near, unknown)] == [["a BTC"], [], []]
    assert [one.amounts for one in (far, near, unknown)] == [1, 1, 0]


def test_what_cannot_be_told_apart_is_not_compared() -> None:
    """A symbol in two rows, or of two kinds, and accounts that only one of both has."""
    twice = compared([live("1"), live("2")], [cached("100")])
    other = compared([live("1")], [cached("100", kind="position", worth="1")])
    alone = Compared.of({"a": AccountBalances(exchange="Gate", assets=(live("1"),))}, {})

    assert [(one.amounts, one.all_apart) for one in (twice, other, alone)] == [(0, False)] * 3
    assert twice.other_rows == ["a"]


def test_one_that_is_the_same_is_enough() -> None:
    """Then the others may have been traded."""
    found = compared([live("1"), live("1", symbol="ETH")], [cached("9"), cached("1", symbol="ETH")])

    assert found.said == "same rows as cached: 1, other amounts: 1 of 2 (a BTC)"
    assert not found.all_apart
