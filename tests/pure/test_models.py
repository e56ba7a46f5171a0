"""What the structs promise whatever the server sends."""

from __future__ import annotations

import typing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from tests.pure.support import account, cached_row, live_row, ok, refusal
from tread_async import models
from tread_async._codec.endpoints import ACCOUNTS, BALANCES, CACHED_BALANCES, Endpoint
from tread_async._codec.replies import parse
from tread_async.models import Account, AssetType, CachedAccount, MarginMode, MarketType

STRUCTS = [
    kind for kind in (getattr(models, name) for name in models.__all__) if issubclass(kind, msgspec.Struct)
]
HIDDEN = ("api_key", "api_secret", "password", "vault_address", "egress_ip")


def parts(annotation: Any) -> list[Any]:
    """*annotation* and everything inside it."""
    return [annotation, *(part for inner in typing.get_args(annotation) for part in parts(inner))]


def optional(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if not field.required]


def first_account(fields: dict[str, Any]) -> CachedAccount:
    rows = cached_row()
    rows["balances"][0] |= fields
    return parse(CACHED_BALANCES, ok(rows)).balances[0]


@pytest.mark.trap(21)
@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_no_field_is_a_float(kind: type[msgspec.Struct]) -> None:
    """No annotation of any model has a float in it, however deep."""
    hints = typing.get_type_hints(kind)

    assert set(hints) >= set(kind.__struct_fields__)
    assert not [name for name, hint in hints.items() if float in parts(hint)]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_models_are_frozen(kind: type[msgspec.Struct]) -> None:
    """A model cannot be changed, so that two readers of it see the same."""
    made = kind(**{field.name: "x" for field in msgspec.structs.fields(kind) if field.required})

    for name in kind.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(made, name, "y")


OPTIONAL: list[Any] = [
    *((BALANCES, live_row, name, models.Asset) for name in optional(models.Asset)),
    *((CACHED_BALANCES, cached_row, name, models.CachedAsset) for name in optional(models.CachedAsset)),
    *((ACCOUNTS, account, name, models.Account) for name in optional(models.Account)),
]


@pytest.mark.trap(22)
@pytest.mark.trap(32)
@pytest.mark.parametrize(
    ("endpoint", "rows", "name", "kind"), OPTIONAL, ids=[f"{case[3].__name__}.{case[2]}" for case in OPTIONAL]
)
def test_null_and_absent_are_alike(
    endpoint: Endpoint[Any], rows: Any, name: str, kind: type[msgspec.Struct]
) -> None:
    """A field that is null and one that is missing decode alike, to None and never to zero."""
    absent, null = parse(endpoint, ok(rows())), parse(endpoint, ok(rows(**{name: None})))
    inner: Any = absent
    while not isinstance(inner, kind):
        inner = {
            dict: lambda found: found["A"],
            tuple: lambda found: found[0],
            models.AccountBalances: lambda found: found.assets,
            models.CachedBalances: lambda found: found.balances,
            CachedAccount: lambda found: found.assets,
        }[type(inner)](inner)

    assert absent == null
    assert getattr(inner, name) is None


@pytest.mark.trap(19)
@pytest.mark.trap(22)
@pytest.mark.parametrize("name", optional(CachedAccount))
def test_null_and_absent_are_alike_for_a_cached_account(name: str) -> None:
    """The account level of the cached call obeys the same rule."""
    assert getattr(first_account({}), name) is None
    assert first_account({name: None}) == first_account({})


@pytest.mark.trap(18)
def test_cached_errors_absent_null_and_empty_are_alike() -> None:
    """``errors`` left out, null and empty all mean that nothing failed."""
    answers = [
        parse(CACHED_BALANCES, ok({"balances": []} | extra)).errors for extra in ({}, {"errors": None})
    ]

    assert answers == [(), ()]
    assert parse(CACHED_BALANCES, ok({"balances": [], "errors": []})).errors == ()


