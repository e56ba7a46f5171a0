"""An amount decodes to exactly the decimal that its text spells, or not at all."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.pure.support import cached_row, live_row, ok
from tread_async._amounts import Amount, AmountDecoder, RepeatedAmount
from tread_async._codec.endpoints import BALANCES, CACHED_BALANCES
from tread_async._codec.replies import parse
from tread_async.errors import DecodeError

LIVE_FIELDS = (
    "size",
    "notional",
    "unrealized_profit",
    "initial_margin",
    "maint_margin",
    "margin_balance",
    "leverage",
    "notional_pct_total",
)
CACHED_FIELDS = (
    "amount",
    "margin_balance",
    "unrealized_profit",
    "notional",
    "funding_fee",
    "borrowed",
    "initial_margin",
    "maint_margin",
    "leverage",
)
FIELDS = st.one_of(
    st.tuples(st.just("live"), st.sampled_from(LIVE_FIELDS)),
    st.tuples(st.just("cached"), st.sampled_from(CACHED_FIELDS)),
)


def document(family: str, field: str, token: str, *, spaced: bool = False, note: str = "") -> bytes:
    """A reply with *token* as the JSON of *field*, and *note* in a field that nobody reads."""
    rows: Any = (live_row if family == "live" else cached_row)(**{field: "@", "note": note})
    separators = (" ,\n  ", " : ") if spaced else (",", ":")
    text = json.dumps(rows, separators=separators, ensure_ascii=False)
    return text.replace('"@"', token).encode()


def decoded(family: str, field: str, body: bytes) -> object:
    if family == "live":
        return getattr(parse(BALANCES, ok(body))["A"].assets[0], field)
    return getattr(parse(CACHED_BALANCES, ok(body)).balances[0].assets[0], field)


def outcome(family: str, field: str, body: bytes) -> str:
    """What decoding gives, down to sign and exponent; ``refused`` for a `DecodeError`."""
    try:
        return repr(decoded(family, field, body))
    except DecodeError:
        return "refused"


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    """JSON numbers within the bounds: at most 60 digits, between 1E-40 and 1E+41."""
    digits = draw(st.integers(0, 10 ** draw(st.integers(1, 60)) - 1).map(str))
    sign = draw(st.sampled_from(["", "-"]))
    if draw(st.booleans()):  # d.ddde[+-]nn
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        exponent = draw(st.integers(-40, 40))
        mark = draw(st.sampled_from(["e", "E"]))
        plus = draw(st.sampled_from(["", "+"])) if exponent >= 0 else ""
        return f"{sign}{digits[0]}{point}{mark}{plus}{exponent}"
    whole = draw(st.integers(0, min(len(digits), 41)))
    fraction = digits[whole:]
    if int(digits) and not int(digits[:whole] or "0"):
        fraction = digits[whole:].lstrip("0").rjust(draw(st.integers(1, 40)), "0")[-60:]
    front = digits[:whole].lstrip("0") or "0"
    return f"{sign}{front}.{fraction}" if fraction else f"{sign}{front}"


@given(number_texts(), FIELDS, st.booleans(), st.sampled_from(["", "é", "\\"]), st.booleans())
@example("9" * 41 + "." + "9" * 19, ("live", "size"), False, "", False)
@example("9" * 41 + "." + "9" * 19, ("cached", "amount"), True, "é", True)
@example("1E-40", ("cached", "amount"), True, "", False)
@example("1.7E-7", ("cached", "amount"), True, "", False)
@example("-0.1400000000000000000000", ("cached", "amount"), True, "", False)
@example("0.1234567890123456", ("live", "size"), False, "", False)
@example("0", ("live", "size"), False, "", False)
@example("1", ("cached", "funding_fee"), False, "", False)
@pytest.mark.trap(15)
@pytest.mark.trap(20)
@pytest.mark.trap(21)
def test_every_decimal_within_bounds_is_exact(
    text: str, where: tuple[str, str], quoted: bool, note: str, spaced: bool
) -> None:
    """Number or string, compact or spaced, in both families: the same sign, digits and exponent."""
    expected = Decimal(text)
    found = decoded(*where, document(*where, f'"{text}"' if quoted else text, spaced=spaced, note=note))

    assert isinstance(found, Decimal)
    if not quoted and text == "-0":  # a JSON integer, which has no negative zero
        expected = Decimal(0)
    assert found.as_tuple() == expected.as_tuple()


@given(st.integers(-(10**60) + 1, 10**60 - 1), FIELDS)
@example(2**63, ("live", "size"))
@example(2**64, ("cached", "amount"))
@example(10**41 - 1, ("live", "size"))
@example(10**41, ("live", "size"))
@example(-(10**41), ("cached", "funding_fee"))
def test_an_integer_is_exact_up_to_the_bound(number: int, where: tuple[str, str]) -> None:
    """Integers pass every machine width unharmed, and those of 42 digits and more are refused."""
    expected = repr(Decimal(number)) if abs(number) < 10**41 else "refused"

    assert outcome(*where, document(*where, str(number))) == expected


OUT_OF_BOUNDS = st.one_of(
    st.integers(61, 300).flatmap(lambda n: st.integers(10 ** (n - 1), 10**n - 1)).map(lambda n: f"0.{n}"),
    st.integers(61, 300).flatmap(lambda n: st.integers(10 ** (n - 1), 10**n - 1)).map(str),
    st.tuples(st.integers(1, 9), st.integers(41, 10**9)).map(lambda t: f"{t[0]}e{t[1]}"),
    st.tuples(st.integers(1, 9), st.integers(41, 10**9)).map(lambda t: f"{t[0]}e-{t[1]}"),
    st.integers(100, 10**9).map(lambda n: f"0e{n}"),
    st.integers(100, 10**9).map(lambda n: f"0e-{n}"),
)


@given(OUT_OF_BOUNDS, FIELDS, st.booleans(), st.sampled_from(["", "é"]))
@example("1e41", ("live", "size"), False, "")
@example("1e-41", ("cached", "amount"), True, "")
@pytest.mark.trap(20)
def test_every_decimal_out_of_bounds_is_refused(
    text: str, where: tuple[str, str], quoted: bool, note: str
) -> None:
    """More than 60 digits, or a magnitude outside 1E-40 to 1E+41, never becomes a number."""
    token = f'"{text}"' if quoted else text

    assert outcome(*where, document(*where, token, note=note)) == "refused"


JSON_TEXTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-130, 130),
        st.integers(),
        st.text("0123456789+-.eE_ naNsiftyINFTY", max_size=12),
        st.text(max_size=4),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
).map(json.dumps)
ANYTHING = st.one_of(
    number_texts(),
    number_texts().map(lambda text: f'"{text}"'),
    OUT_OF_BOUNDS,
    OUT_OF_BOUNDS.map(lambda text: f'"{text}"'),
    JSON_TEXTS,
)


@given(ANYTHING, FIELDS, st.booleans())
@example("true", ("live", "size"), False)
@example("[0,[1],2]", ("cached", "amount"), False)
@example('"sNaN"', ("cached", "amount"), False)
@example('"NaN"', ("live", "size"), False)
@example('"1_000"', ("cached", "leverage"), False)
@example("1", ("cached", "amount"), False)
@example("1.0", ("live", "size"), False)
@example("null", ("cached", "leverage"), False)
def test_the_quick_and_the_careful_decoder_agree(token: str, where: tuple[str, str], spaced: bool) -> None:
    """What an account's name is written in changes no amount: both ways give one value or both refuse."""
    quick = outcome(*where, document(*where, token, spaced=spaced))
    by_character = outcome(*where, document(*where, token, spaced=spaced, note="é"))
    by_escape = outcome(*where, document(*where, token, spaced=spaced, note="\n"))

    assert quick == by_character == by_escape


