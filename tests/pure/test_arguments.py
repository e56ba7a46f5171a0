"""What a caller may give for names, ids, leverage and fields, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tread_async._codec import arguments as check
from tread_async.errors import TreadError, UsageError
from tread_async.secret import Secret

NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60).filter(
    lambda name: not name.isspace()
)
CONTROLS = ("\x00", "\t", "\n", "\r", "\x1b[31m", "\x7f", "\x9b", "\u2028", "\u2029", "\ud800", "\udfff")


def refused(check_it: Callable[..., object], *args: Any) -> str:
    """The one sentence with which *check_it* refuses."""
    with pytest.raises(UsageError) as caught:
        check_it(*args)
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, TreadError)
    assert error.__cause__ is None
    assert str(error)
    assert "\n" not in str(error)
    return str(error)


@given(NAMES)
@example("username/account_name")
@example("a,b")
@example(" kept ")
@example("a" * 1024)
@example("é" * 512)
@pytest.mark.trap(2)
@pytest.mark.trap(30)
def test_a_name_is_kept_letter_by_letter(name: str) -> None:
    """Unicode, commas, slashes and blanks around a name are the server's spelling, and stay."""
    assert check.account_name(name) == name
    assert check.account_names([name]) == [name]


@pytest.mark.parametrize("one", [check.account_name, check.account_id, check.pair])
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_control_character_in_a_name_is_refused(one: Callable[[object], str], control: str) -> None:
    """No name, id or pair carries a line break, a terminal sequence or half a surrogate pair."""
    assert "unsaid" not in refused(one, f"unsaid-{control}-x")


@pytest.mark.trap(6)
@pytest.mark.parametrize("one", [check.account_name, check.account_id, check.pair])
@pytest.mark.parametrize("value", ["", " ", "\u3000", None, 7, b"name", Secret("name"), ["name"]], ids=repr)
def test_an_empty_name_and_one_that_is_no_text_are_refused(
    one: Callable[[object], str], value: object
) -> None:
    """An empty or blank text, or a value of another type, is never sent as a name."""
    refused(one, value)


@pytest.mark.parametrize("name", ["n" * 1025, "n" * 10_240, "é" * 513, "\U0001f600" * 257])
def test_a_name_is_measured_in_bytes(name: str) -> None:
    """A name of more than 1024 bytes is refused without being repeated."""
    assert name[:10] not in refused(check.account_name, name)
    assert name[:10] not in refused(check.account_id, name * 4)
    assert check.account_id("n" * 1024) == "n" * 1024


@pytest.mark.trap(3)
def test_none_means_all_and_an_empty_list_does_not() -> None:
    """Leaving the filter out asks for everything; an empty list of names or ids is refused."""
    assert check.account_names(None) is None
    for empty in ([], (), set(), iter([])):
        refused(check.account_names, empty)
        refused(check.account_ids, empty)
    refused(check.account_ids, None)


@given(st.lists(NAMES, min_size=1, max_size=12), st.randoms(use_true_random=False))
@pytest.mark.trap(3)
@pytest.mark.trap(30)
def test_names_are_unique_and_in_the_order_given(names: list[str], random: Any) -> None:
    """Each name is asked for once, at the place where it was first given; any iterable will do."""
    given_names = names + random.sample(names, len(names))

    for kept in (check.account_names(iter(given_names)), check.account_ids(tuple(given_names))):
        assert kept is not None
        assert set(kept) == set(given_names)
        assert [given_names.index(name) for name in kept] == sorted({given_names.index(n) for n in names})


@pytest.mark.trap(2)
@pytest.mark.trap(14)
@pytest.mark.parametrize("value", ["abc", b"abc", 7, ["a", None], ["a", 7], [""], [["a"]]], ids=repr)
def test_a_text_is_not_a_list_of_names(value: object) -> None:
    """One text is not taken for the list of its letters, and every entry is checked."""
    refused(check.account_names, value)
    refused(check.account_ids, value)


def test_a_list_has_at_most_ten_thousand_entries() -> None:
    """10,000 accounts can be named in a call; one more cannot."""
    many = [f"account-{n}" for n in range(10_001)]

    assert check.account_names(many[:-1]) == many[:-1]
    refused(check.account_names, many)
    refused(check.account_ids, many)


DECIMALS = st.decimals(
    min_value=Decimal("1E-12"), max_value=Decimal(10**12 - 1), allow_nan=False, allow_infinity=False
)


@given(st.integers(1, 10**12 - 1) | DECIMALS | DECIMALS.map(lambda d: format(d, "f")))
@example(5)
@example("2.5")
@example(Decimal("1E+2"))
@example(Decimal("1E-7"))
@pytest.mark.trap(15)
def test_leverage_goes_out_as_a_plain_decimal_of_the_same_value(value: int | str | Decimal) -> None:
    """What is accepted is sent in digits and one point, without exponent, and means the same number."""
    try:
        text = check.leverage(value)
    except UsageError:
        digits = format(Decimal(value), "f").partition(".")
        assert len(digits[0]) > 12 or len(digits[2]) > 12
        return

    assert set(text) <= set("0123456789.")
    assert Decimal(text) == Decimal(value) > 0


