"""A snapshot as JSON: whatever it knows, and what it does not know, can be read back exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings

from tests.support.balances import balance, row
from tests.support.snapshots import snapshots
from tread_async import AccountKey, Balance, Failed, Missing, Ok, Outcome, ServerError, Snapshot, Stale

FIGURES = (
    "amount", "notional", "unrealized_profit", "initial_margin", "maint_margin", "margin_balance",
    "leverage", "funding_fee", "borrowed",
)  # fmt: skip


def read(snapshot: Snapshot) -> dict[str, Any]:
    """As another program reads it, which takes no number that is none."""
    text = snapshot.to_json()

    assert text.isascii()
    assert text.isprintable()
    found: dict[str, Any] = json.loads(text, parse_constant=int)
    return found


@settings(deadline=None)
@given(snapshots())
def test_it_is_all_there(snapshot: Snapshot) -> None:
    """One entry for each account, in the order asked, and everything that says how complete they are."""
    found = read(snapshot)

    assert list(found["accounts"]) == [str(key) for key in snapshot.outcomes]
    assert (found["complete"], found["counts"]) == (snapshot.complete, snapshot.counts)
    assert (found["of_all"], found["requests_sent"]) == (snapshot.of_all, snapshot.requests_sent)
    assert {name: len(said) for name, said in found["errors"].items()} == {
        name: len(said) for name, said in snapshot.errors.items()
    }
    assert found["unlisted"].keys() == snapshot.unlisted.keys()
    assert found["unexpected"] == [str(key) for key in snapshot.unexpected]
    assert found["duplicates"] == [str(key) for key in snapshot.duplicates]
    for key, outcome in snapshot.outcomes.items():
        check_account(found["accounts"][str(key)], outcome)
        assert (str(key) in found["failures"]) == isinstance(outcome, Failed)
        assert (str(key) in found["missing"]) == isinstance(outcome, Missing)
        assert (str(key) in found["stale"]) == isinstance(outcome, Stale)


def check_account(entry: dict[str, Any], outcome: Outcome) -> None:
    assert entry["state"] == type(outcome).__name__.lower()
    assert isinstance(outcome, Ok) == (entry["message"] is None)
    if isinstance(outcome, Ok | Stale):
        check_balance(entry, outcome.value)
    else:
        assert not {"equity", "rows", "age_s", "as_of_s"} & set(entry)


def check_balance(entry: dict[str, Any], balance: Balance) -> None:
    assert (entry["as_of_s"], entry["age_s"]) == (balance.as_of_s, balance.age_s)
    check_amount(entry["equity"], balance.equity)
    assert len(entry["rows"]) == len(balance.rows)
    for found, held in zip(entry["rows"], balance.rows, strict=True):
        assert (found["symbol"], found["market"]) == (held.symbol, held.market)
        for name in FIGURES:
            check_amount(found[name], getattr(held, name))


def check_amount(found: object, amount: Decimal | None) -> None:
    """A text without an exponent that is the same number, and no other with fewer digits."""
    if amount is None:
        assert found is None
    else:
        assert isinstance(found, str)
        assert "E" not in found
        assert Decimal(found) == amount
        assert Decimal(found).is_signed() == amount.is_signed()


def test_the_docstring_has_every_field() -> None:
    """In the order of the fields, for an account of each kind."""
    key, failed, missing, stale = [AccountKey("desk", name) for name in "abcd"]
    outcomes = {key: Ok(balance("a", row())), failed: Failed(ServerError(500, "x")), missing: Missing()}
    found = read(Snapshot(outcomes={**outcomes, stale: Stale(balance("d"))}))

    shown = (Snapshot.to_json.__doc__ or "").partition("::")[2].partition("Names")[0]
    example = json.loads(shown.replace("ROW", "{}").replace("FAILURE", "{}"))
    assert list(example) == list(found)
    for name in ("desk/a", "desk/b", "desk/c"):
        assert list(example["accounts"][name]) == list(found["accounts"][name])
    assert list(found["accounts"]["desk/d"]) == list(found["accounts"]["desk/a"])


def test_a_failure_of_a_watch_says_when_it_was_read_last() -> None:
    """Its figures are older than its state says, and not there."""
    key, last = AccountKey("desk", "a"), balance("a", row())
    found = read(Snapshot(outcomes={key: Failed(ServerError(500, "broke"), Stale(last))}))

    assert found["accounts"]["desk/a"] == {
        "state": "failed", "error": "ServerError", "status": 500, "message": "broke",
        "last_as_of_s": last.as_of_s, "last_age_s": last.age_s,
    }  # fmt: skip
    assert found["failures"]["desk/a"] == {
        name: value for name, value in found["accounts"]["desk/a"].items() if name != "state"
    }
