"""What the body of a success turns into, and what is no success after all."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.pure.support import (
    LISTED,
    READS,
    REPLIES,
    WRITES,
    account,
    cached_row,
    live_row,
    ok,
    recorded,
    refusal,
)
from tread_async._codec.endpoints import ACCOUNTS, BALANCES, CACHED_BALANCES, Endpoint, Repeat, unlisted
from tread_async._codec.replies import Reply, parse, problem_of
from tread_async.errors import DecodeError
from tread_async.models import MarginMode

ROW = '{"exchange":"Gate","assets":[]}'
ROWS = json.dumps({"exchange": "Gate", "assets": []})


def twice(first: str, second: str, row: str = ROW, between: str = ",") -> bytes:
    """A live reply with two members whose names are written as *first* and *second*."""
    return f'{{"other":{row}{between}"{first}":{row}{between}"{second}":{row}}}'.encode()


@pytest.mark.trap(30)
@pytest.mark.parametrize(
    "body",
    [
        twice("A", "A"),
        twice("A", "A", row=ROWS, between=" ,\n "),
        twice("\\u0041", "A"),
        twice("A", "\\u0041", row=ROWS),
        twice("é", "é"),
        twice("é", "\\u00e9"),
        twice("exchange", "exchange"),
        twice("A", "A", row='{ "exchange" : "Gate" , "assets" : [ ] }'),
        twice("A", "A", row='{"exch\\u0061nge":"Gate","assets":[]}'),
        twice("A", "A", row='{"exchange":"Gate","exchange":"OKX","assets":[]}'),
        twice('\\"exchange\\"', '\\"exchange\\"'),
        twice("", ""),
    ],
    ids=lambda body: body.decode()[:60],
)
def test_an_account_named_twice_is_refused(body: bytes) -> None:
    """Two accounts of one name in one live reply would become one: refused, however they are written."""
    failure = refusal(BALANCES, ok(body))

    assert "twice" in str(failure)
    assert failure.malformed is False
    assert failure.__context__ is None


NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["exchange", '"exchange"', '\\"exchange\\"', '"exchange":', "assets", "\\", '"', "{", "}", "A", "a"]
)


@given(
    st.lists(NAMES, max_size=6),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
    st.sampled_from(["Gate", "exchange", '"exchange"']),
)
@example(["exchange"], True, (",", ":"), "Gate")
@example(["A", "A"], False, (" ,\n", " : "), "exchange")
@pytest.mark.trap(30)
def test_names_are_counted_exactly(
    names: list[str], escaped: bool, separators: tuple[str, str], exchange: str
) -> None:
    """A live reply is refused if and only if it names an account twice, whatever the names are."""
    comma, colon = separators
    row = json.dumps({"exchange": exchange, "assets": [], "exchange_name": "exchange"}, separators=separators)
    members = [json.dumps(name, ensure_ascii=escaped) + colon + row for name in names]
    body = ("{" + comma.join(members) + "}").encode()

    if len(set(names)) < len(names):
        assert "twice" in str(refusal(BALANCES, ok(body)))
    else:
        assert list(parse(BALANCES, ok(body))) == names


@pytest.mark.trap(30)
def test_names_of_shared_accounts_are_kept_verbatim() -> None:
    """A group's account is keyed as ``username/account_name``, in the server's order."""
    names = ["yibo/main", "main", "Yibo/main", " main", "交易/é", "a\u0301", "á"]
    body = json.dumps({name: {"exchange": "x", "assets": []} for name in names}).encode()

    assert list(parse(BALANCES, ok(body))) == names


@pytest.mark.trap(37)
@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[]}',
        b"{}",
        b'{"accounts":{}}',
        b'{"accounts":null}',
        b"null",
        b'"x"',
        b"7",
        b"[[]]",
        b'[{"id":"1"}]',
    ],
)
def test_another_wrapper_of_accounts_is_refused(body: bytes) -> None:
    """Only an array, or one under ``accounts``, lists accounts; nothing else is taken for an empty list."""
    refusal(ACCOUNTS, ok(body))

    assert parse(ACCOUNTS, ok(b" \n[]")) == parse(ACCOUNTS, ok(b'\n {"accounts":[]}')) == ()


@pytest.mark.trap(32)
@pytest.mark.parametrize("field", ["id", "name", "exchange"])
@pytest.mark.parametrize("wrong", [None, 7, True, [], "absent"], ids=repr)
def test_an_account_has_an_id_a_name_and_an_exchange(field: str, wrong: Any) -> None:
    """The three fields without which an account cannot be named are required, as texts."""
    rows = account(**{field: wrong})
    if wrong == "absent":
        del rows[0][field]

    text = str(refusal(ACCOUNTS, ok(rows)))
    assert "`$[0]" in text
    assert field in text


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize(
    "body", [b"", b" ", b"null", b"[]", b'"done"', b"true", b"7", b'{"message": "cut', b"{}{}"]
)
@pytest.mark.trap(8)
def test_a_write_is_acknowledged_by_an_object(endpoint: Endpoint[Any], body: bytes) -> None:
    """An empty, cut or other answer does not count as an acknowledgement; a bare object does."""
    refusal(endpoint, ok(body))

    assert parse(endpoint, ok(b"{}")) is None


@pytest.mark.parametrize("endpoint", [BALANCES, CACHED_BALANCES], ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"7", b'{"A":null}', b'{"balances":null}', b'{"A":7}']
)
def test_balances_of_another_shape_are_not_empty_balances(endpoint: Endpoint[Any], body: bytes) -> None:
    """An answer without balances is refused: it never looks like a desk that holds nothing."""
    refusal(endpoint, ok(body))


@pytest.mark.fault("I10")
@pytest.mark.parametrize("endpoint", READS, ids=lambda endpoint: endpoint.name)
@given(data=st.data())
def test_a_cut_reply_is_malformed(endpoint: Endpoint[Any], data: st.DataObject) -> None:
    """A body cut anywhere is refused as malformed, so that a read may be repeated."""
    body = (REPLIES / f"{endpoint.name}.json").read_bytes().rstrip()
    cut = data.draw(st.integers(0, len(body) - 1))

    assert refusal(endpoint, ok(body[:cut])).malformed is True


@pytest.mark.parametrize("endpoint", [*LISTED, unlisted("GET", "/x")], ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize(
    ("spoil", "malformed"),
    [
        (lambda body: b"\xef\xbb\xbf" + body, True),
        (lambda body: body + b"]", True),
        (lambda body: body + b"{}", True),
        (lambda body: b"[" * 100_000 + body, False),
        (lambda body: b'{"x":' * 100_000 + body, False),
    ],
    ids=["bom", "trailing bracket", "two documents", "nested lists", "nested objects"],
)
def test_broken_json_is_a_decode_error(endpoint: Endpoint[Any], spoil: Any, malformed: bool) -> None:
    """Bytes around a good answer and bottomless nesting raise a DecodeError, and nothing else."""
    good = {"balances": live_row(), "cached_balances": cached_row(), "accounts": account()}
    body = json.dumps(good.get(endpoint.name, {"message": "ok"})).encode()
    parse(endpoint, ok(body))

    failure = refusal(endpoint, ok(spoil(body)))
    assert failure.malformed is malformed
    assert len(str(failure)) < 300


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"x":' * 100_000, "it is nested too deeply"),
        (b'{"A\xff": 1}', "it is not UTF-8"),
        (b'{"A": ', "Input data was truncated"),
        (b'{"A": []}', "Expected `object`, got `array` - at `$[...]`"),
    ],
    ids=["nested", "not UTF-8", "cut", "another shape"],
)
def test_what_is_wrong_with_a_body(body: bytes, why: str, pieces: int) -> None:
    """The reason is one sentence, whether the body came whole or in pieces."""
    size = -(-len(body) // pieces)
    first, *more = (body[at : at + size] for at in range(0, len(body), size))
    failure = refusal(BALANCES, Reply(status=200, body=first, more=tuple(more)))

    assert failure.message == f"HTTP 200, but its body does not decode: {why}"
    assert failure.endpoint == BALANCES.label


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (
            msgspec.ValidationError("Invalid enum value 'canary' - at `$[0].kind`"),
            "Invalid value - at `$[0].kind`",
        ),
        (msgspec.ValidationError("Invalid enum value 'canary'"), "Invalid value"),
        (msgspec.ValidationError("Expected `int` - at `$.a`"), "Expected `int` - at `$.a`"),
        (msgspec.ValidationError("Expected\x1b[1m `int`"), "Expected  `int`"),
    ],
)
def test_a_value_is_not_in_the_reason(error: Exception, why: str) -> None:
    """Only the kind of message that repeats a value loses its words, and keeps its path."""
    assert problem_of(error) == why


@pytest.mark.fault("F27")
@pytest.mark.parametrize("spoiled", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"\\udc00\\ud800"])
@pytest.mark.parametrize("endpoint", READS, ids=lambda endpoint: endpoint.name)
def test_text_that_is_not_unicode_is_refused(endpoint: Endpoint[Any], spoiled: bytes) -> None:
    """Bad UTF-8 and half surrogate pairs in a name are refused, without a chain that holds the body."""
    good = {"balances": live_row(), "cached_balances": cached_row(), "accounts": account()}[endpoint.name]
    failure = refusal(endpoint, ok(json.dumps(good).encode().replace(b'"A"', b'"A' + spoiled + b'"')))

    assert failure.__cause__ is None
    assert failure.__context__ is None


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 2000), st.integers(0, 3), st.sampled_from(b'{}[]",:\\0-.eE1nat\xff\xc3\x00 \x1b')
    ),
    max_size=4,
)


@pytest.mark.parametrize("endpoint", READS, ids=lambda endpoint: endpoint.name)
@given(mutations=MUTATIONS)
def test_a_damaged_reply_decodes_or_is_refused(
    endpoint: Endpoint[Any], mutations: list[tuple[int, int, int]]
) -> None:
    """However a recorded reply is damaged, the result is a value or a DecodeError of one short line."""
    body = bytearray((REPLIES / f"{endpoint.name}.json").read_bytes())
    for place, length, byte in mutations:
        body[place : place + length] = bytes([byte])
    text = ""
    try:
        parse(endpoint, ok(bytes(body)))
    except DecodeError as failure:
        text = str(failure)

    assert text.isprintable()
    assert not text or text.startswith(f"{endpoint.label}: HTTP 200, but its body does not decode: ")
    assert len(text) < 700


@given(st.sampled_from([recorded(f"{endpoint.name}.json") for endpoint in READS]), st.sampled_from(LISTED))
def test_a_reply_of_another_endpoint_is_not_mistaken(reply: Reply, endpoint: Endpoint[Any]) -> None:
    """The recorded reply of one read never decodes as the reply of another read."""
    own = reply.body == (REPLIES / f"{endpoint.name}.json").read_bytes() if endpoint in READS else False
    try:
        parse(endpoint, reply)
    except DecodeError:
        assert not own
    else:
        assert own or endpoint in WRITES


@pytest.mark.parametrize("kind", [MarginMode, Literal["a"], uuid.UUID, bytes, datetime], ids=str)
def test_no_decoder_gets_its_value_into_the_text(kind: Any) -> None:
    """Even where msgspec repeats a value it refuses, the error has the path and not the value."""
    decode = msgspec.json.Decoder(list[kind]).decode
    endpoint = Endpoint(name="x", method="GET", path="/x", repeat=Repeat.FREE, decode=decode)

    text = str(refusal(endpoint, ok(["unsaid!"])))
    assert "unsaid" not in text
    assert "`$[0]`" in text


@pytest.mark.trap(21)
def test_an_unlisted_endpoint_keeps_fractions_exact() -> None:
    """What has no model decodes to plain JSON with exact fractions; an empty answer is None."""
    endpoint = unlisted("GET", "/api/x")
    found = parse(endpoint, ok(b'{"price": 0.1000000000000000055511151231257827, "n": 7, "a": [true, null]}'))

    assert str(found["price"]) == "0.1000000000000000055511151231257827"
    assert found == {"price": found["price"], "n": 7, "a": [True, None]}
    assert parse(endpoint, Reply(status=204, body=b"")) is None


@pytest.mark.parametrize("body", [b"1e999999999", b'{"a": 31337e31337}', b'[{"b": 0.' + b"7" * 100 + b"}]"])
def test_an_unlisted_endpoint_refuses_numbers_out_of_bounds(body: bytes) -> None:
    """The bounds of amounts hold for every fraction, and the refusal does not repeat it."""
    text = str(refusal(unlisted("GET", "/api/x"), ok(body)))

    assert "31337" not in text
    assert "777" not in text
