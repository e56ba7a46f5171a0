"""What can be chosen about a watch on the command line."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Choice", "Sort", "Source"]


class Source(enum.StrEnum):
    """Where balances come from; the words of `SessionManager.watch`."""

    CACHED = "cached"
    LIVE = "live"
    AUTO = "auto"


class Sort(enum.StrEnum):
    """By what the lines of the table are sorted."""

    ACCOUNT = "account"
    EQUITY = "equity"
    NOTIONAL = "notional"
    PNL = "pnl"
    LEVERAGE = "leverage"
    AGE = "age"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The options of ``tread watch``.

    Attributes:
        accounts: The only ones to ask for; empty for all.
        exchange, symbol, min_notional: Which of them the table has. An account of which it is not known
            whether it fits has a line.
        rounds: Updates until it ends; ``None`` for no end.
        metrics: Where they are served, as ``[HOST]:PORT``; ``None`` for nowhere.
    """

    interval_s: float = 1.0
    source: Source = Source.CACHED
    max_age_s: float | None = None
    accounts: tuple[str, ...] = ()
    exchange: str | None = None
    symbol: str | None = None
    min_notional: Decimal | None = None
    sort: Sort = Sort.ACCOUNT
    rounds: int | None = None
    json: bool = False
    changes_only: bool = False
    metrics: str | None = None

    @property
    def problem(self) -> str | None:
        """Why these options cannot be meant, or do not go together."""
        if self.max_age_s is not None and not 0.0 < self.max_age_s < float("inf"):
            return "--max-age is a number of seconds above zero"
        if self.source is Source.AUTO and self.max_age_s is None:
            return "--source auto needs --max-age, the age up to which a cached balance will do"
        of_the_table = self.exchange or self.symbol or self.min_notional is not None
        if self.json and (of_the_table or self.sort is not Sort.ACCOUNT):
            # An account that no longer fits would keep silent about the very change.
            return "--exchange, --symbol, --min-notional and --sort are for the table; --json has --account"
        return None
