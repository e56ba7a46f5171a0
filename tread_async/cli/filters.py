"""A filter that nobody fits may be a slip of the pen: then nothing is no answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from tread_async.cli.watch_choice import Choice
from tread_async.outcomes import Ok, Snapshot, Stale

__all__ = ["exchange_problem", "few", "problem_of"]

_MOST: Final = 6


def problem_of(choice: Choice, snapshot: Snapshot) -> str | None:
    """A sentence where no balance that was read has the exchange, or the symbol, and which there are."""
    balances = [one.value for one in snapshot.outcomes.values() if isinstance(one, Ok | Stale)]
    if not balances:
        return None
    if choice.exchange is not None:
        exchanges = [balance.exchange for balance in balances if balance.exchange is not None]
        problem = exchange_problem(choice.exchange, exchanges)
        if problem is not None:
            return problem
    if choice.symbol is None:
        return None
    symbols = {asset.symbol for balance in balances for asset in balance.wire.assets}
    return _problem(choice.symbol, symbols, f"no account has {choice.symbol!r}", "symbols")


def exchange_problem(exchange: str, exchanges: Iterable[str]) -> str | None:
    """The same of the exchanges of accounts that are listed."""
    return _problem(exchange, {*exchanges}, f"no account is of the exchange {exchange!r}", "exchanges")


def _problem(wanted: str, there: Collection[str], said: str, what: str) -> str | None:
    text = wanted.casefold()
    if any(name.casefold() == text for name in there):
        return None
    alike = [name for name in sorted(there) if text and text in name.casefold()]
    if alike:
        return f"{said}; {what} like it are {few(alike)}"
    return f"{said}; the {what} are {few(sorted(there))}" if there else said


def few(names: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
