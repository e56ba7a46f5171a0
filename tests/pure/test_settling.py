"""From one answer to the outcome of each account asked for, as a pure function."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tread_async._codec.scanning import Scanned
from tread_async._fleet.settling import aged, settled_cached, settled_live
from tread_async.balance import Balance
from tread_async.errors import AccountError, DecodeError, TreadError
from tread_async.keys import AccountKey
from tread_async.models import AccountBalances, CachedAccount
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale
from tread_async.secret import Secret

NOW_S = 1_800_000_000.0
KEYS = {name: AccountKey("desk", name) for name in ("a", "b", "c", "d")}
TWICE = "the answer has the account more than once"
UNREAD = "the server could not read the account: "


def live(exchange: str = "Gate") -> AccountBalances:
    return AccountBalances(exchange=exchange, assets=())


def cached(name: str, **fields: Any) -> CachedAccount:
    return CachedAccount(**{"account_name": name, "account_id": f"id-{name}", "assets": ()} | fields)


def answer(**fields: Any) -> Scanned[Any]:
    return Scanned(**{"accounts": {}, "faults": {}, "repeated": {}} | fields)


def said(outcome: Outcome) -> tuple[type[TreadError], str]:
    assert isinstance(outcome, Failed)
    return type(outcome.error), outcome.error.message


def ask(
    scanned: Scanned[CachedAccount], *names: str, ids: dict[str, AccountKey] | None = None, **options: Any
) -> tuple[dict[str, Outcome], tuple[Any, ...], list[str]]:
    """Where every account is listed with the id ``id-NAME``."""
    listed = {f"id-{name}": key for name, key in KEYS.items()} if ids is None else ids
    return settled_cached(
        scanned,
        names,
        KEYS,
        now_s=NOW_S,
        id_of=lambda name: next((id_ for id_, key in listed.items() if key.name == name), None),
        ids=listed,
        **options,
    )


def test_live() -> None:
    """One outcome for each that was asked for, whatever else the answer has."""
    scanned = answer(
        accounts={"a": live(), "b": live("one of two"), "x": live()},
        faults={"c": msgspec.ValidationError("Expected `object`, got `array`")},
        repeated={"b": []},
    )
    found = settled_live(scanned, ["a", "b", "c", "d"], KEYS, as_of_s=NOW_S - 5.0, now_s=NOW_S)

    assert list(found) == ["a", "b", "c", "d"]
    assert found["a"] == Ok(Balance(KEYS["a"], live(), "live", NOW_S - 5.0, 5.0))
    assert said(found["b"]) == (DecodeError, TWICE)
    assert said(found["c"]) == (
        DecodeError,
        "the account's part of the answer does not decode: Expected `object`, got `array`",
    )
    assert found["d"] == Missing()
    assert settled_live(answer(), ["a"], KEYS, as_of_s=1.0, now_s=2.0) == {"a": Missing()}


@pytest.mark.parametrize(("as_of_s", "age_s"), [(NOW_S - 5.0, 5.0), (NOW_S + 5.0, 0.0), (None, None)])
def test_the_age_of_a_live_answer(as_of_s: float | None, age_s: float | None) -> None:
    """None is younger than now, though this machine's clock was set back since the answer was asked for."""
    found = settled_live(answer(accounts={"a": live()}), ["a"], KEYS, as_of_s=as_of_s, now_s=NOW_S)

    assert found == {"a": Ok(Balance(KEYS["a"], live(), "live", as_of_s, age_s))}


@pytest.mark.parametrize(
    ("stamp_s", "as_of_s", "age_s"),
    [
        (NOW_S - 100.0, NOW_S - 100.0, 100.0),
        (NOW_S, NOW_S, 0.0),
        (0.0, 0.0, NOW_S),
        (NOW_S + 1.5, NOW_S + 1.5, 0.0),
        (NOW_S + 2.0, NOW_S + 2.0, None),
        (NOW_S + 500.0, NOW_S + 500.0, None),
        (-0.001, None, None),
        (10**11 - 0.001, 10**11 - 0.001, None),
        (10**11, None, None),
        (None, None, None),
    ],
)
def test_how_old_a_cached_one_is(stamp_s: float | None, as_of_s: float | None, age_s: float | None) -> None:
    """To the millisecond; two clocks may differ by two seconds, and what is absurd is no time."""
    millis = None if stamp_s is None else round(stamp_s * 1000)
    account = cached("a", timestamp_millis=millis)
    found, unmatched, strange = ask(answer(accounts={"a": account}), "a")

    assert found == {"a": Ok(Balance(KEYS["a"], account, "cached", as_of_s, age_s))}
    assert (unmatched, strange) == ((), [])
    if isinstance(outcome := found["a"], Ok):
        later = aged(outcome, NOW_S + 10.0)
        assert later == Ok(Balance(KEYS["a"], account, "cached", as_of_s, later.age_s))
        if age_s is not None and as_of_s is not None:
            assert later.age_s == NOW_S + 10.0 - as_of_s


