"""A watch as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import structs

from tread_async.balance import Balance, BalanceRow
from tread_async.changes import Change
from tread_async.cli.words import kind
from tread_async.errors import ApiError, TreadError
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale
from tread_async.update import Update

__all__ = ["json_line"]


def json_line(update: Update) -> str:
    """One update as an object on a line of its own, in ASCII::

        {"round": 12, "started_at": 1767225600.5, "late_s": 0.01, "skipped": 0, "dropped": 0,
         "counts": {"ok": 8, "stale": 0, "failed": 1, "missing": 1}, "complete": false,
         "changes": {"token/main": {
             "before": "ok", "after": "ok",
             "exchange": "OKX", "source": "cached", "as_of_s": 1767225598.0, "equity": "10.50",
             "rows_added": [ROW], "rows_removed": [], "rows_changed": [{"old": ROW, "new": ROW}]}},
         "events": [], "failures": {"token/x": {"error": "ServerError", "status": 500, "message": "...",
                                  "last_as_of_s": 1764000000.0, "last_age_s": 12.5}},
         "missing": ["token/y"], "stale": [], "unlisted": {}, "errors": {}, "unexpected": [],
         "ended": {}, "overdue": {}}

    The names and units are those of `Update`, `Snapshot`, `Change` and `BalanceRow`. Amounts are texts with
    every digit, times are seconds since the epoch. In the first line every account is a change.

    * ``before`` and ``after`` are ``ok``, ``stale``, ``failed``, ``missing`` or null. The four after
      them are there where ``after`` is ok or stale.
    * ``rows_added`` has every row where there is nothing to compare with: where ``before`` is null or
      missing, or failed before anything was read. Whoever follows the rows then begins anew.
    * ``failures``, ``unlisted`` and ``ended`` have an error each; ``status`` is null where there was none.
    """
    snapshot = update.snapshot
    outcomes = snapshot.outcomes.items()
    line = {
        "round": update.round,
        "started_at": update.started_at,
        "late_s": update.late_s,
        "skipped": update.skipped,
        "dropped": update.dropped,
        "counts": snapshot.counts,
        "complete": snapshot.complete,
        "changes": {str(key): _change(change) for key, change in update.changes.items()},
        "events": [structs.asdict(event) for event in update.events],
        "failures": {str(key): _failure(one) for key, one in outcomes if isinstance(one, Failed)},
        "missing": [str(key) for key, one in outcomes if isinstance(one, Missing)],
        "stale": [str(key) for key, one in outcomes if isinstance(one, Stale)],
        "unlisted": _errors(snapshot.unlisted),
        "errors": snapshot.errors,
        "unexpected": [str(key) for key in snapshot.unexpected],
        "ended": _errors(update.ended),
        "overdue": dict(update.overdue),
    }
    return json.dumps(line, default=_text)


def _change(change: Change) -> dict[str, Any]:
    balance, added = _balance(change.after), change.rows_added
    if balance is not None and not _comparable(change.before):
        added = balance.rows
    return {
        "before": _kind(change.before),
        "after": _kind(change.after),
        **({} if balance is None else _head(balance)),
        "rows_added": _rows(added),
        "rows_removed": _rows(change.rows_removed),
        "rows_changed": [{"old": _row(one.old), "new": _row(one.new)} for one in change.rows_changed],
    }


def _balance(outcome: Outcome | None) -> Balance | None:
    return outcome.value if isinstance(outcome, Ok | Stale) else None


def _comparable(before: Outcome | None) -> bool:
    return isinstance(before, Ok | Stale) or (isinstance(before, Failed) and before.last is not None)


def _kind(outcome: Outcome | None) -> str | None:
    return None if outcome is None else kind(outcome)


def _head(balance: Balance) -> dict[str, Any]:
    return {
        "exchange": balance.exchange,
        "source": balance.source,
        "as_of_s": balance.as_of_s,
        "equity": balance.equity,
    }


def _rows(rows: Iterable[BalanceRow]) -> list[dict[str, Any]]:
    return [_row(row) for row in rows]


def _row(row: BalanceRow) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(row).items() if name != "wire"}


def _errors(errors: Mapping[str, TreadError]) -> dict[str, Any]:
    return {name: _error(error) for name, error in errors.items()}


def _failure(outcome: Failed) -> dict[str, Any]:
    last = None if outcome.last is None else outcome.last.value
    return _error(outcome.error) | {
        "last_as_of_s": None if last is None else last.as_of_s,
        "last_age_s": None if last is None else last.age_s,
    }


def _error(error: TreadError) -> dict[str, Any]:
    status = error.status if isinstance(error, ApiError) else None
    return {"error": type(error).__name__, "status": status, "message": error.message}


def _text(value: object) -> str:
    """A `decimal.Decimal` with every digit and no exponent; the key of an account."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
