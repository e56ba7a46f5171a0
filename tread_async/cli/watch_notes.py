"""What stands below the table of a watch: how complete it is, what is wrong as a whole, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from tread_async._codec.redaction import sanitised
from tread_async.cli.watch_rates import Rates
from tread_async.cli.watch_table import amount, duration
from tread_async.cli.words import cause
from tread_async.errors import IncompleteSnapshotError
from tread_async.outcomes import Snapshot
from tread_async.update import Update

__all__ = ["counted", "notes", "shortened", "total", "troubles_of"]

_MOST_TROUBLES: Final = 4
_EVERY_DIGIT: Final = 200


def notes(update: Update, rates: Rates, *, shown: int, symbol: str | None) -> list[str]:
    """A sentence each; *shown* is how many accounts have a line."""
    ended = [
        sanitised(f"{name} is not polled any more: {cause(error)}: {error.message}")
        for name, error in update.ended.items()
    ]
    troubles = shortened([*ended, *troubles_of(update.snapshot)])
    return [_whole(update.snapshot, shown, symbol), *troubles, _round(update), _cost(rates)]


def _whole(snapshot: Snapshot, shown: int, symbol: str | None) -> str:
    of_all = len(snapshot.outcomes)
    parts = [counted(snapshot)]
    parts += [f"{shown} are in the table"] if shown < of_all else []
    parts += [f"positions of {sanitised(symbol)} only"] if symbol is not None else []
    return "; ".join([*parts, f"equity of all: {total(snapshot.total_equity)}"])


def counted(snapshot: Snapshot) -> str:
    """``3 accounts: 2 ok, 1 failed``; where none is known, that is not the same as none."""
    counts = ", ".join(f"{count} {name}" for name, count in snapshot.counts.items() if count)
    accounts = "account" if len(snapshot.outcomes) == 1 else "accounts"
    if counts:
        return f"{len(snapshot.outcomes)} {accounts}: {counts}"
    return "accounts not known" if snapshot.unlisted else "no account"


def total(sum_up: Callable[[], Decimal]) -> str:
    """What *sum_up* returns, with every digit; ``?`` where a part of it is not known."""
    try:
        return amount(sum_up(), _EVERY_DIGIT)
    except IncompleteSnapshotError:
        return "?"


def shortened(troubles: list[str]) -> list[str]:
    """The first of them, where there are many, and how many more there are."""
    if len(troubles) <= _MOST_TROUBLES:
        return troubles
    left = len(troubles) - _MOST_TROUBLES + 1
    return [*troubles[: _MOST_TROUBLES - 1], f"and {left} more such troubles"]


def troubles_of(snapshot: Snapshot) -> Iterator[str]:
    """What makes it incomplete beside its accounts."""
    for name, error in snapshot.unlisted.items():
        yield sanitised(f"{name} could not be listed: {cause(error)}: {error.message}")
    for name, errors in snapshot.errors.items():
        yield sanitised(f"{name}: the server says: {', '.join(map(str, errors))}")
    if snapshot.unexpected:
        yield sanitised(f"not asked for, and answered: {', '.join(map(str, snapshot.unexpected))}")


def _round(update: Update) -> str:
    at = datetime.fromtimestamp(update.started_at).strftime("%H:%M:%S")
    parts = [f"round {update.round} of {at}", f"{len(update.changes)} changed"]
    parts += [f"{duration(update.late_s)} late"] if update.late_s >= 1 else []
    parts += [f"{update.skipped} skipped"] if update.skipped else []
    parts += [f"{update.dropped} answers were older than shown"] if update.dropped else []
    return ", ".join(parts)


def _cost(rates: Rates) -> str:
    return (
        f"{rates.requests:.1f} requests/s, {rates.retries:.1f} retries/s, "
        f"{rates.received_bytes / 1000:,.1f} kB/s, CPU {rates.cpu:.0%}"
    )
