"""What a snapshot says of many outcomes: counts, totals that are exact or do not exist, no secrets."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import API_KEY, API_SECRET
from tests.support.wire import TOKEN
from tread_async import (
    AccountBalances,
    AccountError,
    AccountKey,
    Asset,
    Balance,
    CachedAccount,
    CachedAsset,
    Failed,
    IncompleteSnapshotError,
    Missing,
    Ok,
    Outcome,
    ServerError,
    Snapshot,
    Stale,
)

KEY = AccountKey("desk", "x")
LIVE = AccountBalances(exchange="Gate", assets=(Asset(symbol="USDT", size=Decimal(3)),))
NOT_OK: dict[str, Outcome] = {
    "stale": Stale(Balance(KEY, LIVE, "live", 0.0, 99.0)),
    "failed": Failed(ServerError(500, "no")),
    "missing": Missing(),
}


@st.composite
def amounts(draw: st.DrawFn) -> Decimal:
    """Any amount that an answer may have: up to 60 digits, from 1E-40 to 1E+41."""
    digits = draw(st.integers(-(10**60) + 1, 10**60 - 1))
    size = len(str(abs(digits)))
    exponent = draw(st.integers(-39 - size, 41 - size))
    return Decimal(digits).scaleb(exponent, decimal.Context(prec=100, Emax=999, Emin=-999))


def cached(name: str, equity: Decimal | None) -> Balance:
    wire = CachedAccount(account_name=name, account_id=f"id of {name}", equity=equity, assets=())
    return Balance(AccountKey("desk", name), wire, "cached", 0.0, 1.0)


def of(*outcomes: Outcome, **fields: Any) -> Snapshot:
    keyed = {AccountKey("desk", str(place)): outcome for place, outcome in enumerate(outcomes)}
    return Snapshot(outcomes=keyed, **fields)


@settings(deadline=None)
@given(st.lists(amounts(), max_size=30))
def test_a_total_is_exact(figures: list[Decimal]) -> None:
    """To the last digit of the largest and of the smallest amount, however many there are."""
    snapshot = of(*[Ok(cached(str(place), amount)) for place, amount in enumerate(figures)])
    total = snapshot.total_equity()

    assert Fraction(total) == sum(map(Fraction, figures), Fraction(0))
    assert total == snapshot.total(lambda balance: balance.equity)


@settings(deadline=None)
@given(st.lists(amounts(), min_size=1, max_size=5), st.integers(1, 30))
def test_a_total_is_not_the_business_of_the_callers_context(figures: list[Decimal], digits: int) -> None:
    """Whatever precision, rounding and traps a caller has set for sums of its own."""
    snapshot = of(*[Ok(cached(str(place), amount)) for place, amount in enumerate(figures)])
    expected = snapshot.total_equity()
    traps = [decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.FloatOperation]
    own = decimal.Context(prec=digits, rounding=decimal.ROUND_UP, Emax=9, Emin=-9, traps=traps)
    with decimal.localcontext(own) as context:
        total = snapshot.total_equity()

        assert not any(context.flags.values())
    assert total.as_tuple() == expected.as_tuple()


def test_a_total_that_would_be_rounded_is_an_error() -> None:
    """A figure of the caller's with more digits than fit is not cut."""
    wide = {"0": Decimal("1E+150"), "1": Decimal("1E-150")}
    snapshot = of(Ok(cached("0", None)), Ok(cached("1", None)))
    with pytest.raises(decimal.Inexact):
        snapshot.total(lambda balance: wide[balance.key.name])


def test_the_total_of_nothing() -> None:
    """Of no accounts, and nothing unknown, it is zero; with a credential unlisted it is not known."""
    assert of().total_equity() == 0
    assert of().complete
    with pytest.raises(IncompleteSnapshotError, match="1 credentials could not be listed"):
        of(unlisted={"desk": ServerError(500, "no")}).total_equity()


@pytest.mark.parametrize("kind", NOT_OK)
def test_no_total_over_what_is_not_known(kind: str) -> None:
    """One account that is not ok is enough; the error says how many of which there are."""
    snapshot = of(Ok(cached("0", Decimal("1.5"))), NOT_OK[kind], NOT_OK[kind])
    with pytest.raises(IncompleteSnapshotError) as caught:
        snapshot.total_equity()

    assert f"no total equity: of 3 accounts 2 {kind}" in str(caught.value)
    assert snapshot.total_equity(allow_partial=True) == Decimal("1.5")
    assert not snapshot.complete