@pytest.mark.fault("F43")
@given(st.text("0123456789.eE+-_ NaInfity", max_size=10))
@example("1e3")
@example("-1")
@example("0")
@example("0.000")
@example("NaN")
@example("sNaN")
@example("Infinity")
@example("1_000")
@example(" 5")
@example("5\n")
@example("5.")
@example(".5")
@example("+5")
@example("0x5")
@example("\u0665")
@example("5" * 13)
@pytest.mark.trap(15)
def test_no_other_text_is_a_leverage(text: str) -> None:
    """A text is sent as it is or not at all: never zero, negative, with an exponent, sign or blank."""
    whole, point, fraction = text.partition(".")
    plain = whole.isascii() and whole.isdigit() and (fraction.isdigit() if point else not fraction)

    if plain and len(whole) <= 12 and len(fraction) <= 12 and Decimal(text) > 0:
        assert check.leverage(text) == text
    else:
        refused(check.leverage, text)


@pytest.mark.trap(15)
@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, 10**12, 10**5000, True, False, None, 5.0, float("nan"), float("inf"), b"5", [5], ""),
        *map(Decimal, ("0", "-0", "-5", "NaN", "sNaN", "Infinity", "1E+13", "1E-13", "0E+1000000")),
        *map(Decimal, ("1E+999999", "1E-999999", "1.0000000000001")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_number_that_is_no_leverage_is_refused(value: object) -> None:
    """Zero, negative, not finite, a float, a bool or out of range: refused, however large."""
    assert len(refused(check.leverage, value)) < 120


@pytest.mark.trap(14)
@pytest.mark.parametrize(
    "pair", ["ETH:PERP-USDT", "BTC-USDT", "28-USDC", "XYZ100:PERP-USDC", "1000PEPE-USDT"]
)
def test_pairs_of_odd_bases_pass(pair: str) -> None:
    """Only the outline of a pair is checked: futures, options and odd bases pass unchanged."""
    assert check.pair(pair) == pair


@pytest.mark.trap(14)
@pytest.mark.parametrize(
    "pair", ["ETHUSDT", "ETH USDT", "a-b junk", "ETH- USDT", "garbage $$ a-b", " ETH-USDT"]
)
def test_what_is_no_pair_is_refused(pair: str) -> None:
    """A pair without a hyphen or with a blank is refused: the server might take it for none."""
    refused(check.pair, pair)


@pytest.mark.parametrize("what", ["api_key", "api_secret", "password"])
@pytest.mark.parametrize("control", ["\x00", "\n", "\x1b"], ids=ascii)
def test_a_refused_secret_is_not_repeated(what: str, control: str) -> None:
    """A secret with a control character is refused by the name of its argument, not by its text."""
    for given_secret in (f"canary{control}", Secret(f"canary{control}")):
        text = refused(check.secret, given_secret, what)

        assert what in text
        assert "canary" not in text


@pytest.mark.parametrize("value", ["", " ", None, 7, b"canary", Secret("")], ids=repr)
def test_an_empty_secret_is_refused(value: Any) -> None:
    """No secret, or one of another type, is refused before it is sent as one."""
    assert "canary" not in refused(check.secret, value, "api_key")


@given(NAMES.filter(lambda text: not check.is_mask(text)))
def test_an_accepted_secret_is_wrapped_and_unchanged(text: str) -> None:
    """A text becomes a `Secret` of that text; a `Secret` stays the object it is."""
    wrapped = check.secret(text, "password")

    assert wrapped.reveal() == text
    assert check.secret(wrapped, "password") is wrapped


@pytest.mark.trap(4)
@pytest.mark.parametrize("value", [True, False, None, 1.0, b"x", ["x"], Decimal(1)], ids=repr)
def test_a_parameter_is_a_text_or_an_integer(value: Any) -> None:
    """A bool is no query parameter: the server wants ``true`` as a text."""
    assert check.params({"a": "true", "b": 7}) == {"a": "true", "b": "7"}
    assert check.params(None) == {}
    refused(check.params, {"include_archived": value})


@pytest.mark.parametrize("name", ["", " ", "a\n", 7, None], ids=repr)
def test_a_parameter_and_an_extra_field_have_names(name: Any) -> None:
    """The name of a parameter or of an undocumented field is a text that can be sent."""
    refused(check.params, {name: "x"})
    refused(check.extra_fields, {name: "x"}, ())


def test_an_integer_too_long_for_python_is_a_usage_error() -> None:
    """A parameter that Python will not write out is refused like any other, not by a bare ValueError."""
    refused(check.params, {"a": 10**5000})


@pytest.mark.trap(10)
def test_extra_fields_cannot_stand_for_documented_ones() -> None:
    """Undocumented fields pass as they are; one that has an argument of its own is refused."""
    extra = {"credential_options": {"unified": True}, "vault_address": "0x1"}

    assert check.extra_fields(extra, ("name", "exchange")) == extra
    assert check.extra_fields(None, ("name",)) == {}
    assert "unsaid" not in refused(check.extra_fields, {"name": "unsaid"}, ("name", "exchange"))
