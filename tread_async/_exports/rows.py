"""A snapshot as flat rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tread_async._codec.redaction import sanitised
from tread_async._exports.words import error_of, figures, reason, state
from tread_async.balance import Balance, BalanceRow
from tread_async.keys import AccountKey
from tread_async.outcomes import Ok, Outcome, Snapshot, Stale

__all__ = ["AMOUNTS", "COLUMNS", "rows_of_snapshot"]

_ABOUT: Final = ("credential", "account", "state", "error", "status", "message")
_HEAD: Final = ("exchange", "source", "account_id", "as_of", "age_s", "equity")
_FIGURES: Final = tuple(name for name in BalanceRow.__struct_fields__ if name != "wire")

COLUMNS: Final = (*_ABOUT, *_HEAD, *_FIGURES)
"""Their names and order, of every row."""

AMOUNTS: Final = frozenset(
    {
        "equity", "amount", "notional", "unrealized_profit", "initial_margin", "maint_margin",
        "margin_balance", "leverage", "funding_fee", "borrowed",
    }
)  # fmt: skip
"""The columns that are decimals."""

_NO_HEAD: Final[dict[str, Any]] = dict.fromkeys(_HEAD)
_NO_FIGURES: Final[dict[str, Any]] = dict.fromkeys(_FIGURES)


def rows_of_snapshot(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """See `Snapshot.to_rows`."""
    for key, outcome in snapshot.outcomes.items():
        yield from _of_account(key, outcome)
    for row in _beside_the_accounts(snapshot):
        yield {**dict.fromkeys(COLUMNS), **row}


def _of_account(key: AccountKey, outcome: Outcome) -> Iterator[dict[str, Any]]:
    account = {"credential": key.credential, "account": key.name, "state": state(outcome), **reason(outcome)}
    balance = outcome.value if isinstance(outcome, Ok | Stale) else None
    account |= _NO_HEAD if balance is None else _head(balance)
    rows = () if balance is None else balance.rows
    for row in rows:
        yield {**account, **figures(row)}
    if not rows:
        yield {**account, **_NO_FIGURES}


def _head(balance: Balance) -> dict[str, Any]:
    return {name: getattr(balance, name) for name in _HEAD}


def _beside_the_accounts(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """What a reader of the accounts alone would not know to be lacking."""
    for credential, error in snapshot.unlisted.items():
        yield {"credential": credential, "state": "unlisted", **error_of(error)}
    for credential, errors in snapshot.errors.items():
        for said in errors:
            yield {"credential": credential, "state": "error", "message": _text(said)}
    for key in snapshot.unexpected:
        message = "it was answered, and not asked for"
        yield {"credential": key.credential, "account": key.name, "state": "unexpected", "message": message}


def _text(said: object) -> str:
    return sanitised(said if isinstance(said, str) else json.dumps(said, default=str))
