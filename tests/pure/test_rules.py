"""Alarms: raised once, ended once, never out of what is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async import (
    AccountBalances,
    AccountKey,
    Asset,
    Balance,
    CachedAccount,
    CachedAsset,
    DecodeError,
    Event,
    Failed,
    Missing,
    Ok,
    Outcome,
    Rule,
    Seen,
    Snapshot,
    Stale,
    TransportError,
    UsageError,
    rules,
)
from tread_async._judging import Judge

KEYS = [AccountKey("desk", name) for name in "ab"]
KEY = KEYS[0]
FAILED = Failed(DecodeError("x"))
FIGURES = st.sampled_from([Decimal(number) for number in ("-1", "0", "1", "1.5", "2", "3", "9.99", "10")])
MAYBE = st.none() | FIGURES


def cached(*rows: CachedAsset, age_s: float | None = 0.0, equity: Any = None) -> Balance:
    equity = None if equity is None else Decimal(equity)
    wire = CachedAccount(account_name="a", account_id="id", assets=rows, equity=equity)
    return Balance(KEY, wire, "cached", None, age_s)


def live(*rows: Asset) -> Balance:
    return Balance(KEY, AccountBalances(exchange="Gate", assets=rows), "live", 1.0, 0.0)


def position(**fields: Any) -> CachedAsset:
    fields = {name: Decimal(value) if name in AMOUNTS else value for name, value in fields.items()}
    return CachedAsset(**{"symbol": "E", "amount": Decimal(-1), "asset_type": "position"} | fields)


def token(**fields: Any) -> CachedAsset:
    return position(asset_type="token", **fields)


AMOUNTS = {"amount", "leverage", "maint_margin", "margin_balance"}


def snapshot(outcome: Outcome | None = None, **fields: Any) -> Snapshot:
    return Snapshot(outcomes={} if outcome is None else {KEY: outcome}, **fields)


def events(rule: Rule, *outcomes: Outcome | None, every_s: float = 1.0) -> list[tuple[bool, Any]]:
    """What *rule* gives alarm of, round by round; ``None`` is a round without the account."""
    judge = Judge([rule])
    found = [event for n, one in enumerate(outcomes) for event in judge.judge(snapshot(one), n * every_s)]
    return [(event.raised, event.value) for event in found]


def measured(rule: Rule, balance: Balance) -> Any:
    return rule.measure(Seen(account=KEY, outcome=Ok(balance), age_s=0.0))


def by_equity(**fields: Any) -> Rule:
    return Rule(name="r", measure=lambda seen: seen.balance.equity if seen.balance else None, **fields)


def told_apart(values: list[Any], limit: Any, clear: Any) -> list[tuple[bool, Any]]:
    """The rule of an alarm in its simplest form."""
    raised, found = False, []
    for value in values:
        if value is not None and (value <= clear if raised else value > limit):
            raised = not raised
            found.append((raised, value))
    return found


@given(st.lists(MAYBE), FIGURES, FIGURES)
def test_an_alarm_is_raised_above_the_limit_and_ends_at_clear(
    values: list[Decimal | None], one: Decimal, other: Decimal
) -> None:
    """Between the two, and where nothing is known, nothing happens."""
    clear, limit = sorted((one, other))
    outcomes = [Ok(cached(equity=value)) for value in values]
    found = events(by_equity(limit=limit, clear=clear), *outcomes)

    assert found == told_apart(values, limit, clear)
    assert all(value > limit if raised else value <= clear for raised, value in found)


@given(
    st.lists(st.tuples(st.integers(0, 4), MAYBE), max_size=30),
    st.integers(1, 8),
    st.sampled_from(["0", "0.5"]),
)
def test_a_fall_is_from_the_highest_within_the_window(
    readings: list[tuple[int, Decimal | None]], within_s: int, limit: str
) -> None:
    """As if every reading were kept."""
    judge = Judge([by_equity(limit=Decimal(limit), fall_within_s=within_s)])
    now_s, kept, falls, found = 0, [], [], []
    for gap_s, equity in readings:
        now_s += gap_s
        found += judge.judge(snapshot(Ok(cached(equity=equity))), now_s)
        if equity is not None:
            kept.append((now_s, equity))
            highest = max(figure for at_s, figure in kept if at_s >= now_s - within_s)
            falls.append((highest - equity) / highest if highest > 0 else None)

    assert [(event.raised, event.value) for event in found] == told_apart(
        falls, Decimal(limit), Decimal(limit)
    )


BALANCES = st.builds(
    lambda equity, age_s, leverage: cached(position(leverage=leverage or "0"), equity=equity, age_s=age_s),
    MAYBE,
    st.none() | st.integers(0, 9).map(float),
    MAYBE,
)
OUTCOMES = (
    BALANCES.map(Ok)
    | BALANCES.map(Stale)
    | st.just(Missing())
    | st.builds(Failed, st.just(TransportError("x")), st.none() | BALANCES.map(Stale))
)
READY_MADE = [
    rules.equity_drop("0.2", 3),
    rules.leverage_above(2),
    rules.margin_ratio_above("0.5"),
    rules.stale_for(2),
    rules.missing(),
]


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), OUTCOMES), max_size=20))
def test_each_alarm_is_raised_and_ended_by_turns(rounds: list[dict[AccountKey, Outcome]]) -> None:
    """Whatever happens to its account; and each event says what its rule says."""
    judge = Judge(READY_MADE)
    raised: dict[tuple[str, AccountKey], bool] = {}
    by_name = {rule.name: rule for rule in READY_MADE}
    for now_s, outcomes in enumerate(rounds):
        for event in judge.judge(Snapshot(outcomes=outcomes), now_s):
            rule, which = by_name[event.rule], (event.rule, event.account)
            assert event.raised is not raised.get(which, False)
            raised[which] = event.raised
            assert (event.at_s, event.limit) == (now_s, rule.limit)
            assert (event.value is None) == (event.account not in outcomes)
            if event.value is not None:
                assert event.value > rule.limit if event.raised else event.value <= rule.clears_at


@given(st.lists(OUTCOMES | st.none(), max_size=20))
def test_what_is_not_known_ends_no_alarm(outcomes: list[Outcome | None]) -> None:
    """A failure raises and ends no alarm but that of age, and a missing account only that it is missing."""
    judge = Judge(READY_MADE)
    for now_s, outcome in enumerate(outcomes):
        names = {event.rule for event in judge.judge(snapshot(outcome), now_s)}
        if isinstance(outcome, Failed):
            assert names <= {"no balance for 2 s"}
        elif isinstance(outcome, Missing):
            assert names <= {"missing"}
        elif isinstance(outcome, Stale):
            assert names <= {"no balance for 2 s", "missing"}


@pytest.mark.parametrize("fraction", [5, "1", Decimal("1.5")])
def test_a_fall_in_per_cent_is_no_fraction(fraction: Any) -> None:
    """An alarm of a fall by 500 % would never come: who means 5 % is told how to write it."""
    with pytest.raises(UsageError, match=r"'0\.05' for 5 %"):
        rules.equity_drop(fraction, 60)


def test_equity_drop() -> None:
    """From 100 to 90 is a tenth, no more; when the 100 is out of the window, 89 is no fall from 90."""
    rule = rules.equity_drop("0.1", 2)
    equities = ["100", "90", "89.9", None, "89.9"]

    assert events(rule, *(Ok(cached(equity=equity)) for equity in equities)) == [
        (True, Decimal("0.101")),
        (False, Decimal(0)),
    ]
    assert rule.clear == Decimal("0.09")
    assert measured(rule, live()) is None


def test_leverage_above() -> None:
    """The highest of the open positions; a token and a closed position have none."""
    rule = rules.leverage_above(20, clear=10)
    rows = [position(leverage="20"), position(leverage="7"), token(leverage="50")]

    assert measured(rule, cached(*rows, position(amount=0, leverage="50"))) == 20
    assert measured(rule, cached()) == 0
    assert measured(rule, live(Asset(symbol="E", size=Decimal(1), asset_type="position"))) is None
    assert events(rule, *(Ok(cached(position(leverage=n))) for n in ("20", "20.5", "11", "10"))) == [
        (True, Decimal("20.5")),
        (False, 10),
    ]
    assert rules.leverage_above(20).clears_at == 20


def test_a_leverage_that_is_not_stated_could_be_any() -> None:
    """It hides no higher one, and lets nothing recover."""
    rule = rules.leverage_above("20")
    high, low, silent = position(leverage="25"), position(leverage="5"), position(leverage="0")

    assert events(rule, *(Ok(cached(*rows)) for rows in ((low, silent), (high, silent), (low, silent)))) == [
        (True, 25)
    ]


def asset(kind: str, market: str, maint_margin: str, margin_balance: str | None) -> Asset:
    figures = {"maint_margin": Decimal(maint_margin)}
    if margin_balance is not None:
        figures["margin_balance"] = Decimal(margin_balance)
    return Asset(symbol="E", size=Decimal(1), asset_type=kind, market_type=market, **figures)


# From the samples of the API's documentation.
UNIFIED = live(
    asset("position", "perp", "16.90546734", "298.90609459"),
    asset("token", "unified", "17.08121552", "298.90609459"),
)
APART = live(
    asset("token", "perp", "3.32015061", "1425.08678423"),
    asset("position", "perp", "2.29182693", None),
)


@pytest.mark.parametrize(
    ("balance", "ratio"),
    [
        (UNIFIED, "0.05714575858156977701790794389"),
        (APART, "0.002329788365691663502151260842"),
        (cached(), "0"),
        (cached(token()), "0"),
        (cached(position(amount=0)), "0"),
        (cached(position()), None),
        (cached(position(wallet_type="spot"), token(maint_margin="1", margin_balance="4")), None),
        (cached(position(maint_margin="1", margin_balance="0")), None),
        (cached(position(maint_margin="9", margin_balance="10"), position()), "0.9"),
        (cached(position(maint_margin="7", margin_balance="10"), position()), None),
        (cached(*[position(maint_margin="1", margin_balance="10")] * 3), "0.3"),
        (cached(*[position(maint_margin="1", margin_balance="10", margin_mode="ISOLATED")] * 3), "0.1"),
        (cached(position(maint_margin="1", margin_balance="10", margin_mode="ISOLATED"), position()), None),
        (cached(token(maint_margin="1", margin_balance="-1")), "Infinity"),
        (cached(token(maint_margin="0", margin_balance="-1")), "0"),
    ],
)
@pytest.mark.trap(24)
def test_margin_ratio_above(balance: Balance, ratio: str | None) -> None:
    """Of the rows that share a margin balance together, and of others each alone; the highest of them."""
    rule = rules.margin_ratio_above("0.8")

    assert measured(rule, balance) == (None if ratio is None else Decimal(ratio))
    assert (rule.limit, rule.clear) == (Decimal("0.8"), Decimal("0.72"))
    assert rule.measure(Seen(account=KEY, outcome=Stale(balance), age_s=0.0)) is None


def test_stale_for() -> None:
    """The newest balance grows older while an account fails, and one never read since it was asked for."""
    rule, fresh = rules.stale_for(1.5), Ok(cached(age_s=0.5))

    assert events(rule, fresh, FAILED, FAILED, Missing(), fresh) == [(True, 2.5), (False, 0.5)]
    assert events(rule, FAILED, FAILED, FAILED) == [(True, 2.0)]
    assert events(rule, Failed(DecodeError("x"), Stale(cached(age_s=1.0))), FAILED) == [(True, 2.0)]
    assert events(rule, Stale(cached(age_s=9.0)), Ok(cached(age_s=None)), FAILED) == [(True, 9.0)]
    assert events(rule, Failed(DecodeError("x"), Stale(cached(age_s=None))), FAILED, FAILED) == []
    assert events(rule, Missing(), Missing(), Missing()) == []


def test_missing() -> None:
    """An account that fails may be there or not."""
    assert events(rules.missing(), FAILED, Missing(), FAILED, Missing(), Stale(cached())) == [
        (True, True),
        (False, False),
    ]


def test_an_account_that_is_not_asked_for_any_more_is_forgotten() -> None:
    """Its alarm ends with an event that has no value, and is raised again if it comes back so."""
    high, low = Ok(cached(equity=2)), Ok(cached(equity=0))

    assert events(by_equity(limit=1), high, None, None, high) == [(True, 2), (False, None), (True, 2)]
    assert events(by_equity(limit=1), low, None) == []
    assert events(by_equity(limit=0.5, fall_within_s=60), high, None, low) == []


def test_an_account_whose_token_could_not_be_listed_is_not_gone() -> None:
    """Its alarm stays as it was."""
    judge = Judge([by_equity(limit=1)])
    unlisted = {"desk": TransportError("x")}

    assert len(judge.judge(snapshot(Ok(cached(equity=2))), 0.0)) == 1
    assert judge.judge(snapshot(unlisted=unlisted), 1.0) == ()
    assert judge.judge(snapshot(Ok(cached(equity=3))), 2.0) == ()


@pytest.mark.parametrize("nan", [float("nan"), Decimal("nan")], ids=["float", "decimal"])
def test_a_number_that_is_none_is_not_known(nan: Any) -> None:
    """Not a number is neither above nor below, and no highest."""
    figures = [2, nan, 0, nan]

    def rule(**fields: Any) -> Rule:
        each = iter(figures)
        return Rule(name="r", measure=lambda _: next(each), **fields)

    assert events(rule(), *[Missing()] * 4) == [(True, 2), (False, 0)]
    assert events(rule(fall_within_s=9), *[Missing()] * 4) == [(True, 1)]


@pytest.mark.parametrize("measure", [lambda _: 1 / 0, lambda _: "high"], ids=["raises", "gives a text"])
def test_an_error_in_a_rule_says_where(measure: Any) -> None:
    """It stays the error it is, with a note of the rule and the account."""
    with pytest.raises((ZeroDivisionError, TypeError)) as caught:
        events(Rule(name="mine", measure=measure), Missing())

    assert caught.value.__notes__ == ["in the rule 'mine', of the account 'desk/a'"]


def test_events_say_what_happened() -> None:
    """One sentence each."""
    said = [Rule(name="two", measure=lambda seen: 2.0), rules.missing()]
    judge = Judge(said)
    found = [*judge.judge(snapshot(Missing()), 1.0), *judge.judge(snapshot(Ok(cached())), 2.0)]
    found += judge.judge(snapshot(), 3.0)

    assert [str(event) for event in found] == [
        "desk/a: two, at 2",
        "desk/a: missing",
        "desk/a: no longer missing",
        "desk/a: not asked for any more, which ends 'two'",
    ]
    assert found[0] == Event(rule="two", account=KEY, raised=True, value=2.0, limit=0, at_s=1.0)
    recovered = Event(rule="r", account=KEY, raised=False, value=Decimal("0.10"), limit=0, at_s=1.0)
    assert str(recovered) == "desk/a: no longer r, at 0.1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rules.leverage_above(2.5), "limit is an int, a Decimal or a text such as '0.5', and finite"),
        (lambda: rules.leverage_above(True), "limit is an int, a Decimal or a text"),
        (lambda: rules.leverage_above("many"), "limit is an int, a Decimal or a text"),
        (lambda: rules.leverage_above("inf"), "limit is an int, a Decimal or a text"),
        (lambda: rules.leverage_above(0), "limit is above zero"),
        (lambda: rules.leverage_above(5, clear=6), "clear is a decimal from 0 to the limit, 5"),
        (lambda: rules.margin_ratio_above("0.8", clear=-1), "clear is a decimal from 0 to the limit, 0.8"),
        (lambda: rules.equity_drop("-0.1", 60), "fraction is above zero"),
        (lambda: rules.equity_drop("0.1", 0), "within_s is a number of seconds above 0"),
        (lambda: rules.stale_for(float("inf")), "seconds is a number of seconds above 0"),
        (lambda: rules.stale_for(True), "seconds is a number of seconds above 0"),
        (lambda: Rule(name="", measure=abs), "the name of a rule is empty"),
        (lambda: Rule(name="r", measure=1), "the measure of 'r' is a function"),
        (lambda: Rule(name="r", measure=abs, limit="1"), "the limit of 'r' is a number"),
        (lambda: Rule(name="r", measure=abs, limit=Decimal("snan")), "the limit of 'r' is a number"),
        (lambda: Rule(name="r", measure=abs, clear=float("nan")), "the clear of 'r' is a number"),
        (lambda: Rule(name="r", measure=abs, clear=1), "'r' would end above its limit"),
        (lambda: Rule(name="r", measure=abs, fall_within_s=-1), "fall_within_s is a number of seconds"),
        (lambda: Judge([rules.missing(), rules.missing()]), "two rules have the name 'missing'"),
        (lambda: Judge(rules.missing()), "rules is a list of rules, not Rule"),
        (lambda: Judge(5), "rules is a list of rules, not int"),
        (lambda: Judge([rules.missing]), "rules is a list of rules; one of them is function"),
    ],
)
def test_what_cannot_work_is_refused(make: Any, message: str) -> None:
    """One sentence that says which argument it is."""
    with pytest.raises(UsageError) as caught:
        make()

    assert str(caught.value).startswith(message)


def test_of_a_window_only_what_can_be_the_highest_is_kept() -> None:
    """A figure that was reached again or passed is let go, and one that is too old."""
    judge = Judge([by_equity(limit=1, fall_within_s=10)])
    rising, still, falling = range(50), [50] * 50, range(50, 0, -1)
    kept = []
    for now_s, equity in enumerate([*rising, *still, *falling]):
        judge.judge(snapshot(Ok(cached(equity=equity))), now_s)
        kept.append(len(judge._accounts[KEY]._highest["r"]._figures))

    assert set(kept[:100]) == {1}
    assert max(kept) == 11


def test_steps_are_short() -> None:
    """It yields every few accounts."""
    outcomes = {AccountKey("desk", str(number)): Missing() for number in range(1000)}

    assert len(list(Judge([rules.missing()]).judge_in_steps(Snapshot(outcomes=outcomes), 0.0))) > 50