@given(ANYTHING, FIELDS)
def test_an_amount_is_a_finite_decimal_or_none(token: str, where: tuple[str, str]) -> None:
    """Whatever stands in the field, nothing but a finite Decimal, or None for null, comes out."""
    body = document(*where, token)
    try:
        found = decoded(*where, body)
    except DecodeError:
        return

    assert token == "null" if found is None else isinstance(found, Decimal) and found.is_finite()


BOTH = pytest.mark.parametrize("amounts_are_text", [True, False])
SPELLINGS: list[Any] = [
    pytest.param(True, '{"%s": "1.50", "b": "7", "c": "-2E-7"}', id="texts"),
    pytest.param(False, '{"%s": 1.50, "b": 7, "c": -2E-7}', id="numbers"),
]
SPELT = "{'%s': Decimal('1.50'), 'b': Decimal('7'), 'c': Decimal('-2E-7')}"


@pytest.mark.parametrize(("amounts_are_text", "body"), SPELLINGS)
def test_the_usual_spelling_is_decoded_once(amounts_are_text: bool, body: str) -> None:
    """A second look would double the cost of every reply: the usual spelling does without."""
    decoder = AmountDecoder(dict[str, Amount], amounts_are_text=amounts_are_text)
    del decoder._careful

    assert repr(decoder.decode((body % "a").encode())) == SPELT % "a"


@BOTH
@pytest.mark.parametrize("body", [body for _, body in (entry.values for entry in SPELLINGS)])
def test_a_decoder_takes_texts_and_numbers(amounts_are_text: bool, body: str) -> None:
    """Whichever is usual, the other is right as well, beside digits of another script too."""
    decoder = AmountDecoder(dict[str, Amount], amounts_are_text=amounts_are_text)

    for name in ("a", "\u0663"):
        assert repr(decoder.decode((body % name).encode())) == SPELT % name


@BOTH
@pytest.mark.parametrize("token", ["true", "false", '"NaN"', "[]", '"1_0"', '"\u0663"', "1e41"])
def test_a_decoder_says_where_there_is_no_amount(amounts_are_text: bool, token: str) -> None:
    """The reason and the path are in the error; the value is not."""
    decoder = AmountDecoder(list[Amount], amounts_are_text=amounts_are_text)

    with pytest.raises(msgspec.DecodeError) as caught:
        decoder.decode(f'["7", {token}]'.encode())

    assert str(caught.value) == "not a finite decimal of at most 60 digits - at `$[1]`"


def test_rows_that_repeat_a_figure_of_their_account_share_it() -> None:
    """A Decimal each would be a sixth of the memory of an account."""
    texts = ["37746.12829075", "2.50", "2.5", "37746.12829075"]
    rows = cached_row()
    rows["balances"][0]["assets"] = [
        {"symbol": "BTC", "amount": "1", "margin_balance": text} for text in texts
    ]
    found = [asset.margin_balance for asset in parse(CACHED_BALANCES, ok(rows)).balances[0].assets]

    assert repr(found) == repr([Decimal(text) for text in texts])
    assert found[0] is found[3]


@pytest.mark.parametrize("token", ["true", '"NaN"', '"1_0"', "[]"])
def test_a_figure_that_was_seen_before_vouches_for_no_other(token: str) -> None:
    """1 equals true: that the one is an amount does not make the other one."""
    decoder = AmountDecoder(list[RepeatedAmount], amounts_are_text=True)

    for _ in range(2):
        assert decoder.decode(b'["1", 1, "10"]') == [Decimal(1), Decimal(1), Decimal(10)]
        with pytest.raises(msgspec.DecodeError):
            decoder.decode(f"[{token}]".encode())
