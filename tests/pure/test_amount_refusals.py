"""Texts and values that are no amount, and what the refusal shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pure.support import cached_row, live_row, ok, refusal
from tread_async._codec.endpoints import BALANCES, CACHED_BALANCES, Endpoint
from tread_async._codec.replies import Reply, parse
from tread_async.errors import DecodeError

MEGABYTE = 1024 * 1024
FAMILIES: list[Any] = [
    pytest.param(BALANCES, live_row, "size", "$[...].assets[0].size", id="live"),
    pytest.param(CACHED_BALANCES, cached_row, "amount", "$.balances[0].assets[0].amount", id="cached"),
]
NOT_FINITE = [
    sign + word
    for word in ("NaN", "nan", "NAN", "sNaN", "snan", "NaN123", "sNaN7", "Infinity", "infinity", "Inf", "inf")
    for sign in ("", "+", "-")
]
LOOSE = [
    "", " ", " 1", "1 ", "\t1", "1\n", "1_000", "1__0", "_1", "1,000", "1.2.3", "0x10", "1e", "e1", ".", "-",
    "+", "--1", "1 000", "one", "1d", "1f", "1e1.5", "\x001",
    "\u0661\u0662", "\uff11", "1\u0660", "\u22121", "1\u00a0",
]  # fmt: skip


def body_of(rows: Any, field: str, token: str) -> bytes:
    return json.dumps(rows(**{field: "@"})).replace('"@"', token).encode()


@pytest.mark.trap(20)
@pytest.mark.parametrize(("endpoint", "rows", "field", "path"), FAMILIES)
@pytest.mark.parametrize("text", NOT_FINITE + LOOSE, ids=ascii)
@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "raw"])
def test_a_text_that_is_no_decimal_is_refused(
    endpoint: Endpoint[Any], rows: Any, field: str, path: str, text: str, ascii_only: bool
) -> None:
    """Not finite, loosely spelled or of another script: refused with the path of the field."""
    token = json.dumps(text, ensure_ascii=ascii_only)

    assert f"`{path}`" in str(refusal(endpoint, ok(body_of(rows, field, token))))


@pytest.mark.trap(20)
@pytest.mark.parametrize(("endpoint", "rows", "field", "path"), FAMILIES)
@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "nan", "1_000", "+1", ".5", "01", "0x1"])
def test_a_bare_word_is_not_json(
    endpoint: Endpoint[Any], rows: Any, field: str, path: str, token: str
) -> None:
    """A number that JSON does not know makes the whole reply malformed, as a cut would."""
    assert refusal(endpoint, ok(body_of(rows, field, token))).malformed is True


@pytest.mark.parametrize(("endpoint", "rows", "field", "path"), FAMILIES)
@pytest.mark.parametrize(
    "token",
    ["true", "false", "null", "[]", "[0,[1],2]", '[0,[1],"F"]', '["1"]', "{}", '{"value":1}', "[[]]"],
)
def test_a_value_of_another_kind_is_refused(
    endpoint: Endpoint[Any], rows: Any, field: str, path: str, token: str
) -> None:
    """A bool is no 0 or 1, and the list that Python's Decimal takes for a number is none."""
    failure = refusal(endpoint, ok(body_of(rows, field, token)))

    assert f"`{path}`" in str(failure)
    assert failure.malformed is False


HUGE = {
    "a text": '"' + "7" * MEGABYTE + '"',
    "an integer": "7" * MEGABYTE,
    "an integer of 5000 digits": "7" * 5000,
    "a fraction": "0." + "7" * MEGABYTE,
    "a fraction as text": '"0.' + "7" * MEGABYTE + '"',
    "a large exponent": "7e999999999",
    "a large exponent as text": '"7e999999999"',
    "a large zero": "0e999999999",
    "a large zero as text": '"0e999999999"',
    "a small exponent": "7e-999999999",
    "a small exponent as text": '"7e-999999999"',
    "an exponent of 5000 digits": "7e" + "7" * 5000,
    "an exponent of 5000 digits as text": '"7e' + "7" * 5000 + '"',
    "a payload": '"NaN' + "7" * 5000 + '"',
}


