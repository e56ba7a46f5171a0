"""Two readings of the same accounts: what differs is all listed, and what does not is not."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tread_async import (
    AccountBalances,
    AccountKey,
    Asset,
    Balance,
    BalanceRow,
    CachedAccount,
    CachedAsset,
    Change,
    DecodeError,
    Equity,
    Failed,
    Missing,
    Ok,
    Outcome,
    RowChange,
    Stale,
    TransportError,
    TreadError,
)
from tread_async.changes import changes, changes_in_steps

KEYS = [AccountKey("desk", name) for name in "abc"]
KEY = KEYS[0]
AMOUNTS = st.sampled_from([Decimal(text) for text in ("0", "1", "1.0", "-1", "2.5")])
LIVE = st.builds(
    Asset,
    symbol=st.sampled_from(["BTC", "ETH:PERP-USDT"]),
    size=AMOUNTS,
    market_type=st.sampled_from([None, "perp"]),
    asset_type=st.sampled_from(["token", "position"]),
    notional_pct_total=st.none() | AMOUNTS,
)
CACHED = st.builds(
    CachedAsset,
    symbol=st.sampled_from(["BTC", "ETH:PERP-USDT"]),
    amount=AMOUNTS,
    wallet_type=st.sampled_from([None, "unified"]),
    margin_mode=st.sampled_from([None, "CROSS", "ISOLATED"]),
    leverage=st.none() | AMOUNTS,
)
LIVE_BALANCES = st.builds(
    lambda rows, at: Balance(KEY, AccountBalances(exchange="Gate", assets=tuple(rows)), "live", at, 0.0),
    st.lists(LIVE, max_size=5),
    st.floats(0, 9),
)
CACHED_BALANCES = st.builds(
    lambda rows, equity, at: cached(*rows, equity=equity, timestamp_millis=at),
    st.lists(CACHED, max_size=5),
    st.none() | AMOUNTS,
    st.integers(0, 9),
)
BALANCES = LIVE_BALANCES | CACHED_BALANCES
ERRORS = st.builds(
    lambda kind, text: kind(text), st.sampled_from([DecodeError, TransportError]), st.sampled_from("xy")
)
STALE = BALANCES.map(Stale)
OUTCOMES = BALANCES.map(Ok) | STALE | st.builds(Failed, ERRORS, st.none() | STALE) | st.just(Missing())
READINGS = st.dictionaries(st.sampled_from(KEYS), OUTCOMES)


def cached(*rows: CachedAsset, **fields: Any) -> Balance:
    wire = CachedAccount(account_name="a", account_id="id-a", assets=rows)
    millis = fields.get("timestamp_millis")
    as_of_s = None if millis is None else millis / 1000
    return Balance(KEY, structs.replace(wire, **fields), "cached", as_of_s, 0.0)


def row(symbol: str = "BTC", amount: str = "1", **fields: Any) -> CachedAsset:
    return CachedAsset(symbol=symbol, amount=Decimal(amount), **fields)


def the_change(before: Outcome, after: Outcome) -> Change | None:
    return changes({KEY: before}, {KEY: after}).get(KEY)


def held(outcome: Outcome | None) -> Balance | None:
    return outcome.value if isinstance(outcome, Ok | Stale) else None


def known_before(outcome: Outcome | None) -> Balance | None:
    return held(outcome.last if isinstance(outcome, Failed) else outcome)


def holdings(balance: Balance) -> tuple[Any, ...]:
    wire = balance.wire
    rest = (
        type(wire)
        if isinstance(wire, AccountBalances)
        else structs.replace(wire, assets=(), timestamp_millis=None)
    )
    return Counter(wire.assets), rest


def kind(outcome: Outcome | None) -> tuple[Any, ...]:
    said = (type(outcome.error), str(outcome.error)) if isinstance(outcome, Failed) else ()
    return type(outcome), *said


def listed(change: Change) -> tuple[Any, ...]:
    return change.rows_added + change.rows_removed + change.rows_changed


def name(one: BalanceRow) -> tuple[str | None, ...]:
    return one.symbol, one.market, one.asset_type, one.margin_mode


@given(READINGS, READINGS)
def test_exactly_the_accounts_that_differ(
    before: dict[AccountKey, Outcome], after: dict[AccountKey, Outcome]
) -> None:
    """An account is listed when it came, went, ended otherwise, or holds something else."""
    expected = []
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)
        was, now = known_before(old), held(new)
        moved = was is not None and now is not None and holdings(was) != holdings(now)
        if kind(old) != kind(new) or moved:
            expected.append(key)
    found = changes(before, after)

    assert list(found) == expected
    for key, change in found.items():
        assert change.before is before.get(key)
        assert change.after is after.get(key)
        assert change.appeared == (key not in before)
        assert change.gone == (key not in after)
        both = key in before and key in after
        assert change.outcome_changed == (both and kind(before[key]) != kind(after[key]))


@given(READINGS, READINGS)
def test_the_changes_make_the_rows_before_into_the_rows_after(
    before: dict[AccountKey, Outcome], after: dict[AccountKey, Outcome]
) -> None:
    """Take what was removed, put what was added, replace what changed: nothing is left over."""
    for key, change in changes(before, after).items():
        was, now = known_before(before.get(key)), held(after.get(key))
        if was is None or now is None:
            assert listed(change) == ()
            continue
        rows = Counter(was.rows)
        rows.subtract(change.rows_removed)
        rows.subtract(pair.old for pair in change.rows_changed)
        assert min(rows.values(), default=0) >= 0  # nothing is removed that was not there
        rows.update(change.rows_added)
        rows.update(pair.new for pair in change.rows_changed)
        assert +rows == Counter(now.rows)


@given(READINGS, READINGS)
def test_a_row_is_added_removed_or_changed_and_never_two_of_them(
    before: dict[AccountKey, Outcome], after: dict[AccountKey, Outcome]
) -> None:
    """A changed row keeps its name and differs; what is added has no partner among what is removed."""
    for change in changes(before, after).values():
        assert all(name(pair.old) == name(pair.new) for pair in change.rows_changed)
        assert all(pair.old != pair.new for pair in change.rows_changed)
        assert not {name(one) for one in change.rows_added} & {name(one) for one in change.rows_removed}
        olds = {*change.rows_removed, *(pair.old for pair in change.rows_changed)}
        news = {*change.rows_added, *(pair.new for pair in change.rows_changed)}
        assert not olds & news  # equal rows are taken out first


@given(READINGS, st.integers(0, 9))
def test_the_same_at_another_time_is_no_change(reading: dict[AccountKey, Outcome], seconds: int) -> None:
    """Copies of everything, errors included, at another time and in another order: nothing differs."""

    def later(outcome: Outcome) -> Outcome:
        if isinstance(outcome, Failed):
            return Failed(type(outcome.error)(str(outcome.error)), outcome.last)
        if isinstance(outcome, Missing):
            return Missing()
        value = outcome.value
        wire: Any = structs.replace(
            value.wire, assets=tuple(map(structs.replace, reversed(value.wire.assets)))
        )
        if isinstance(wire, CachedAccount):
            wire = structs.replace(wire, timestamp_millis=seconds * 1000)
        return type(outcome)(Balance(value.key, wire, value.source, float(seconds), seconds / 2))

    assert changes(reading, {key: later(outcome) for key, outcome in reading.items()}) == {}
    assert changes(reading, reading) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"equity": Decimal(1)},
        {"equities": (Equity(total_equity=Decimal(1)),)},
        {"transfers": ({"amount": "1"},)},
        {"account_id": "id-b"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_figure_of_the_account_is_a_change_without_rows(fields: dict[str, Any]) -> None:
    """The equity, or which account it is, counts where every row stayed."""
    change = the_change(Ok(cached(row())), Ok(cached(row(), **fields)))

    assert change is not None
    assert not change.outcome_changed
    assert listed(change) == ()


def test_an_equity_written_otherwise_is_no_change() -> None:
    """1.0 and 1.00 are the same amount."""
    before, after = (Ok(cached(equity=Decimal(text))) for text in ("1.0", "1.00"))

    assert the_change(before, after) is None


def test_rows_of_one_name_are_paired_in_their_order_after_equal_ones() -> None:
    """Of a long and a short position of one symbol, the one that stayed is not taken for the other."""
    before = Ok(cached(row(amount="5"), row(amount="-3"), row(amount="7")))
    after = Ok(cached(row(amount="-3"), row(amount="6")))
    change = the_change(before, after)
    assert change is not None

    assert [(pair.old.amount, pair.new.amount) for pair in change.rows_changed] == [(5, 6)]
    assert [one.amount for one in change.rows_removed] == [7]
    assert change.rows_added == ()
    assert repr(change) == "<Change ok -> ok, rows: 1 removed, 1 changed>"


def test_another_margin_mode_is_another_row() -> None:
    """A cross and an isolated position of one symbol can stand side by side."""
    change = the_change(Ok(cached(row(margin_mode="CROSS"))), Ok(cached(row(margin_mode="ISOLATED"))))
    assert change is not None

    assert [one.margin_mode for one in change.rows_removed + change.rows_added] == ["CROSS", "ISOLATED"]


def test_a_failure_lists_no_rows_and_what_comes_after_it_does() -> None:
    """The balance after a failure is compared with the one before it."""
    was, now = cached(row(amount="1")), cached(row(amount="2"))
    failed = Failed(TransportError("no"), Stale(was))
    into, out = the_change(Ok(was), failed), the_change(failed, Ok(now))
    assert into is not None
    assert out is not None

    assert into.outcome_changed
    assert out.outcome_changed
    assert listed(into) == ()
    assert out.rows_changed == (RowChange(was.rows[0], now.rows[0]),)


@pytest.mark.parametrize(
    ("error", "changed"),
    [(DecodeError("x"), False), (DecodeError("y"), True), (TransportError("x"), True)],
    ids=["the same", "another text", "another type"],
)
def test_an_account_that_fails_otherwise_changed(error: TreadError, changed: bool) -> None:
    """Each round makes its errors anew: one of the same type and text is no news."""
    change = the_change(Failed(DecodeError("x")), Failed(error))

    assert (change is not None and change.outcome_changed) == changed


def test_a_balance_that_was_not_read_again_is_a_change_of_outcome_alone() -> None:
    """A balance that became too old lists no rows."""
    was = cached(row())
    change = the_change(Ok(was), Stale(was))
    assert change is not None

    assert change.outcome_changed
    assert listed(change) == ()


def test_a_balance_that_is_fresh_again_is_compared_with_the_stale_one() -> None:
    """Being stale changes what is known of its age, not what it is."""
    was, now = cached(row(amount="1")), cached(row(amount="2"))
    change = the_change(Stale(was), Ok(now))
    assert change is not None

    assert change.outcome_changed
    assert len(change.rows_changed) == 1


def test_steps_are_short_however_much_changed() -> None:
    """It yields after each account whose rows were compared, and now and then where none were."""
    keys = [AccountKey("desk", str(number)) for number in range(2000)]
    old, new = Ok(cached(row(amount="1"))), Ok(cached(row(amount="2")))
    still = dict.fromkeys(keys, old)

    assert len(list(changes_in_steps(still, dict(still)))) >= 2000 // 256
    assert len(list(changes_in_steps(still, dict.fromkeys(keys, new)))) >= 2000
    assert len(list(changes_in_steps(still, {}))) >= 2000 // 256
