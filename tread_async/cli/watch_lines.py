"""A line for each account of a watch: what it holds, how old that is, and what has just changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Final

from tread_async._codec.redaction import sanitised
from tread_async.balance import Balance
from tread_async.cli.watch_choice import Choice, Sort
from tread_async.cli.words import cause, kind
from tread_async.keys import AccountKey
from tread_async.models import Asset, AssetType, CachedAsset
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Snapshot, Stale

__all__ = ["Board", "Figures", "Line", "figures_of"]

_EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Figures:
    """What a balance comes to. ``None`` where that is not known, as where one position does not say.

    Attributes:
        notional: Of all positions, long and short ones added up.
        pnl: Their unrealized profit.
        leverage: The highest of a position.
        rows: Rows that were counted; with a symbol those that have it.
    """

    exchange: str | None = None
    equity: Decimal | None = None
    notional: Decimal | None = None
    pnl: Decimal | None = None
    leverage: Decimal | None = None
    positions: int | None = None
    rows: int | None = None


_NOTHING: Final = Figures()


@dataclass(frozen=True, slots=True)
class Line:
    """One account.

    Attributes:
        figures: Of the last balance known; all ``None`` where there is none.
        age_s: Of that balance, when the update was put together.
        kind: ``ok``, ``stale``, ``failed`` or ``missing``.
        why: More about it, made safe to show.
        changed: The names of what differs from the update before.
    """

    key: AccountKey
    figures: Figures
    age_s: float | None
    kind: str
    why: str
    changed: frozenset[str]


_OF_FIGURES: Final = ("exchange", "equity", "notional", "pnl", "leverage", "positions")
_RANKS: Final[Mapping[Sort, Callable[[Line], Any]]] = {
    Sort.ACCOUNT: lambda line: 0,
    Sort.EQUITY: lambda line: line.figures.equity,
    Sort.NOTIONAL: lambda line: line.figures.notional,
    Sort.PNL: lambda line: None if line.figures.pnl is None else line.figures.pnl.copy_negate(),
    Sort.LEVERAGE: lambda line: line.figures.leverage,
    Sort.AGE: lambda line: line.age_s,
}


class Board:
    """Makes the lines of one snapshot after the other, and remembers the last ones."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._symbol = None if choice.symbol is None else choice.symbol.casefold()
        self._exchange = None if choice.exchange is None else choice.exchange.casefold()
        self._last: dict[AccountKey, tuple[object, Line]] = {}

    def lines(self, snapshot: Snapshot) -> list[Line]:
        """The lines of the accounts that may fit: those that are not ok first, and then as sorted.

        What is not known sorts first, a loss before a gain, and all else from high to low.
        """
        last, self._last = self._last, {}
        for key, outcome in snapshot.outcomes.items():
            self._last[key] = self._line(key, outcome, last.get(key), first=not last)
        lines = [line for _, line in self._last.values() if self._may_fit(line.figures)]
        lines.sort(key=lambda line: line.key)
        rank = _RANKS[self._choice.sort]
        lines.sort(key=lambda line: _place(line, rank(line)), reverse=True)
        return lines

    def _line(
        self, key: AccountKey, outcome: Outcome, last: tuple[object, Line] | None, *, first: bool
    ) -> tuple[object, Line]:
        balance = _balance(outcome)
        wire = None if balance is None else balance.wire
        if last is not None and last[0] is wire:
            figures = last[1].figures  # a watch keeps what has not changed
        else:
            figures = _NOTHING if balance is None else figures_of(balance, self._symbol)
        age_s = None if balance is None else balance.age_s
        named, why = kind(outcome), _why(outcome)
        if last is None:
            changed = frozenset[str]() if first else frozenset({"account"})
        else:
            changed = _changed(last[1], figures, (named, why))
        return wire, Line(key, figures, age_s, named, why, changed)

    def _may_fit(self, figures: Figures) -> bool:
        exchange, least = figures.exchange, self._choice.min_notional
        if self._exchange is not None and exchange is not None and exchange.casefold() != self._exchange:
            return False
        if self._symbol is not None and figures.rows == 0:
            return False
        return least is None or figures.notional is None or figures.notional >= least


def figures_of(balance: Balance, symbol: str | None = None) -> Figures:
    """What *balance* comes to; its positions of *symbol* alone where that is given, in lower case."""
    assets: tuple[Asset | CachedAsset, ...] = balance.wire.assets
    rows = [row for row in assets if symbol is None or row.symbol.casefold() == symbol]
    known = Figures(balance.exchange, balance.equity, rows=len(rows))
    if any(row.asset_type is None for row in rows):
        return known  # any of these may be a position
    positions = [row for row in rows if row.asset_type == AssetType.POSITION]
    leverages = [row.leverage or None for row in positions]  # 0 means that the exchange did not say
    return Figures(
        exchange=known.exchange,
        equity=known.equity,
        notional=_sum([None if row.notional is None else row.notional.copy_abs() for row in positions]),
        pnl=_sum([row.unrealized_profit for row in positions]),
        leverage=None if None in leverages else max(filter(None, leverages), default=None),
        positions=len(positions),
        rows=len(rows),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total = _EXACT.add(total, amount)
    return total


def _balance(outcome: Outcome) -> Balance | None:
    """The last one known."""
    if isinstance(outcome, Failed):
        return None if outcome.last is None else outcome.last.value
    return outcome.value if isinstance(outcome, Ok | Stale) else None


def _why(outcome: Outcome) -> str:
    match outcome:
        case Failed(error=error):
            return sanitised(f"{cause(error)}: {error.message}")
        case Missing():
            return "no answer has it"
        case Stale(age_s=None):
            return "of an unknown time"
        case _:
            return ""


def _changed(last: Line, figures: Figures, state: tuple[str, str]) -> frozenset[str]:
    changed = set() if (last.kind, last.why) == state else {"state"}
    if figures is not last.figures:
        changed |= {name for name in _OF_FIGURES if getattr(figures, name) != getattr(last.figures, name)}
    return frozenset(changed)


def _place(line: Line, rank: Any) -> tuple[bool, bool, Any]:
    """To sort by, from high to low."""
    return line.kind != "ok", rank is None, 0 if rank is None else rank
