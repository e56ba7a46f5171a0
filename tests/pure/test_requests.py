"""What is sent: targets that name every account once, and bodies to the letter."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from tests.pure.support import LISTED, READS
from tread_async._codec import arguments, endpoints, requests
from tread_async._codec.endpoints import BALANCES, CACHED_BALANCES, Endpoint, Repeat
from tread_async._codec.requests import MAX_URL_BYTES, Request
from tread_async.errors import UsageError
from tread_async.secret import Secret

BASE = "https://app.tread.fi"
FILTERED = st.sampled_from([BALANCES, CACHED_BALANCES])
BASES = st.integers(0, 800).map(lambda n: BASE + "/" + "p" * n)
# Short and long names, of one to four bytes a character, escaped to at most 3072 bytes.
NAMES = st.lists(
    st.one_of(
        st.text(
            st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=","), min_size=1, max_size=8
        ),
        st.tuples(st.sampled_from("a/%&=+? #é漢\U0001f600"), st.integers(1, 256)).map(lambda t: t[0] * t[1]),
    ),
    min_size=1,
    max_size=60,
    unique=True,
)


def sizes(asked: list[Request[Any]], base_url: str) -> list[int]:
    return [len((base_url + request.target).encode()) for request in asked]


@given(FILTERED, NAMES, BASES)
@example(BALANCES, ["username/account_name", "50%", "a&b=c", "d+e", "f g", "%2C", "#1", "é?"], BASE)
@pytest.mark.trap(1)
@pytest.mark.trap(2)
def test_the_comma_lists_give_back_the_names(endpoint: Endpoint[Any], names: list[str], base: str) -> None:
    """Percent-decoded and split at commas, the lists of all requests are the names, in order, once."""
    asked = requests.filtered(endpoint, names, base)
    prefix = f"{endpoint.path}?account_names="

    assert all(request.target.startswith(prefix) and request.target.isascii() for request in asked)
    assert all(request.target.count("=") == request.target.count("?") == 1 for request in asked)
    assert not any(set("&# +") & set(request.target) for request in asked)
    lists = [request.target.removeprefix(prefix) for request in asked]
    assert [unquote(name, errors="strict") for text in lists for name in text.split(",")] == names
    assert [name for text in lists for name in unquote(text).split(",")] == names


@given(FILTERED, NAMES, BASES)
@pytest.mark.trap(2)
def test_no_url_is_too_long_and_no_request_is_too_many(
    endpoint: Endpoint[Any], names: list[str], base: str
) -> None:
    """A URL has at most 4096 bytes, and no list could have taken in the next list's first name."""
    asked = requests.filtered(endpoint, names, base)
    firsts = [request.target.partition("=")[2].split(",")[0] for request in asked]

    assert max(sizes(asked, base)) <= 4096 == MAX_URL_BYTES
    for size, following in zip(sizes(asked, base), firsts[1:], strict=False):
        assert size + len(",") + len(following) > 4096


@given(FILTERED, st.integers(1, 40), BASES)
def test_a_url_is_filled_to_the_last_byte(endpoint: Endpoint[Any], short: int, base: str) -> None:
    """Two names that fill 4096 bytes exactly go in one request; one byte more makes it two."""
    room = 4096 - len(f"{base}{endpoint.path}?account_names=") - len(",") - short
    exact, over = (["a" * short, "b" * length] for length in (room, room + 1))

    assert sizes(requests.filtered(endpoint, exact, base), base) == [4096]
    assert len(requests.filtered(endpoint, over, base)) == 2


@given(FILTERED, NAMES, st.integers(0, 60))
@pytest.mark.trap(2)
def test_a_name_with_a_comma_is_fetched_with_all_others(
    endpoint: Endpoint[Any], names: list[str], place: int
) -> None:
    """A list that cannot name its accounts becomes one request without a filter, never a wrong filter."""
    (request,) = requests.filtered(endpoint, [*names[:place], "a,b", *names[place:]], BASE)

    assert request.target == endpoint.path