def test_no_total_over_a_figure_that_is_not_stated() -> None:
    """Neither where an account is ok and does not state its equity, as no live answer does."""
    silent = of(Ok(cached("0", Decimal(2))), Ok(cached("1", None)))
    live = of(Ok(Balance(KEY, LIVE, "live", 0.0, 0.0)))
    with pytest.raises(IncompleteSnapshotError, match="1 do not state their equity") as of_silent:
        silent.total_equity()
    with pytest.raises(IncompleteSnapshotError, match="read source='cached'"):
        live.total_equity()

    assert "source" not in str(of_silent.value)
    assert silent.complete
    assert silent.total_equity(allow_partial=True) == 2
    assert live.total(lambda balance: balance.rows[0].amount, what="size") == 3


def test_a_partial_total_takes_nothing_from_what_is_stale() -> None:
    """What is too old is left out of a partial total, like what is missing."""
    snapshot = of(Stale(cached("0", Decimal(7))), Ok(cached("1", Decimal(5))))

    assert snapshot.total_equity(allow_partial=True) == 5


def test_an_account_of_two_credentials_is_summed_once() -> None:
    """Two tokens that reach one account both have its outcome, and its equity counts once, by its id."""
    shared, other = cached("0", Decimal(5)), cached("1", Decimal(3))
    again = Balance(AccountKey("other desk", "0"), shared.wire, "cached", 0.0, 1.0)
    snapshot = Snapshot(outcomes={balance.key: Ok(balance) for balance in (shared, other, again)})

    assert snapshot.total_equity() == 8
    assert snapshot.counts["ok"] == 3


def test_counts() -> None:
    """Every kind of outcome is counted, those that there are none of too, and ``ok`` has the balances."""
    one, two = cached("0", Decimal(1)), cached("1", None)
    snapshot = of(Ok(one), NOT_OK["failed"], Ok(two), NOT_OK["missing"], NOT_OK["stale"], NOT_OK["failed"])

    assert snapshot.counts == {"ok": 2, "stale": 1, "failed": 2, "missing": 1}
    assert list(snapshot.ok.values()) == [one, two]
    assert list(snapshot.counts) == ["ok", "stale", "failed", "missing"]
    assert of().counts == {"ok": 0, "stale": 0, "failed": 0, "missing": 0}


def test_complete() -> None:
    """Complete is every account ok, every credential listed, no error left over, and of all nothing new."""
    good = Ok(cached("0", None))
    news = {"unexpected": (KEY,), "duplicates": (KEY,)}

    assert of(good, **news).complete
    assert not of(good, **news, of_all=True).complete
    assert not of(good, errors={"desk": ("odd",)}).complete
    assert not of(good, unlisted={"desk": ServerError(500, "no")}).complete
    assert not any(of(good, outcome).complete for outcome in NOT_OK.values())


def test_reprs_have_no_amounts_and_no_secrets() -> None:
    """A snapshot, its outcomes and balances show names, kinds and ages, and nothing that came with them."""
    wire = CachedAccount(
        account_name="0",
        account_id=TOKEN,
        username=API_KEY,
        equity=Decimal("123456.75"),
        assets=(CachedAsset(symbol="USDT", amount=Decimal("654321.25")),),
        transfers=({"note": API_SECRET},),
    )
    outcome = Ok(Balance(AccountKey("desk", "0"), wire, "cached", 1.0, 3.5))
    snapshot = of(outcome, NOT_OK["missing"], errors={"desk": ({"note": TOKEN},)}, unlisted={})
    shown = f"{snapshot!r} {snapshot} {outcome!r} {outcome.value!r}"

    assert repr(snapshot) == "<Snapshot 1 ok, 1 missing>"
    assert repr(outcome) == "Ok(value=<Balance of desk/0, cached, 1 rows, 3.5 s old>)"
    assert not any(hidden in shown for hidden in (TOKEN, API_KEY, API_SECRET, "123456.75", "654321.25"))
    assert repr(of()) == "<Snapshot of no account>"
    assert "1 credentials unlisted" in repr(of(unlisted={"desk": AccountError("no")}))