def test_what_does_not_age() -> None:
    """Only a balance whose time is known; the age of one that comes early is judged as ever."""
    undated = Ok(Balance(KEYS["a"], live(), "live", None, None))
    dated = Balance(KEYS["a"], live(), "live", NOW_S, 1.0)
    for outcome in (undated, Missing(), Stale(dated), Failed(DecodeError("x"))):
        assert aged(outcome, NOW_S + 9.0) is outcome

    assert [aged(Ok(dated), NOW_S + s).age_s for s in (9.0, 0.5, 0.0, -1.9, -2.0)] == [
        9.0,
        0.5,
        0.0,
        0.0,
        None,
    ]  # type: ignore[union-attr]


def test_cached() -> None:
    """Each that was asked for, in that order."""
    scanned = answer(
        accounts={"a": cached("a"), "b": cached("b")},
        faults={"b": msgspec.ValidationError("Expected `int` - at `$.x`")},
    )
    found, unmatched, strange = ask(scanned, "c", "b", "a")

    assert list(found) == ["c", "b", "a"]
    assert found["c"] == Missing()
    assert said(found["b"]) == (
        DecodeError,
        "the account's part of the answer does not decode: Expected `int` - at `$.x`",
    )
    assert isinstance(found["a"], Ok)
    assert (unmatched, strange) == ((), [])


def test_an_id_that_is_not_the_listed_one() -> None:
    """The answer stands, and whoever keeps the list hears that it may have changed."""
    scanned = answer(accounts={"a": cached("a"), "b": cached("b", account_id="id-x"), "c": cached("c")})
    equal = {"id-a": KEYS["a"], "id-b": KEYS["b"], "id-c": AccountKey("desk", "c")}
    found, _, strange = ask(scanned, "a", "b", "c", ids=equal)

    assert strange == ["b"]
    assert all(isinstance(outcome, Ok) for outcome in found.values())
    assert ask(scanned, "a", ids={"id-a": AccountKey("other", "a")})[2] == ["a"]


def test_copies() -> None:
    """The one with the listed id, or any of them if all are the same; else the account has failed."""
    ours, theirs = cached("a", equity=Decimal(1)), cached("a", account_id="id-x", equity=Decimal(2))
    for copies, meant in (
        ([ours, theirs], ours),
        ([theirs, ours], ours),
        ([ours, ours], ours),
        ([theirs, theirs], theirs),
        ([ours, cached("a", equity=Decimal(3)), theirs], None),
        ([theirs, cached("a", account_id="id-y")], None),
    ):
        found, _, _ = ask(answer(accounts={"a": copies[0]}, repeated={"a": copies}), "a")
        if meant is None:
            assert said(found["a"]) == (DecodeError, f"{TWICE}, and the copies differ")
        else:
            assert isinstance(found["a"], Ok)
            assert found["a"].value.wire == meant


@pytest.mark.parametrize("field", ["account_name", "account_id", "account", "name", "id"])
@pytest.mark.parametrize("value", ["a", "id-a"])
@pytest.mark.parametrize("says", ["message", "error", "detail", "reason"])
def test_an_error_that_names_an_account(field: str, value: str, says: str) -> None:
    """By its name or its listed id, in any of the likely fields; rows beside it may be old."""
    scanned = answer(accounts={"a": cached("a"), "b": cached("b")}, errors=({field: value, says: "down"},))
    found, unmatched, _ = ask(scanned, "a", "b")

    assert said(found["a"]) == (AccountError, UNREAD + "down")
    assert isinstance(found["b"], Ok)
    assert unmatched == ()


def test_errors_that_name_none() -> None:
    """They are handed on as they came, in their order."""
    errors = ("a", None, ["a"], {"name": "x"}, {"name": 7, "id": ["a"]}, {}, {"other": "a"})
    found, unmatched, _ = ask(answer(accounts={"a": cached("a")}, errors=errors), "a")

    assert unmatched == errors
    assert isinstance(found["a"], Ok)


def test_what_an_error_says() -> None:
    """The first text there is, without secrets; a fault of the account's own part stays."""
    errors = (
        {"name": "a", "message": 7, "reason": "key canary-1 is old", "detail": None},
        {"name": "x", "id": "id-b"},
        {"name": "c", "message": "late"},
        {"name": "d", "error": "first"},
        {"name": "d", "error": "second"},
    )
    scanned = answer(errors=errors, faults={"c": msgspec.ValidationError("odd")})
    found, unmatched, _ = ask(scanned, "a", "b", "c", "d", secrets=(Secret("canary-1"),))

    assert said(found["a"])[1] == UNREAD + "key *** is old"
    assert said(found["b"])[1] == UNREAD + "it did not say why"
    assert said(found["c"])[1] == "the account's part of the answer does not decode: odd"
    assert said(found["d"])[1] == UNREAD + "second"
    assert unmatched == (errors[2],)


def test_an_id_that_looks_like_a_name() -> None:
    """It means the account that it is the id of, where nobody of that name was asked for."""
    ids = {"b": KEYS["a"]}
    found, _, _ = ask(answer(errors=({"id": "b"},)), "a", "c", ids=ids)

    assert said(found["a"])[1] == UNREAD + "it did not say why"
    assert found["c"] == Missing()
