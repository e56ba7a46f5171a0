"""A watch as lines of JSON."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from tread_async._exports.json_text import dumped, errors_of, head, rows_of, troubles
from tread_async._exports.words import figures
from tread_async.balance import Balance
from tread_async.changes import Change
from tread_async.cli.words import kind
from tread_async.outcomes import Failed, Ok, Outcome, Stale
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
        **troubles(snapshot),
        "ended": errors_of(update.ended),
        "overdue": dict(update.overdue),
    }
    return dumped(line)


def _change(change: Change) -> dict[str, Any]:
    balance, added = _balance(change.after), change.rows_added
    if balance is not None and not _comparable(change.before):
        added = balance.rows
    return {
        "before": _kind(change.before),
        "after": _kind(change.after),
        **({} if balance is None else head(balance)),
        "rows_added": rows_of(added),
        "rows_removed": rows_of(change.rows_removed),
        "rows_changed": [{"old": figures(one.old), "new": figures(one.new)} for one in change.rows_changed],
    }


def _balance(outcome: Outcome | None) -> Balance | None:
    return outcome.value if isinstance(outcome, Ok | Stale) else None


def _comparable(before: Outcome | None) -> bool:
    return isinstance(before, Ok | Stale) or (isinstance(before, Failed) and before.last is not None)


def _kind(outcome: Outcome | None) -> str | None:
    return None if outcome is None else kind(outcome)
