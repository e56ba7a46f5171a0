"""Large replies, worked through account by account: the same as all in one go, errors included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pure.generated import (
    STYLES,
    UNKNOWN,
    Json,
    Part,
    Style,
    Verbatim,
    cached_parts,
    listed_accounts,
    live_parts,
)
from tread_async._codec import bodies, scanning
from tread_async._codec.endpoints import ACCOUNTS, BALANCES, CACHED_BALANCES, Endpoint
from tread_async._codec.replies import Reply, parse, parsing
from tread_async._codec.scanning import in_one_go
from tread_async._pacing import Pace
from tread_async.errors import DecodeError

PLAIN = Style(",", ":", False)
LIVE = st.lists(live_parts(), max_size=6)
CACHED = st.lists(cached_parts(), max_size=6)
CHUNKS = st.sampled_from([1, 150, 48 * 1024])


def paced(steps: Generator[None, None, Any]) -> Any:
    """What *steps* give as the client runs them; on no loop, so that whoever lets it go is back at once."""
    work = Pace().through(steps)
    try:
        while True:
            work.send(None)
    except StopIteration as end:
        return end.value


def outcome(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """What *body* decodes to, or what is wrong with it."""
    try:
        return decode(body)
    except bodies.UNDECODABLE as error:
        return type(error), str(error)


def same_in_steps(endpoint: Endpoint[Any], body: bytes) -> None:
    """Holds the steps of *endpoint* to its decoding in one go, in whatever pieces the body comes."""
    steps = endpoint.steps
    assert steps is not None
    whole = outcome(endpoint.decode, body)

    assert outcome(in_one_go(steps), body) == whole
    assert outcome(lambda body: paced(steps([body])), body) == whole
    for size in (1, 97):
        pieces = [b"", *[body[at : at + size] for at in range(0, len(body), size)], b""]
        assert outcome(lambda _, pieces=pieces: paced(steps(pieces)), body) == whole


def live_body(parts: list[Part], style: Style) -> bytes:
    return style.body(tuple((part.name, part.value) for part in parts))


def alone(part: Part) -> Any:
    """A good account of the live or the cached call, as it decodes by itself."""
    (found,) = bodies.cached_balances(PLAIN.body((("balances", [part.value]),))).balances
    return found


def by_name(parts: list[Part]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        found[part.name].append(part)
    return found


@given(LIVE, STYLES, st.integers(0, 400))
def test_live_balances(parts: list[Part], style: Style, cut: int) -> None:
    """A live reply in steps is what it is in one go, whole or cut, and so is what is wrong with it."""
    body = live_body(parts, style)

    same_in_steps(BALANCES, body)
    same_in_steps(BALANCES, body[:cut])


@given(LIVE, STYLES)
def test_live_faults_are_of_one_account(parts: list[Part], style: Style) -> None:
    """Each account that decodes is there as if it were alone; a fault or a name twice is of that account."""
    scanned = in_one_go(scanning.live)(live_body(parts, style))

    named = by_name(parts)
    assert scanned.repeated.keys() == {name for name, copies in named.items() if len(copies) > 1}
    assert scanned.faults.keys() == {part.name for part in parts if not part.good}
    assert scanned.accounts.keys() == {part.name for part in parts if part.good}
    for name in scanned.accounts.keys() - scanned.repeated.keys():
        assert scanned.accounts[name] == bodies.balances(live_body(named[name], PLAIN))[name]


@st.composite
def cached_bodies(draw: st.DrawFn) -> bytes:
    """A cached reply, perhaps with errors, other fields, and a second list in the place of the first."""
    accounts = [part.value for part in draw(CACHED)]
    members: list[tuple[Json, Json]] = [("balances", accounts)]
    members += draw(st.lists(st.tuples(st.sampled_from(["errors", "x"]), st.lists(UNKNOWN)), max_size=2))
    if draw(st.integers(0, 3)) == 0:
        # What does not count any more decodes here: all in one go, it would be refused for that too.
        members[0] = ("balances", [part.value for part in draw(CACHED) if part.good])
        members.append((draw(st.sampled_from(["balances", Verbatim('"b\\u0061lan\\u0063es"')])), accounts))
    elif draw(st.integers(0, 3)) == 0:
        members = draw(st.permutations(members))
    return draw(STYLES).body(tuple(members))


@given(cached_bodies(), st.integers(0, 400), CHUNKS)
def test_cached_balances(body: bytes, cut: int, chunk: int) -> None:
    """A cached reply in steps is what it is in one go, wherever it is cut into chunks."""
    with patch.object(scanning, "_CHUNK_BYTES", chunk):
        same_in_steps(CACHED_BALANCES, body)
        same_in_steps(CACHED_BALANCES, body[:cut])


@given(CACHED, st.lists(UNKNOWN, max_size=3), STYLES, CHUNKS)
def test_cached_faults_are_of_one_account(
    parts: list[Part], errors: list[Json], style: Style, chunk: int
) -> None:
    """Each account that decodes is there as if it were alone, copies of one name all; the rest are faults."""
    body = style.body((("balances", [part.value for part in parts]), ("errors", errors)))
    with patch.object(scanning, "_CHUNK_BYTES", chunk):
        scanned = in_one_go(scanning.cached)(body)

    good = {
        name: [alone(one) for one in some] for name, some in by_name([p for p in parts if p.good]).items()
    }
    assert scanned.faults.keys() == {part.name for part in parts if not part.good}
    assert scanned.accounts == {name: copies[-1] for name, copies in good.items()}
    assert scanned.repeated == {name: copies for name, copies in good.items() if len(copies) > 1}
    assert list(scanned.errors) == [bodies.anything(b"[%b]" % str(error).encode())[0] for error in errors]


@given(st.lists(listed_accounts(), max_size=5), st.booleans(), STYLES, st.integers(0, 300))
def test_accounts(accounts: list[Json], wrapped: bool, style: Style, cut: int) -> None:
    """The list of accounts in steps is what it is in one go, wrapped or bare, whole or cut."""
    body = style.body((("accounts", accounts),) if wrapped else accounts)

    same_in_steps(ACCOUNTS, body)
    same_in_steps(ACCOUNTS, b"\n " + body[:cut])


GOOD = '{"exchange":"Gate","assets":[]}'


@pytest.mark.trap(30)
@pytest.mark.parametrize("first", ["{}", "5", "null", '{"assets":[]}', GOOD, GOOD.replace("a", "\\u0061")])
def test_an_account_named_twice_is_refused_whatever_the_first_says(first: str) -> None:
    """No copy is dropped in silence because it looks unlike an account."""
    body = f'{{"A":{first},"A":{GOOD}}}'.encode()
    scanned = in_one_go(scanning.live)(body)

    same_in_steps(BALANCES, body)
    assert isinstance(outcome(in_one_go(scanning.balances_in_steps), body), tuple)
    assert scanned.repeated == {"A": []}


def test_what_has_no_documented_shape_is_as_sent() -> None:
    """A fraction among ``transfers`` stays a number, while amounts are read as text, which is exact."""
    account = '{"account_name":"A","account_id":"1","assets":[],"equity":"1.10","transfers":[{"amount":2.5}]}'
    body = f'{{"balances":[{account}]}}'.encode()
    found = in_one_go(scanning.cached)(body).accounts["A"]

    same_in_steps(CACHED_BALANCES, body)
    assert (str(found.equity), found.transfers) == ("1.10", ({"amount": 2.5},))


def test_a_second_list_of_balances_takes_the_place_of_the_first() -> None:
    """Also where its key is written with escapes, and the first list was long enough to be cut."""
    many = ",".join(f'{{"account_name":"{n}","account_id":"1","assets":[]}}' for n in range(2000))
    for key in ("balances", "b\\u0061lances", "balance\\u0073"):
        body = f'{{"balances":[{many}],"{key}":[]}}'.encode()

        assert in_one_go(scanning.cached)(body).accounts == {}
        same_in_steps(CACHED_BALANCES, body)


@pytest.mark.parametrize("place", range(2))
def test_blanks_that_json_does_not_know_are_refused(place: int) -> None:
    """Also where the body is cut into chunks."""
    accounts = [f'{{"account_name":"{name}","account_id":"1","assets":[]}}' for name in "AB"]
    accounts[place] = "\v" + accounts[place]
    body = f'{{"balances":[{",".join(accounts)}]}}'.encode()

    with patch.object(scanning, "_CHUNK_BYTES", 1):
        same_in_steps(CACHED_BALANCES, body)


@pytest.mark.parametrize(
    ("endpoint", "body", "path"),
    [
        (CACHED_BALANCES, b'{"balances":[{"account_id":"1","assets":[]}]}', "$.balances[0]"),
        (CACHED_BALANCES, b'{"balances":[{"account_name":7}],"errors":[1e99]}', "$.balances[0].account_name"),
        (BALANCES, b'{"A":5}x', "$[...]"),
        (ACCOUNTS, b'[{"id":5},', "$[0].id"),
    ],
)
def test_the_first_thing_wrong_is_what_is_said(endpoint: Endpoint[Any], body: bytes, path: str) -> None:
    """Where two things are wrong, or an account has no name, the error is still that of the whole decode."""
    reply = Reply(status=200, body=body)
    with pytest.raises(DecodeError) as whole:
        parse(endpoint, reply)
    assert endpoint.steps is not None
    with pytest.raises(DecodeError) as stepped:
        paced(parsing(endpoint, endpoint.steps, reply))

    assert f"`{path}`" in str(whole.value)
    assert (str(stepped.value), stepped.value.malformed) == (str(whole.value), whole.value.malformed)
    assert stepped.value.__context__ is None


@pytest.mark.parametrize(
    "endpoint", [BALANCES, CACHED_BALANCES, ACCOUNTS], ids=lambda endpoint: endpoint.name
)
def test_a_large_reply_takes_many_steps(endpoint: Endpoint[Any]) -> None:
    """No step is about more than some ten kilobytes, so that the loop is soon free again."""
    rows = [(("symbol", "U" * 10), ("size", 1), ("amount", "1"))] * 20
    names = [f"desk-{n:04}" for n in range(300)]
    bodies_of: dict[str, Json] = {
        "balances": tuple((name, (("exchange", "Gate"), ("assets", rows))) for name in names),
        "cached_balances": (
            ("balances", [(("account_name", n), ("account_id", n), ("assets", rows)) for n in names]),
        ),
        "accounts": [(("id", n), ("name", n), ("exchange", "Gate")) for n in names],
    }
    for style in (PLAIN, Style(", ", ": ", True)):
        body = style.body(bodies_of[endpoint.name])
        assert endpoint.steps is not None

        assert sum(1 for _ in endpoint.steps([body])) >= (len(body) // 64_000 if "b" in endpoint.name else 4)


@pytest.mark.parametrize("gap", [(",", ":"), (", ", ": "), (",\n  ", ": ")], ids=repr)
def test_accounts_larger_than_the_pieces_are_decoded_one_by_one(gap: tuple[str, str]) -> None:
    """Where the first account does not fit into what has come, the accounts are still told apart."""
    rows = [(("symbol", "U" * 40), ("amount", "1"))] * 1200
    names = [f"desk-{n:02}" for n in range(20)]
    accounts = [(("account_name", name), ("account_id", name), ("assets", rows)) for name in names]
    body = Style(*gap, False).body((("balances", accounts),))
    pieces = [body[at : at + 8192] for at in range(0, len(body), 8192)]

    at_first = scanning._CHUNK_BYTES // 8192 + 1  # pieces that make the first chunk

    # One step for each piece that was needed, and one for each account but the last.
    assert sum(1 for _ in scanning.cached(pieces)) >= len(pieces) - at_first + len(names) - 1