@pytest.mark.trap(20)
@pytest.mark.parametrize(("endpoint", "rows", "field", "path"), FAMILIES)
@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_number_is_refused_with_its_path(
    endpoint: Endpoint[Any], rows: Any, field: str, path: str, kind: str
) -> None:
    """A megabyte of digits, or an exponent that would take gigabytes, is refused in a short sentence."""
    text = str(refusal(endpoint, ok(body_of(rows, field, HUGE[kind]))))

    assert f"`{path}`" in text
    assert "77" not in text
    assert "9999" not in text
    assert len(text) < 200


@pytest.mark.parametrize(("endpoint", "rows", "field", "path"), FAMILIES)
@pytest.mark.parametrize("token", ['"unsaid-31337"', '"31337e31337"', "31337e31337", '["unsaid-31337"]'])
def test_a_refusal_holds_nothing_of_the_value(
    endpoint: Endpoint[Any], rows: Any, field: str, path: str, token: str
) -> None:
    """Neither the text nor the chain of a refusal has the value: no cause, no context."""
    failure = refusal(endpoint, ok(body_of(rows, field, token)))

    assert "31337" not in f"{failure!s} {failure!r} {failure.args}"
    assert failure.__cause__ is None
    assert failure.__context__ is None


def test_the_path_counts_rows() -> None:
    """The path of a refusal leads to the account and the row, without naming the account."""
    good, bad = {"symbol": "B", "amount": "1"}, {"symbol": "E", "amount": "1", "leverage": "x10"}
    entry = {"account_name": "secretive", "account_id": "1", "assets": [good]}
    cached = {"balances": [entry, entry | {"assets": [good, good, bad]}]}
    rows = [{"symbol": "B", "size": 1}, {"symbol": "E", "size": "x10"}]
    live = {"secretive": {"exchange": "x", "assets": rows}}

    in_cached, in_live = (
        str(refusal(endpoint, ok(body))) for endpoint, body in ((CACHED_BALANCES, cached), (BALANCES, live))
    )
    assert "`$.balances[1].assets[2].leverage`" in in_cached
    assert "`$[...].assets[1].size`" in in_live
    assert "secretive" not in in_cached + in_live


@pytest.mark.parametrize("field", ["equity", "total_equity"])
def test_amounts_outside_the_rows_are_checked_too(field: str) -> None:
    """The equity of an account and of a market obey the same rules as the rows."""

    def reply(value: str) -> dict[str, Any]:
        rows = cached_row()
        rows["balances"][0] |= {"equity": value} if field == "equity" else {"equities": [{field: value}]}
        return rows

    parse(CACHED_BALANCES, ok(reply("1.50")))

    assert f"{field}`" in str(refusal(CACHED_BALANCES, ok(reply("1_50"))))


NAMES = ["\u8d26\u6237", "acc-\u0663", "\u00e9", "\U0001d7d9", "\\u8d26", "\\u0663", "\\ud83d\\ude00"]
FOREIGN = ["\u0665", "\U0001d7dd", "\\u0665", "\\ud835\\udfdd"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("digit", ["5", *FOREIGN], ids=ascii)
def test_digits_of_other_scripts_are_refused_in_amounts_alone(name: str, digit: str) -> None:
    """Whatever letters and digits an account's name has, only ASCII digits make an amount."""
    row = f'{{"symbol": "USDT", "amount": "{digit}"}}'
    body = f'{{"balances": [{{"account_name": "{name}", "account_id": "1", "assets": [{row}]}}]}}'.encode()

    if digit == "5":
        assert parse(CACHED_BALANCES, Reply(status=200, body=body)).balances[0].assets[0].amount == 5
    else:
        with pytest.raises(DecodeError, match=r"\$\.balances\[0\]\.assets\[0\]\.amount"):
            parse(CACHED_BALANCES, Reply(status=200, body=body))