@pytest.mark.trap(17)
@pytest.mark.trap(18)
def test_cached_errors_reach_the_caller_whatever_their_shape() -> None:
    """Partial failure is no exception: the rows are there, and each error is as the server sent it."""
    errors = [{"account_name": "B", "error": "timeout", "code": 7}, "plain", None, ["list"], True, 3]
    answer = parse(CACHED_BALANCES, ok(cached_row() | {"errors": errors}))

    assert list(answer.errors) == errors
    assert len(answer.balances) == 1


@pytest.mark.trap(18)
def test_numbers_in_raw_parts_stay_numbers() -> None:
    """A fraction inside ``errors`` or ``transfers`` is as sent, a number: not turned into text."""
    rows = cached_row() | {"errors": [{"after_s": 1.5}]}
    rows["balances"][0]["transfers"] = [{"amount": 2.5}]
    answer = parse(CACHED_BALANCES, ok(rows))

    assert answer.errors[0]["after_s"] == 1.5
    assert answer.balances[0].transfers is not None
    assert answer.balances[0].transfers[0]["amount"] == 2.5


@pytest.mark.fault("F28")
@pytest.mark.trap(13)
@pytest.mark.trap(27)
@given(value=st.text())
@example(value="SPOT_ISOLATED")
@example(value="perpdex-xyz")
def test_values_unknown_today_are_kept(value: str) -> None:
    """Fields with a list of known values take any text and keep it letter by letter."""
    live = parse(BALANCES, ok(live_row(market_type=value, asset_type=value)))["A"].assets[0]
    wild = cached_row(wallet_type=value, asset_type=value, margin_mode=value)
    cached = parse(CACHED_BALANCES, ok(wild)).balances[0].assets[0]
    (listed,) = parse(ACCOUNTS, ok(account(margin_mode=value, wallet_type=value)))

    assert (live.market_type, live.asset_type) == (value, value)
    assert (cached.wallet_type, cached.asset_type, cached.margin_mode) == (value,) * 3
    assert (listed.margin_mode, listed.wallet_type) == (value, value)


@pytest.mark.trap(13)
@pytest.mark.trap(27)
def test_known_values_compare_equal_to_the_wire() -> None:
    """The documented words are members, and a member equals the text that the server sends."""
    wire = ("spot", "perp", "unified", "future", "option")

    assert tuple(MarketType) == wire
    assert tuple(AssetType) == ("token", "position")
    assert set(MarginMode) == {"ISOLATED", "CROSS", "CASH", "SPOT_ISOLATED"}


@pytest.mark.trap(27)
def test_the_two_families_share_no_row() -> None:
    """A live row is not taken for a cached one, nor the other way: each lacks what the other needs."""
    live_as_cached = cached_row()
    live_as_cached["balances"][0]["assets"] = live_row()["A"]["assets"]
    cached_as_live = live_row()
    cached_as_live["A"]["assets"] = cached_row()["balances"][0]["assets"]

    assert "`amount`" in str(refusal(CACHED_BALANCES, ok(live_as_cached)))
    assert "`size`" in str(refusal(BALANCES, ok(cached_as_live)))
    assert not issubclass(models.CachedAsset, models.Asset)


@pytest.mark.trap(34)
@pytest.mark.parametrize("user", [2, "13", "", None])
def test_users_are_integers_or_texts_as_sent(user: int | str | None) -> None:
    """The type of a user id differs between calls; none is turned into the other."""
    (listed,) = parse(ACCOUNTS, ok(account(user=user)))
    cached = first_account({"user_id": user})

    assert (listed.user, type(listed.user)) == (user, type(user))
    assert (cached.user_id, type(cached.user_id)) == (user, type(user))


@pytest.mark.fault("F28")
@pytest.mark.trap(33)
@given(st.dictionaries(st.text(max_size=6).map("x-{}".format), st.from_type(str) | st.none() | st.integers()))
def test_unknown_fields_are_ignored_everywhere(extra: dict[str, Any]) -> None:
    """A field added tomorrow, at any level, changes nothing today."""
    cached = cached_row(**extra)
    cached["balances"][0] |= extra
    live = live_row(**extra)
    live["A"] |= extra

    assert parse(BALANCES, ok(live)) == parse(BALANCES, ok(live_row()))
    assert parse(CACHED_BALANCES, ok(cached | extra)) == parse(CACHED_BALANCES, ok(cached_row()))
    assert parse(ACCOUNTS, ok(account(**extra))) == parse(ACCOUNTS, ok(account()))


