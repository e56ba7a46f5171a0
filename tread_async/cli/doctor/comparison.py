"""Live rows beside cached ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self, TypeVar

from tread_async.models import AccountBalances, Asset, AssetType, CachedAccount, CachedAsset

__all__ = ["Compared"]

R = TypeVar("R", Asset, CachedAsset)

_NEAR: Final = Decimal(2)  # the one is at most so many times the other: meanwhile it may have been traded


@dataclass(frozen=True, slots=True)
class Compared:
    """What both answers have.

    Attributes:
        accounts: How many accounts are in both.
        other_rows: Those of them whose symbols differ.
        amounts: How many amounts could be compared.
        apart: Where they differ widely, as ``account symbol``.
    """

    accounts: int
    other_rows: list[str]
    amounts: int
    apart: list[str]

    @classmethod
    def of(cls, live: Mapping[str, AccountBalances], cached: Mapping[str, CachedAccount]) -> Self:
        both = [name for name in live if name in cached]
        amounts = {
            f"{name} {symbol}": pair
            for name in both
            for symbol, pair in _amounts(live[name], cached[name]).items()
        }
        return cls(
            accounts=len(both),
            other_rows=[name for name in both if _symbols(live[name]) != _symbols(cached[name])],
            amounts=len(amounts),
            apart=[where for where, pair in amounts.items() if not _near(*pair)],
        )

    @property
    def all_apart(self) -> bool:
        """Not one amount is nearly the same in both."""
        return 0 < self.amounts == len(self.apart)

    @property
    def said(self) -> str:
        parts = [f"same rows as cached: {self.accounts - len(self.other_rows)}"]
        if self.other_rows:
            parts.append(f"other rows: {len(self.other_rows)} ({self.other_rows[0]})")
        if self.apart:
            parts.append(f"other amounts: {len(self.apart)} of {self.amounts} ({self.apart[0]})")
        return ", ".join(parts)

    @property
    def figures(self) -> dict[str, float]:
        return {
            "with_other_rows_than_cached": len(self.other_rows),
            "amounts_compared": self.amounts,
            "amounts_far_from_cached": len(self.apart),
        }


def _symbols(account: AccountBalances | CachedAccount) -> list[str]:
    return sorted([row.symbol for row in account.assets])


def _amounts(live: AccountBalances, cached: CachedAccount) -> dict[str, tuple[Decimal, Decimal]]:
    """Of the symbols that have one row in both: how much by the one, and by the other."""
    of_cached = _single(cached.assets)
    found = {}
    for symbol, row in _single(live.assets).items():
        if (beside := of_cached.get(symbol)) is not None and row.asset_type == beside.asset_type:
            first, second = _amount(row), _amount(beside)
            if first is not None and second is not None and (first or second):
                found[symbol] = (first, second)
    return found


def _single(rows: Iterable[R]) -> dict[str, R]:
    rows = list(rows)
    counted = Counter(row.symbol for row in rows)
    return {row.symbol: row for row in rows if counted[row.symbol] == 1}


def _amount(row: Asset | CachedAsset) -> Decimal | None:
    """Of a position its worth: a size may count contracts."""
    if row.asset_type == AssetType.POSITION:
        return row.notional
    return row.size if isinstance(row, Asset) else row.amount


def _near(first: Decimal, second: Decimal) -> bool:
    less, more = sorted((abs(first), abs(second)))
    return more <= _NEAR * less
