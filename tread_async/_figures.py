"""Figures of an account's risk: the highest, and whether all of it is known.

From rows as they were sent: to make one shape of all of them takes longer than to judge them.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final, TypeAlias

from tread_async.models import Asset, AssetType, CachedAsset, MarginMode

__all__ = ["highest_leverage", "highest_margin_ratio"]

# Plain texts: to compare with a member of an enum takes ten times as long.
_POSITION: Final = AssetType.POSITION.value
_ISOLATED: Final = MarginMode.ISOLATED.value
_NOTHING: Final = Decimal(0)
_ENDLESS: Final = Decimal("Infinity")
_RATIOS: Final = Context(prec=28)

_Rows: TypeAlias = tuple[Asset, ...] | tuple[CachedAsset, ...]


def highest_leverage(rows: _Rows) -> tuple[Decimal, bool]:
    """Of the open positions; 0 does not state it."""
    leverages = [row.leverage for row in rows if row.asset_type == _POSITION and _is_open(row)]
    stated = [leverage for leverage in leverages if leverage]
    return max(stated, default=_NOTHING), len(stated) == len(leverages)


def highest_margin_ratio(rows: _Rows) -> tuple[Decimal, bool]:
    """Of maintenance margin to margin balance, as `rules.margin_ratio_above` defines it."""
    ratios = [_NOTHING]
    shared: dict[Decimal, Decimal] = {}
    stating: set[str | None] = set()  # markets
    silent: set[str | None] = set()
    for row in rows:
        maint, margin = row.maint_margin, row.margin_balance
        position = row.asset_type == _POSITION
        if maint is None or not margin:
            if position and _is_open(row):
                silent.add(_market(row))
        elif position and not _is_isolated(row):
            shared[margin] = _RATIOS.add(shared.get(margin, _NOTHING), maint)
        else:
            ratios.append(_share(maint, margin))
            if not position:
                stating.add(_market(row))
    ratios += [_share(maint, margin) for margin, maint in shared.items()]
    return max(ratios), silent <= stating


def _is_open(row: Asset | CachedAsset) -> bool:
    return bool(row.size if isinstance(row, Asset) else row.amount)


def _market(row: Asset | CachedAsset) -> str | None:
    return row.market_type if isinstance(row, Asset) else row.wallet_type


def _is_isolated(row: Asset | CachedAsset) -> bool:
    return isinstance(row, CachedAsset) and row.margin_mode == _ISOLATED


def _share(maint: Decimal, margin: Decimal) -> Decimal:
    if margin < 0:
        return _ENDLESS if maint else _NOTHING
    return _RATIOS.divide(maint, margin)