@pytest.mark.trap(31)
@pytest.mark.parametrize("show", [repr, str, format, pretty_repr], ids=["repr", "str", "format", "rich"])
@pytest.mark.parametrize(
    "wrap", [lambda a: a, lambda a: (a,), lambda a: {"a": [a]}], ids=["bare", "tuple", "dict"]
)
def test_an_account_does_not_show_its_secrets(show: Any, wrap: Any) -> None:
    """No way to print an account, alone or in a container, shows a key, a vault or an address."""
    made = Account(id="id-1", name="desk", exchange="Gate", **{name: f"canary-{name}" for name in HIDDEN})

    text = show(wrap(made))
    assert "canary" not in text
    assert "desk" in text


@pytest.mark.trap(31)
def test_a_secret_of_an_account_is_still_there_to_read() -> None:
    """Hidden is not lost: the fields have what the server sent."""
    sent = {name: f"canary-{name}" for name in HIDDEN}
    (listed,) = parse(ACCOUNTS, ok(account(**sent)))

    assert {name: getattr(listed, name) for name in HIDDEN} == sent


@pytest.mark.trap(29)
@pytest.mark.trap(35)
@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
def test_as_of_is_the_time_of_the_milliseconds(moment: datetime) -> None:
    """The age of an account is exact to the millisecond, aware and in UTC, before 1970 too."""
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    millis = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    as_of = first_account({"timestamp_millis": millis}).as_of
    assert as_of == aware
    assert as_of is not None
    assert as_of.tzinfo is UTC


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**63 - 1)
@example(-62_135_596_800_001)
def test_as_of_never_raises(millis: int) -> None:
    """A timestamp beyond the calendar decodes, and its time is None."""
    held = first_account({"timestamp_millis": millis})

    assert held.timestamp_millis == millis
    assert (held.as_of is None) == (not -62_135_596_800_000 <= millis < 253_402_300_800_000)


@pytest.mark.trap(35)
@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.integers(-23 * 60, 23 * 60),
    st.booleans(),
)
def test_created_is_the_same_moment_in_utc(moment: datetime, minutes: int, zulu: bool) -> None:
    """A time with any zone, or with Z, is the moment it says, in UTC."""
    local = moment.replace(tzinfo=UTC)
    text = local.isoformat().replace("+00:00", "Z")
    if not zulu:
        sign, offset = "-" if minutes < 0 else "+", abs(minutes)
        text = f"{moment.isoformat()}{sign}{offset // 60:02}:{offset % 60:02}"
        local -= timedelta(minutes=minutes)
    (listed,) = parse(ACCOUNTS, ok(account(created_at=text)))

    assert listed.created == local
    assert listed.created_at == text


@pytest.mark.trap(35)
@pytest.mark.parametrize(
    "text",
    [None, "", "yesterday", "2025-10-08", "2025-10-08T21:27:09", "1769078743904", "2025-13-01T00:00:00Z"],
)
def test_created_is_none_where_it_is_no_time(text: str | None) -> None:
    """Without a zone, or not a time at all: the text is kept, and its time is None."""
    (listed,) = parse(ACCOUNTS, ok(account(created_at=text)))

    assert listed.created_at == text
    assert listed.created is None


@pytest.mark.trap(35)
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_created_is_none_at_the_ends_of_the_calendar(text: str) -> None:
    """A time whose UTC form lies outside the calendar is None too; reading it does not raise."""
    (listed,) = parse(ACCOUNTS, ok(account(created_at=text)))

    assert listed.created is None


@given(st.text() | st.text("0123456789-:TZ+.W ", max_size=30))
def test_created_never_raises(text: str) -> None:
    """Any text as ``created_at`` decodes, and reading its time gives an aware time or None."""
    (listed,) = parse(ACCOUNTS, ok(account(created_at=text)))

    assert listed.created is None or listed.created.tzinfo is UTC
