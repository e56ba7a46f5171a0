"""A snapshot as JSON, and what other JSON about one has in common with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tread_async._exports.words import error_of, figures, reason, state
from tread_async.balance import Balance, BalanceRow
from tread_async.errors import TreadError
from tread_async.outcomes import Failed, Missing, Outcome, Snapshot, Stale

__all__ = ["dumped", "errors_of", "head", "json_of_snapshot", "rows_of", "troubles"]


def json_of_snapshot(snapshot: Snapshot) -> str:
    """See `Snapshot.to_json`."""
    return dumped(
        {
            "counts": snapshot.counts,
            "complete": snapshot.complete,
            "of_all": snapshot.of_all,
            "requests_sent": snapshot.requests_sent,
            "accounts": {str(key): _account(outcome) for key, outcome in snapshot.outcomes.items()},
            **troubles(snapshot),
            "duplicates": [str(key) for key in snapshot.duplicates],
        }
    )


def dumped(value: object) -> str:
    """On one line, in ASCII, so that no name can move the cursor of a terminal."""
    return json.dumps(value, default=_text)


def troubles(snapshot: Snapshot) -> dict[str, Any]:
    """Whatever makes it incomplete, by kind."""
    outcomes = snapshot.outcomes.items()
    return {
        "failures": {str(key): _failure(one) for key, one in outcomes if isinstance(one, Failed)},
        "missing": [str(key) for key, one in outcomes if isinstance(one, Missing)],
        "stale": [str(key) for key, one in outcomes if isinstance(one, Stale)],
        "unlisted": errors_of(snapshot.unlisted),
        "errors": snapshot.errors,
        "unexpected": [str(key) for key in snapshot.unexpected],
    }


def errors_of(errors: Mapping[str, TreadError]) -> dict[str, Any]:
    return {name: error_of(error) for name, error in errors.items()}


def head(balance: Balance) -> dict[str, Any]:
    """The figures of the whole account."""
    return {
        "exchange": balance.exchange,
        "source": balance.source,
        "as_of_s": balance.as_of_s,
        "equity": balance.equity,
    }


def rows_of(rows: Iterable[BalanceRow]) -> list[dict[str, Any]]:
    return [figures(row) for row in rows]


def _account(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"state": state(outcome), **_failure(outcome)}
    account = {"state": state(outcome), **reason(outcome)}
    if isinstance(outcome, Missing):
        return account
    balance = outcome.value
    more = {"account_id": balance.account_id, "age_s": balance.age_s, "rows": rows_of(balance.rows)}
    return {**account, **head(balance), **more}


def _failure(outcome: Failed) -> dict[str, Any]:
    last = None if outcome.last is None else outcome.last.value
    return error_of(outcome.error) | {
        "last_as_of_s": None if last is None else last.as_of_s,
        "last_age_s": None if last is None else last.age_s,
    }


def _text(value: object) -> str:
    """A `decimal.Decimal` with every digit and no exponent; the key of an account."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