@pytest.mark.trap(3)
@pytest.mark.parametrize("endpoint", [BALANCES, CACHED_BALANCES], ids=lambda endpoint: endpoint.name)
def test_no_names_leaves_the_parameter_out(endpoint: Endpoint[Any]) -> None:
    """All accounts are asked for without the parameter; an empty list asks for nothing at all."""
    (request,) = requests.filtered(endpoint, None, BASE)

    assert request.target == endpoint.path
    assert request.body is None
    assert requests.filtered(endpoint, [], BASE) == []


def test_a_name_without_room_is_refused() -> None:
    """A name that fits no URL beside a very long base URL is refused, not cut."""
    with pytest.raises(UsageError) as caught:
        requests.filtered(BALANCES, ["short", "n" * 900], BASE + "/" + "p" * 3200)

    assert "nnn" not in str(caught.value)


@pytest.mark.trap(4)
def test_archived_accounts_are_asked_for_with_the_text_true() -> None:
    """``include_archived`` is the lower-case text, or it is left out."""
    assert requests.accounts(include_archived=True).target == "/api/accounts/?include_archived=true"
    assert requests.accounts(include_archived=False).target == "/api/accounts/"


KEY, SECRET, PASSWORD = Secret("canary-key"), Secret('canary "secret"\\'), Secret("canary-pässword")
WRITES: dict[str, tuple[Request[None], dict[str, Any]]] = {
    "create": (
        requests.create_account(
            name="a/b", exchange="Gate", api_key=KEY, api_secret=SECRET, password=None, extra={}
        ),
        {"name": "a/b", "exchange": "Gate", "api_key": KEY.reveal(), "api_secret": SECRET.reveal()},
    ),
    "create with password": (
        requests.create_account(
            name="é", exchange="OKX", api_key=KEY, api_secret=SECRET, password=PASSWORD, extra={"x": {"y": 1}}
        ),
        {"name": "é", "exchange": "OKX", "api_key": KEY.reveal(), "api_secret": SECRET.reveal()}
        | {"password": PASSWORD.reveal(), "x": {"y": 1}},
    ),
    "update": (
        requests.update_account(account_id="id-1", fields={"margin_mode": "CROSS"}),
        {"id": "id-1", "margin_mode": "CROSS"},
    ),
    "archive": (requests.archive_account(name="canary, a"), {"name": "canary, a"}),
    "leverage of one": (
        requests.set_leverage(leverage="10", pair="ETH:PERP-USDT", account_ids=["id-1"]),
        {"leverage": "10", "pair": "ETH:PERP-USDT", "account_ids": ["id-1"]},
    ),
    "leverage of two": (
        requests.set_leverage(leverage="2.5", pair="BTC-USDT", account_ids=["id-2", "id-1"]),
        {"leverage": "2.5", "pair": "BTC-USDT", "account_ids": ["id-2", "id-1"]},
    ),
}


@pytest.mark.trap(5)
@pytest.mark.trap(10)
@pytest.mark.trap(11)
@pytest.mark.trap(14)
@pytest.mark.trap(15)
@pytest.mark.parametrize("kind", WRITES)
def test_a_body_is_exactly_the_fields_given(kind: str) -> None:
    """A write sends what was given, in JSON, and nothing for what was not: no null, no default."""
    request, fields = WRITES[kind]

    assert request.body is not None
    assert json.loads(request.body) == fields
    assert b"null" not in request.body
    assert request.target == request.endpoint.path


@pytest.mark.trap(16)
def test_a_leverage_for_one_account_says_so() -> None:
    """Only a write that touches one thing lets a refusal speak of all of it."""
    one = {kind: request.one_target for kind, (request, _) in WRITES.items()}

    assert one.pop("leverage of two") is False
    assert set(one.values()) == {True}


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("show", [repr, str, format, pretty_repr], ids=["repr", "str", "format", "rich"])
def test_a_request_does_not_show_its_body(kind: str, show: Any) -> None:
    """No way to print a request shows what it carries; every printing names the endpoint's path."""
    request, _ = WRITES[kind]

    text = show(request)
    assert "canary" not in text
    assert "id-1" not in text
    assert request.endpoint.path in text


