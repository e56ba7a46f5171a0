"""What stands below the table of a watch: how complete it is, what is wrong as a whole, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from tread_async._codec.redaction import sanitised
from tread_async.cli.watch_rates import Rates
from tread_async.cli.watch_table import amount, duration
from tread_async.cli.words import cause
from tread_async.errors import IncompleteSnapshotError
from tread_async.outcomes import Snapshot
from tread_async.update import Update

__all__ = ["notes"]

_MOST_TROUBLES: Final = 4
_EVERY_DIGIT: Final = 200


def notes(update: Update, rates: Rates, *, shown: int, symbol: str | None) -> list[str]:
    """A sentence each; *shown* is how many accounts have a line."""
    troubles = list(_troubles(update))
    if len(troubles) > _MOST_TROUBLES:
        troubles[_MOST_TROUBLES - 1 :] = [f"and {len(troubles) - _MOST_TROUBLES + 1} more such troubles"]
    return [_whole(update.snapshot, shown, symbol), *troubles, _round(update), _cost(rates)]


def _whole(snapshot: Snapshot, shown: int, symbol: str | None) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in snapshot.counts.items() if count)
    of_all = len(snapshot.outcomes)
    parts = [f"{of_all} accounts: {counts}" if of_all else "no account"]
    parts += [f"{shown} are in the table"] if shown < of_all else []
    parts += [f"positions of {sanitised(symbol)} only"] if symbol is not None else []
    return "; ".join([*parts, f"equity of all: {_equity(snapshot)}"])


def _equity(snapshot: Snapshot) -> str:
    try:
        return amount(snapshot.total_equity(), _EVERY_DIGIT)
    except IncompleteSnapshotError:
        return "?"


def _troubles(update: Update) -> Iterator[str]:
    snapshot = update.snapshot
    for name, error in update.ended.items():
        yield sanitised(f"{name} is not polled any more: {cause(error)}: {error.message}")
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
