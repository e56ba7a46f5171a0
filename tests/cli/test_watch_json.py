"""A line of JSON for each update: from the first and what follows, every row can be known exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.balances import balance, row
from tread_async import (
    AccountError,
    AccountKey,
    AuthError,
    CachedAsset,
    Failed,
    Missing,
    Ok,
    Outcome,
    ServerError,
    Snapshot,
    Stale,
    Update,
)
from tread_async.changes import changes
from tread_async.cli.watch_json import json_line

KEY = AccountKey("desk", "a")
BROKEN = ServerError(500, "broke")


def update(
    outcomes: Mapping[AccountKey, Outcome], before: Mapping[AccountKey, Outcome] = {}, **more: Any
) -> Update:
    """The update after one with the outcomes *before*."""
    ended = more.pop("ended", {})
    return Update(
        round=3,
        snapshot=Snapshot(outcomes=outcomes, **more),
        changes=changes(before, outcomes),
        events=(),
        started_at=1_800_000_000.5,
        late_s=0.25,
        skipped=1,
        dropped=2,
        ended=ended,
        overdue={"desk": 2.5},
    )


def read(line: str) -> dict[str, Any]:
    """The line as another program reads it; amounts are exact."""
    assert line.isascii()
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_the_docstring_has_every_field() -> None:
    """And a line has all of them, and no others."""
    line = read(json_line(update({KEY: Ok(balance("a", row()))})))

    shown = (json_line.__doc__ or "").partition("::")[2].partition("The names")[0]
    shown = shown.replace("ROW", "{}")
    example = json.loads(shown)
    assert list(example) == list(line)
    assert list(example["changes"]["token/main"]) == list(line["changes"]["desk/a"])
    assert list(example["failures"]["token/x"]) == [
        "error",
        "status",
        "message",
        "last_as_of_s",
        "last_age_s",
    ]


def test_what_is_wrong_is_all_there() -> None:
    """Whatever makes a snapshot incomplete is named, with the error."""
    keys = [AccountKey("desk", name) for name in "abcd"]
    outcomes: dict[AccountKey, Outcome] = {
        keys[0]: Ok(balance("a")),
        keys[1]: Failed(AccountError("no"), Stale(balance("b"))),
        keys[2]: Missing(),
        keys[3]: Stale(balance("d")),
    }
    last = balance("b")
    line = read(
        json_line(
            update(
                outcomes,
                outcomes,
                unexpected=(KEY,),
                errors={"desk": ({"what": "x"},)},
                unlisted={"other": BROKEN},
                ended={"third": AuthError(401, "refused")},
            )
        )
    )

    assert line == {
        "round": 3, "started_at": 1_800_000_000.5, "late_s": 0.25, "skipped": 1, "dropped": 2,
        "counts": {"ok": 1, "stale": 1, "failed": 1, "missing": 1}, "complete": False,
        "changes": {}, "events": [],
        "failures": {"desk/b": {"error": "AccountError", "status": None, "message": "no"} | {
            "last_as_of_s": last.as_of_s, "last_age_s": last.age_s,
        }},
        "missing": ["desk/c"], "stale": ["desk/d"],
        "unlisted": {"other": {"error": "ServerError", "status": 500, "message": "broke"}},
        "errors": {"desk": [{"what": "x"}]}, "unexpected": ["desk/a"],
        "ended": {"third": {"error": "AuthError", "status": 401, "message": "refused"}},
        "overdue": {"desk": 2.5},
    }  # fmt: skip


def test_an_account_that_is_gone_is_null() -> None:
    """It has no figures any more."""
    line = read(json_line(update({}, {KEY: Ok(balance("a", row()))})))

    assert line["changes"] == {
        "desk/a": {"before": "ok", "after": None, "rows_added": [], "rows_removed": [], "rows_changed": []}
    }


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**41), max_value=10**41)
ROWS = st.builds(
    CachedAsset,
    symbol=st.sampled_from(["BTC", "ETH:PERP-USDT", "é\x9b\u202e"]),
    amount=AMOUNTS,
    notional=st.none() | AMOUNTS,
)
BALANCES = st.lists(ROWS, max_size=4).map(lambda rows: balance("a", *rows))
OUTCOMES = st.one_of(
    BALANCES.map(Ok),
    BALANCES.map(Stale),
    st.just(Missing()),
    st.just(Failed(BROKEN)),
    BALANCES.map(lambda value: Failed(BROKEN, Stale(value))),
)


@settings(deadline=None)
@given(st.lists(st.none() | OUTCOMES, max_size=6))
def test_a_reader_of_all_lines_knows_every_row(outcomes: list[Outcome | None]) -> None:
    """Whoever starts anew where there is nothing to compare with, and else takes away and adds, has them."""
    before: dict[AccountKey, Outcome] = {}
    known: list[dict[str, Any]] = []
    for outcome in outcomes:
        after = {} if outcome is None else {KEY: last_kept(outcome, before)}
        line = read(json_line(update(after, before)))
        for change in line["changes"].values():
            known = followed(known, change, begins=nothing_to_compare(before))
        if KEY in after and isinstance(after[KEY], Ok | Stale):
            assert sorted(map(str, known)) == sorted(map(str, rows_of(after[KEY])))
        before = after


def last_kept(outcome: Outcome, before: Mapping[AccountKey, Outcome]) -> Outcome:
    """A failure remembers the balance that was read before, as in a watch."""
    last = before.get(KEY)
    if isinstance(outcome, Failed):
        if isinstance(last, Ok | Stale):
            return Failed(BROKEN, Stale(last.value))
        return Failed(BROKEN, last.last if isinstance(last, Failed) else None)
    return outcome


def nothing_to_compare(before: Mapping[AccountKey, Outcome]) -> bool:
    last = before.get(KEY)
    return last is None or isinstance(last, Missing) or (isinstance(last, Failed) and last.last is None)


def followed(known: list[dict[str, Any]], change: dict[str, Any], *, begins: bool) -> list[dict[str, Any]]:
    if change["after"] not in ("ok", "stale"):
        return known
    known = [] if begins else list(known)
    for gone in (*change["rows_removed"], *[one["old"] for one in change["rows_changed"]]):
        known.remove(gone)
    return [*known, *change["rows_added"], *[one["new"] for one in change["rows_changed"]]]


def rows_of(outcome: Any) -> list[dict[str, Any]]:
    """As JSON has them, the amounts compared by value and by every digit."""
    return [
        {
            name: f"{value:f}" if isinstance(value, Decimal) else value
            for name in row.__struct_fields__
            if name != "wire"
            for value in [getattr(row, name)]
        }
        for row in outcome.value.rows
    ]
