"""What one account holds, in one shape over live and cached answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from tread_async._codec.redaction import sanitised
from tread_async.keys import AccountKey
from tread_async.models import AccountBalances, Asset, AssetType, CachedAccount, CachedAsset

__all__ = ["Balance", "BalanceRow", "Source"]

Source: TypeAlias = Literal["live", "cached"]
"""Whom the server asked: the exchanges, or its cache."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One token or position. ``None`` means that this kind of answer, or the server, did not say.

    Every figure is the server's, exact, and in the unit of the server: the API documents none but the coin
    of the row.

    Attributes:
        symbol: The coin of a token; of a position its pair, such as ``ETH:PERP-USDT``.
        amount: ``size`` of a live row, ``amount`` of a cached one; negative for a short position. It may
            count contracts, so ``notional / amount`` is not a price.
        market: ``market_type`` of a live row, ``wallet_type`` of a cached one. The two lists of values
            differ: ``perp`` here may be ``futures`` there.
        leverage: ``None`` also where the server sent 0, which means that the exchange did not say.
        margin_balance: May repeat a figure of the whole account on every row; never sum it.
        wire: The row as it was sent.
    """

    symbol: str
    amount: Decimal
    notional: Decimal | None
    market: str | None
    asset_type: str | None
    unrealized_profit: Decimal | None
    initial_margin: Decimal | None
    maint_margin: Decimal | None
    margin_balance: Decimal | None
    leverage: Decimal | None
    margin_mode: str | None
    funding_fee: Decimal | None
    borrowed: Decimal | None
    wire: Asset | CachedAsset

    @property
    def is_position(self) -> bool:
        """Whether it is a position rather than a token."""
        return self.asset_type == AssetType.POSITION


class Balance(msgspec.Struct, frozen=True, gc=False):
    """What one account holds, and how old that is.

    Attributes:
        wire: The account as it was sent; for a live answer `AccountBalances`, for a cached `CachedAccount`.
        as_of_s: When the server read it from the exchange, by the server's clock, in seconds since the
            epoch; for a live balance the moment it was asked for, which is no later, or an earlier one
            where a cache on the way answered. ``None`` where nobody said.
        age_s: Seconds from then until the answer was put together, to a second (a quarter where
            ``max_age_s`` judges), corrected for a clock here that differs from the server's. ``None`` like
            `as_of_s`, and for a time that has not come yet.
    """

    key: AccountKey
    wire: AccountBalances | CachedAccount
    source: Source
    as_of_s: float | None
    age_s: float | None

    def __repr__(self) -> str:
        age = "age unknown" if self.age_s is None else f"{self.age_s:.1f} s old"
        return f"<Balance of {sanitised(str(self.key))}, {self.source}, {len(self.wire.assets)} rows, {age}>"

    @property
    def as_of(self) -> datetime | None:
        """`as_of_s` as an aware time in UTC."""
        try:
            return None if self.as_of_s is None else _EPOCH + timedelta(seconds=self.as_of_s)
        except OverflowError:
            return None

    @property
    def exchange(self) -> str | None:
        """The name of the exchange."""
        wire = self.wire
        return wire.exchange_name if isinstance(wire, CachedAccount) else wire.exchange

    @property
    def account_id(self) -> str | None:
        """The id of the account, which may stand under several credentials. A live answer does not say."""
        return self.wire.account_id if isinstance(self.wire, CachedAccount) else None

    @property
    def equity(self) -> Decimal | None:
        """The account's equity, in the currency in which the server states it. A live answer never does."""
        return self.wire.equity if isinstance(self.wire, CachedAccount) else None

    @property
    def rows(self) -> tuple[BalanceRow, ...]:
        """Every token and position, in the server's order."""
        return rows_of(self.wire.assets)

    @property
    def positions(self) -> tuple[BalanceRow, ...]:
        """The rows that are positions."""
        return tuple([row for row in self.rows if row.is_position])


def rows_of(assets: Iterable[Asset | CachedAsset]) -> tuple[BalanceRow, ...]:
    return tuple([_live_row(asset) if isinstance(asset, Asset) else _cached_row(asset) for asset in assets])


def _live_row(asset: Asset) -> BalanceRow:
    return BalanceRow(
        symbol=asset.symbol,
        amount=asset.size,
        notional=asset.notional,
        market=asset.market_type,
        asset_type=asset.asset_type,
        unrealized_profit=asset.unrealized_profit,
        initial_margin=asset.initial_margin,
        maint_margin=asset.maint_margin,
        margin_balance=asset.margin_balance,
        leverage=asset.leverage or None,
        margin_mode=None,
        funding_fee=None,
        borrowed=None,
        wire=asset,
    )


def _cached_row(asset: CachedAsset) -> BalanceRow:
    return BalanceRow(
        symbol=asset.symbol,
        amount=asset.amount,
        notional=asset.notional,
        market=asset.wallet_type,
        asset_type=asset.asset_type,
        unrealized_profit=asset.unrealized_profit,
        initial_margin=asset.initial_margin,
        maint_margin=asset.maint_margin,
        margin_balance=asset.margin_balance,
        leverage=asset.leverage or None,
        margin_mode=asset.margin_mode,
        funding_fee=asset.funding_fee,
        borrowed=asset.borrowed,
        wire=asset,
    )