def test_a_request_does_not_show_whom_it_asks_for() -> None:
    """The names in a query are not in the repr."""
    (request,) = requests.filtered(BALANCES, ["canary"], BASE)

    assert "canary" in request.target
    assert "canary" not in repr(request)


def test_a_creation_knows_the_secrets_it_carries() -> None:
    """Whatever secret is in the body is known, so that an echo of it can be hidden."""
    request, _ = WRITES["create with password"]

    assert set(request.secrets) == {KEY, SECRET, PASSWORD}
    assert set(WRITES["create"][0].secrets) == {KEY, SECRET}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")], ids=repr)
@pytest.mark.trap(11)
def test_a_number_that_json_lacks_is_refused_and_not_sent_as_null(value: float) -> None:
    """NaN and infinity have no JSON: they are refused, and never become the null that clears a field."""
    for build in (
        lambda: requests.update_account(account_id="id-1", fields={"x": value}),
        lambda: requests.unlisted("POST", "/api/x", None, {"price": [value]}),
    ):
        with pytest.raises(UsageError):
            build()


@pytest.mark.parametrize(
    "value",
    [Secret("canary"), object(), {1: {object()}}, "\ud800unsaid"],
    ids=["secret", "object", "set of objects", "half a surrogate pair"],
)
def test_a_body_that_is_no_json_is_refused_without_showing_it(value: Any) -> None:
    """What cannot be sent is refused, and neither the sentence nor its chain repeats it."""
    with pytest.raises(UsageError) as caught:
        requests.unlisted("POST", "/api/x", None, {"field": value})

    assert "canary" not in str(caught.value)
    assert "unsaid" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.text() | st.integers())
)
def test_parameters_of_an_unlisted_request_are_escaped(params: dict[str, str | int]) -> None:
    """A query gives back its parameters, whatever characters they have."""
    target = requests.unlisted("GET", "/api/x", params, None).target
    path, _, query = target.partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&")] if query else []

    assert path == "/api/x"
    assert {unquote(k.replace("+", " ")): unquote(v.replace("+", " ")) for k, v in pairs} == {
        name: str(value) for name, value in params.items()
    }


def test_a_parameter_that_is_half_a_surrogate_pair_is_refused() -> None:
    """A text that has no UTF-8 is refused as an argument, not by an error of the encoder."""
    with pytest.raises(UsageError):
        requests.unlisted("GET", "/api/x", arguments.params({"a": "\ud800"}), None)


@pytest.mark.trap(5)
@pytest.mark.trap(12)
@pytest.mark.trap(36)
def test_the_table_is_as_documented() -> None:
    """Methods, paths with or without their last slash, and what may be repeated."""
    table = {
        (endpoint.name, endpoint.label): endpoint.repeat
        for endpoint in vars(endpoints).values()
        if isinstance(endpoint, Endpoint)
    }

    assert table == {
        ("balances", "GET /api/balances/"): Repeat.FREE,
        ("cached_balances", "GET /api/sor/get_cached_account_balance"): Repeat.FREE,
        ("accounts", "GET /api/accounts/"): Repeat.FREE,
        ("create_account", "POST /api/accounts/"): Repeat.NEVER,
        ("update_account", "PUT /api/accounts/"): Repeat.ABSOLUTE,
        ("archive_account", "DELETE /api/accounts/"): Repeat.NEVER,
        ("set_leverage", "POST /api/set_leverage/"): Repeat.ABSOLUTE,
    }
    assert {endpoint.max_reply_bytes for endpoint in READS} == {8 * 2**20}
    assert {endpoint.max_reply_bytes for endpoint in LISTED if endpoint.writes} == {64 * 2**10}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_only_a_get_outside_the_table_is_repeated(method: str) -> None:
    """What a request outside the table does is not known, so that only a GET counts as harmless."""
    endpoint = requests.unlisted(method, "/api/x", None, None).endpoint

    assert (endpoint.repeat is Repeat.FREE) == (method == "GET")
    assert endpoint.writes == (method != "GET")
