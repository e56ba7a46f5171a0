"""A snapshot as rows: each account has one, and what is not known is no figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from hypothesis import given, settings

from tests.support.balances import balance, row
from tests.support.snapshots import snapshots
from tread_async import (
    AccountKey,
    Balance,
    BalanceRow,
    Failed,
    Missing,
    Ok,
    Outcome,
    ServerError,
    Snapshot,
    Stale,
)
from tread_async._exports.rows import COLUMNS

BESIDE = ("unlisted", "error", "unexpected")
BROKEN = ServerError(500, "broke")


def key_of(row: dict[str, Any]) -> AccountKey:
    return AccountKey(row["credential"], row["account"])


def blank(row: dict[str, Any], *but: str) -> bool:
    """Whether every column is `None` from ``exchange`` on, *but* those."""
    return all(row[name] is None for name in COLUMNS[6:] if name not in but)


@settings(deadline=None)
@given(snapshots())
def test_each_account_has_its_rows_and_they_are_as_read(snapshot: Snapshot) -> None:
    """In the order asked: its positions and assets, to the digit, or one row that says why there are none."""
    rows = snapshot.to_rows()

    assert all(tuple(row) == COLUMNS for row in rows)
    of_accounts = [row for row in rows if row["state"] not in BESIDE]
    groups = [(key, list(group)) for key, group in groupby(of_accounts, key_of)]
    assert [key for key, _ in groups] == list(snapshot.outcomes)
    for key, group in groups:
        check_account(group, snapshot.outcomes[key])


def check_account(group: list[dict[str, Any]], outcome: Outcome) -> None:
    assert {row["state"] for row in group} == {type(outcome).__name__.lower()}
    assert isinstance(outcome, Ok) == (group[0]["message"] is None)
    if isinstance(outcome, Ok | Stale):
        check_balance(group, outcome.value)
        return
    (row,) = group
    assert blank(row)
    error = outcome.error if isinstance(outcome, Failed) else None
    assert row["error"] == (None if error is None else type(error).__name__)
    assert row["status"] == getattr(error, "status", None)


def check_balance(group: list[dict[str, Any]], balance: Balance) -> None:
    head = {name: getattr(balance, name) for name in COLUMNS[6:12]}
    assert all({name: row[name] for name in head} == head for row in group)
    assert [exactly(row) for row in group if balance.rows] == [
        [str(getattr(row, name)) for name in COLUMNS[12:]] for row in balance.rows
    ]
    if not balance.rows:
        assert len(group) == 1
        assert blank(group[0], *head)


def exactly(row: dict[str, Any]) -> list[str]:
    """To the last digit: 1.50 is not 1.5 here."""
    return [str(row[name]) for name in COLUMNS[12:]]


@settings(deadline=None)
@given(snapshots())
def test_what_is_beside_the_accounts_has_rows_too(snapshot: Snapshot) -> None:
    """So that whoever looks at the rows alone sees that they are not all there is."""
    beside = [row for row in snapshot.to_rows() if row["state"] in BESIDE]

    assert len(beside) == sum(
        [len(snapshot.unlisted), sum(map(len, snapshot.errors.values())), len(snapshot.unexpected)]
    )
    assert all(blank(row) and row["credential"] and row["message"] for row in beside)
    unexpected = [key_of(row) for row in beside if row["state"] == "unexpected"]
    assert unexpected == list(snapshot.unexpected)


@settings(deadline=None)
@given(snapshots())
def test_a_snapshot_is_complete_where_its_rows_are(snapshot: Snapshot) -> None:
    """The states say what `Snapshot.complete` says; an unexpected account counts where all were asked for."""
    fine = {"ok"} if snapshot.of_all else {"ok", "unexpected"}

    assert snapshot.complete == ({row["state"] for row in snapshot.to_rows()} <= fine)


@settings(deadline=None)
@given(snapshots())
def test_every_message_is_safe_to_show(snapshot: Snapshot) -> None:
    """Whatever a server said has no control characters and an end."""
    messages = [row["message"] for row in snapshot.to_rows() if row["message"] is not None]

    assert all(message.isprintable() and len(message) <= 512 for message in messages)


def test_a_row_of_each_state() -> None:
    """What the columns say, in words."""
    keys = [AccountKey("desk", name) for name in "abcde"]
    outcomes = [
        Ok(balance("a", row(amount="1.50"))),
        Stale(balance("b", age_s=90.04)),
        Stale(balance("c", age_s=None)),
        Failed(BROKEN, Stale(balance("d", row()))),
        Missing(),
    ]
    snapshot = Snapshot(
        outcomes=dict(zip(keys, outcomes, strict=True)),
        unexpected=(AccountKey("desk", "f"),),
        errors={"desk": ("no", {"id": 5})},
        unlisted={"other": BROKEN},
    )

    said = [tuple(row[name] for name in COLUMNS[:6]) for row in snapshot.to_rows()]
    assert said == [
        ("desk", "a", "ok", None, None, None),
        ("desk", "b", "stale", None, None, "it is too old: 90.0 s"),
        ("desk", "c", "stale", None, None, "the server did not say how old it is"),
        ("desk", "d", "failed", "ServerError", 500, "broke"),
        ("desk", "e", "missing", None, None, "a complete answer did not have it"),
        ("other", None, "unlisted", "ServerError", 500, "broke"),
        ("desk", None, "error", None, None, "no"),
        ("desk", None, "error", None, None, '{"id": 5}'),
        ("desk", "f", "unexpected", None, None, "it was answered, and not asked for"),
    ]
    first = snapshot.to_rows()[0]
    assert (first["symbol"], str(first["amount"]), first["equity"]) == ("ETH:PERP-USDT", "1.50", Decimal(100))
    assert first["as_of"] == datetime.fromtimestamp(1_800_000_000 - 5, UTC)
    assert first["account_id"] == "id of a"


def test_the_docstring_has_the_columns_in_their_order() -> None:
    """And those of a row of `BalanceRow` are all there, but for how it was sent."""
    assert tuple(columns_of(Snapshot.to_rows.__doc__ or "")) == COLUMNS
    assert {*COLUMNS[12:], "wire"} == {*BalanceRow.__struct_fields__}


def columns_of(text: str) -> Iterator[str]:
    for line in re.findall(r"^ +\* (.*(?:\n {10}.*)*)", text, re.MULTILINE):
        yield from re.findall(r"``(\w+)``", line.partition(": of the account")[0])
