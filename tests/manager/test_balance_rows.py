"""One shape for live and cached rows: which field comes from where, and what stays out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tread_async import (
    AccountBalances,
    AccountKey,
    Asset,
    Balance,
    BalanceRow,
    CachedAccount,
    CachedAsset,
)

KEY = AccountKey("desk", "x")
FIGURES = ("unrealized_profit", "initial_margin", "maint_margin", "margin_balance")
MAYBE = st.none() | st.decimals(allow_nan=False, allow_infinity=False)
COMMON = dict.fromkeys(("notional", "leverage", *FIGURES), MAYBE) | {
    "symbol": st.text(max_size=3),
    "asset_type": st.sampled_from([None, "token", "position", "other"]),
}
LIVE_ROWS = st.fixed_dictionaries(
    COMMON
    | {
        "size": st.decimals(allow_nan=False, allow_infinity=False),
        "market_type": st.sampled_from([None, "spot", "perp"]),
        "notional_pct_total": MAYBE,
    }
)
CACHED_ROWS = st.fixed_dictionaries(
    COMMON
    | {
        "amount": st.decimals(allow_nan=False, allow_infinity=False),
        "wallet_type": st.sampled_from([None, "spot", "futures"]),
        "funding_fee": MAYBE,
        "borrowed": MAYBE,
        "margin_mode": st.sampled_from([None, "CROSS", "SPOT_ISOLATED"]),
    }
)


def live(*assets: Asset) -> Balance:
    return Balance(KEY, AccountBalances(exchange="Gate", assets=assets), "live", 5.0, 0.0)


def cached(*assets: CachedAsset, **fields: Any) -> Balance:
    fields = {"account_name": "x", "account_id": "id-x", **fields}
    return Balance(KEY, CachedAccount(assets=assets, **fields), "cached", 5.0, 0.0)


def check_common(row: BalanceRow, asset: Any) -> None:
    for name in ("symbol", "notional", "asset_type", *FIGURES):
        assert getattr(row, name) == getattr(asset, name)
    assert row.leverage == (asset.leverage or None)
    assert row.is_position == (asset.asset_type == "position")
    assert row.wire is asset


@settings(deadline=None, max_examples=40)
@given(st.lists(LIVE_ROWS, max_size=4))
def test_live_rows(fields: list[dict[str, Any]]) -> None:
    """Each live row comes in the server's order, with its size as amount, and no field it does not have."""
    assets = [Asset(**each) for each in fields]
    balance = live(*assets)

    assert len(balance.rows) == len(assets)
    for row, asset in zip(balance.rows, assets, strict=True):
        check_common(row, asset)
        assert (row.amount, row.market) == (asset.size, asset.market_type)
        assert (row.margin_mode, row.funding_fee, row.borrowed) == (None, None, None)


@settings(deadline=None, max_examples=40)
@given(st.lists(CACHED_ROWS, max_size=4))
def test_cached_rows(fields: list[dict[str, Any]]) -> None:
    """Each cached row likewise, with its wallet as market."""
    assets = [CachedAsset(**each) for each in fields]
    balance = cached(*assets)

    assert len(balance.rows) == len(assets)
    for row, asset in zip(balance.rows, assets, strict=True):
        check_common(row, asset)
        assert (row.amount, row.market) == (asset.amount, asset.wallet_type)
        assert row.margin_mode == asset.margin_mode
        assert (row.funding_fee, row.borrowed) == (asset.funding_fee, asset.borrowed)


@pytest.mark.parametrize("zero", ["0", "0.00", "-0", "0E-9"])
def test_a_leverage_of_zero_is_none(zero: str) -> None:
    """Zero, however it is written, means that the exchange did not say; the wire still shows it."""
    rows = [
        live(Asset(symbol="E", size=Decimal(1), leverage=Decimal(zero))).rows[0],
        cached(CachedAsset(symbol="E", amount=Decimal(1), leverage=Decimal(zero))).rows[0],
    ]

    assert [row.leverage for row in rows] == [None, None]
    assert [str(row.wire.leverage) for row in rows] == [zero, zero]


def test_margin_balance_is_nowhere_summed() -> None:
    """The figure of the whole account that rows repeat is on the rows, and in no figure of the account."""
    repeated = [CachedAsset(symbol=name, amount=Decimal(0), margin_balance=Decimal(7)) for name in "ABC"]
    balance = cached(*repeated, equity=Decimal(5))

    assert [row.margin_balance for row in balance.rows] == [7, 7, 7]
    assert balance.equity == 5
    numbers = [getattr(balance, name) for name in dir(balance) if not name.startswith("_")]
    assert not {Decimal(21), Decimal(14)} & {number for number in numbers if isinstance(number, Decimal)}


def test_positions() -> None:
    """Positions are the rows that say so, in order; a row that says nothing is none."""
    kinds = ["position", "token", None, "position"]
    balance = live(*[Asset(symbol=str(n), size=Decimal(n), asset_type=kind) for n, kind in enumerate(kinds)])

    assert [row.symbol for row in balance.positions] == ["0", "3"]


def test_an_account() -> None:
    """Exchange and equity come from either family; a live answer states no equity."""
    assert (live().exchange, live().equity) == ("Gate", None)
    assert (cached().exchange, cached().equity) == (None, None)
    assert cached(exchange_name="OKX", equity=Decimal("0.00")).exchange == "OKX"
    assert str(cached(equity=Decimal("0.00")).equity) == "0.00"


@pytest.mark.parametrize("seconds", [0.0, 1.5, 1_800_000_000.125, 99_999_999_999.0])
def test_as_of(seconds: float) -> None:
    """The server's time as an aware time in UTC, exact to the millisecond."""
    balance = Balance(KEY, live().wire, "live", seconds, 1.0)

    assert balance.as_of == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def test_no_time() -> None:
    """Where the server did not say, neither does the balance; nor where no calendar reaches."""
    assert Balance(KEY, live().wire, "cached", None, None).as_of is None
    assert Balance(KEY, live().wire, "cached", 1e15, 0.0).as_of is None
    assert "age unknown" in repr(Balance(KEY, live().wire, "cached", None, None))
