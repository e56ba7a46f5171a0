"""What an answer that is no success turns into, whatever its status and body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from tests.pure.support import LISTED, WRITES, recorded
from tread_async._codec.endpoints import ACCOUNTS, SET_LEVERAGE, Endpoint, unlisted
from tread_async._codec.replies import Reply, error_of
from tread_async.errors import (
    ApiError,
    AuthError,
    BlockedError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TreadError,
    UnprocessableError,
)

SUCCESS = json.dumps({"message": "Successfully created abcdef"}).encode()
ANY_ENDPOINT = st.sampled_from([*LISTED, unlisted("GET", "/api/x"), unlisted("POST", "/api/x")])
BODIES = st.binary(max_size=60) | st.sampled_from([SUCCESS, b"", b"{}", b"[]", b"null", b"<html>", b'"x"'])


def api_error(reply: Reply, endpoint: Endpoint[Any] = ACCOUNTS) -> ApiError:
    failure = error_of(endpoint, reply)
    assert isinstance(failure, ApiError)
    return failure


def kind_of(status: int) -> type[TreadError]:
    """The class for *status* where the body is not a web page."""
    named = {401: AuthError, 422: UnprocessableError, 429: RateLimitedError}
    if status in named:
        return named[status]
    return RejectedError if 400 <= status < 500 else ServerError if 500 <= status < 600 else ProtocolError


@given(st.integers(0, 999), BODIES, ANY_ENDPOINT)
@example(200, b"", WRITES[0])
@example(200, b"<html>", ACCOUNTS)
@example(200, b"{}", unlisted("POST", "/api/x"))
@example(201, b"", unlisted("POST", "/api/x"))
@example(299, b"", unlisted("GET", "/api/x"))
@example(300, b"", unlisted("GET", "/api/x"))
@example(201, SUCCESS, WRITES[0])
@example(204, b"", ACCOUNTS)
@example(500, SUCCESS, ACCOUNTS)
@pytest.mark.trap(36)
@pytest.mark.trap(39)
def test_only_documented_successes_are_no_error(status: int, body: bytes, endpoint: Endpoint[Any]) -> None:
    """The status alone decides: 200 where 200 is documented, any 2xx where nothing is, else an error."""
    failure = error_of(endpoint, Reply(status=status, body=body))

    if status == 200 or (endpoint.name == "request" and 200 <= status < 300):
        assert failure is None
        return
    assert failure is not None
    assert type(failure) is kind_of(status) or (status == 403 and type(failure) is BlockedError)
    assert failure.endpoint == endpoint.label
    assert f"HTTP {status}: " in str(failure)
    assert getattr(failure, "status", status) == status


@pytest.mark.parametrize("endpoint", LISTED, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize(
    "status", [99, 100, 101, 103, 201, 202, 204, 206, 299, 300, 301, 302, 303, 304, 307, 308, 399, 600, 999]
)
def test_undocumented_statuses_are_protocol_errors(endpoint: Endpoint[Any], status: int) -> None:
    """Neither another 2xx nor a redirect is a success or a refusal, even with a body that says so."""
    failure = error_of(endpoint, Reply(status=status, body=SUCCESS))

    redirect = "a redirect, which is never followed; check base_url and the path"
    what = redirect if 300 <= status < 400 else "not a documented status"
    assert type(failure) is ProtocolError
    assert failure.message == f"HTTP {status}: {what}"


SHAPES: list[tuple[str, int, type[ApiError], str, tuple[str, ...]]] = [
    ("401_message.json", 401, AuthError, "Invalid credentials", ()),
    ("401_detail.json", 401, AuthError, "Invalid token.", ()),
    ("500_message.json", 500, ServerError, "Something went wrong...", ()),
    ("500_error.json", 500, ServerError, "Internal server error", ()),
    ("422_message.json", 422, UnprocessableError, "Failed to set leverage", ()),
    (
        "400_errors.json",
        400,
        RejectedError,
        "account_ids must be an array of strings",
        ("account_ids must be an array of strings",),
    ),
    (
        "400_fields.json",
        400,
        RejectedError,
        "name: account with this name already exists., "
        "api_key: This field is required., This field may not be blank.",
        (
            "name: account with this name already exists.",
            "api_key: This field is required., This field may not be blank.",
        ),
    ),
    ("400_string.json", 400, RejectedError, "Account limit reached", ()),
]


@pytest.mark.trap(17)
@pytest.mark.trap(36)
@pytest.mark.trap(39)
@pytest.mark.parametrize(("file", "status", "kind", "message", "errors"), SHAPES, ids=[s[0] for s in SHAPES])
@pytest.mark.parametrize("endpoint", [ACCOUNTS, SET_LEVERAGE], ids=lambda endpoint: endpoint.name)
def test_every_recorded_error_body(
    endpoint: Endpoint[Any],
    file: str,
    status: int,
    kind: type[ApiError],
    message: str,
    errors: tuple[str, ...],
) -> None:
    """Each shape of an error body, at any endpoint, gives its texts unchanged."""
    failure = api_error(recorded(file, status), endpoint)

    assert type(failure) is kind
    assert (failure.status, failure.message, failure.errors) == (status, message, errors)


@pytest.mark.trap(17)
@pytest.mark.parametrize(
    ("body", "message", "errors"),
    [
        (["first", "second"], "first, second", ("first", "second")),
        ({"errors": "one text"}, "one text", ("one text",)),
        ({"errors": [{"field": "x", "code": 7}]}, '{"field":"x","code":7}', ('{"field":"x","code":7}',)),
        ({"message": "both", "errors": ["a", "b"]}, "both", ("a", "b")),
        ({"error": "first", "message": "second"}, "first", ()),
        ({"message": "", "detail": "said here"}, "said here", ()),
        ({"message": None, "errors": ["only"]}, "only", ("only",)),
        ({"message": ["a", "b"]}, "a, b", ()),
        ({"message": 42}, "42", ()),
        ({"errors": []}, "no message", ()),
        ({"errors": [None, "", True, "left"]}, "left", ("left",)),
        ({}, "no message", ()),
        ([], "no message", ()),
        (None, "no message", ()),
        (42, "no message", ()),
        ("", "no message", ()),
    ],
    ids=repr,
)
def test_other_shapes_of_error_bodies(body: Any, message: str, errors: tuple[str, ...]) -> None:
    """Shapes that are plausible for the undocumented bodies give what they say, or ``no message``."""
    failure = api_error(Reply(status=400, body=json.dumps(body).encode()))

    assert (failure.message, failure.errors) == (message, errors)


@pytest.mark.trap(39)
@pytest.mark.trap(40)
@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 502, 503])
def test_a_web_page_does_not_mask_the_status(status: int) -> None:
    """A gateway's page gives the error of its status, without a word of the page."""
    failure = api_error(recorded("403_firewall.html", status))

    assert type(failure) is kind_of(status)
    assert failure.message == "a web page instead of an answer of the API"
    assert "Attention" not in str(failure)
    assert failure.errors == ()


@pytest.mark.trap(39)
@pytest.mark.trap(40)
def test_a_403_is_told_apart_by_its_body() -> None:
    """403 with a page was refused in front of the API; 403 with JSON is a refusal by the API."""
    by_type = api_error(recorded("403_firewall.html", 403))
    by_body = api_error(recorded("403_firewall.html", 403, content_type=""))
    by_api = api_error(Reply(status=403, body=b'{"detail": "no <b>permission</b>"}'))

    assert type(by_type) is type(by_body) is BlockedError
    assert by_type.status == 403
    assert by_type.message == (
        "blocked by a web page in front of the API; the token may be fine, try another User-Agent"
    )
    assert type(by_api) is RejectedError
    assert by_api.message == "no <b>permission</b>"


@pytest.mark.parametrize(
    ("content_type", "body", "page"),
    [
        ("TEXT/HTML", b"{}", True),
        ("application/xhtml+xml", b"{}", True),
        ("application/json", b" " * 63 + b"<", True),
        ("application/json", b" " * 64 + b"<", False),
        ("", b"\n\t<p>", True),
        ("", b"{}<", False),
        ("", b"", False),
    ],
)
def test_what_is_a_web_page(content_type: str, body: bytes, page: bool) -> None:
    """What says so, and what begins with a tag behind at most 63 blanks."""
    failure = api_error(Reply(status=403, body=body, content_type=content_type))

    assert isinstance(failure, BlockedError) is page


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no message"),
        (b" \n\x00 ", "no message"),
        (b"upstream connect error", "upstream connect error"),
        (b'{"message": "cut of', '{"message": "cut of'),
        (b"\xff\xfe bad", "\ufffd\ufffd bad"),
        (b'{"message": NaN}', '{"message": NaN}'),
        (b'{"message": ' + b"7" * 5000 + b"}", '{"message": ' + "7" * 497 + "..."),
        (b"[" * 100_000, "[" * 509 + "..."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_is_not_json_keeps_the_status(body: bytes, message: str) -> None:
    """Text, half an answer or garbage gives the error of the status, with the text, capped."""
    failure = api_error(Reply(status=502, body=body))

    assert type(failure) is ServerError
    assert failure.message == message


@pytest.mark.parametrize("depth", [100, 400, 600, 900, 980, 100_000])
@pytest.mark.parametrize("shape", ["list", "map", "mixed"])
@pytest.mark.parametrize("key", ["errors", "message", "field"])
def test_nesting_does_not_mask_the_status(shape: str, depth: int, key: str) -> None:
    """However deep a body is nested, the caller gets the error of the status and nothing else."""
    opening, closing = {"list": ("[", "]"), "map": ('{"a":', "}"), "mixed": ('[{"a":', "}]")}[shape]
    body = f'{{"{key}":' + opening * depth + "1" + closing * depth + "}"

    assert type(error_of(ACCOUNTS, Reply(status=500, body=body.encode()))) is ServerError


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "errors"]) | st.text(max_size=5), inner
        )
    ),
    max_leaves=12,
)


@given(JSON | st.dictionaries(st.sampled_from(["error", "message", "detail", "errors"]), JSON))
@pytest.mark.trap(17)
def test_any_json_gives_a_message_and_capped_texts(body: Any) -> None:
    """Any JSON as the body of an error gives a text of at most 512 characters and at most 20 errors."""
    failure = api_error(Reply(status=400, body=json.dumps(body).encode()))

    assert 1 <= len(failure.message) <= 512
    assert len(failure.errors) <= 20
    assert all(isinstance(text, str) and len(text) <= 512 for text in failure.errors)


def test_a_flood_of_errors_is_capped() -> None:
    """A thousand errors of a thousand characters become twenty of 512, and one message of 512."""
    body = json.dumps({"errors": [f"{n:03}" + "x" * 1000 for n in range(1000)]}).encode()
    failure = api_error(Reply(status=400, body=body))

    assert [text[:3] for text in failure.errors] == [f"{n:03}" for n in range(20)]
    assert {len(text) for text in failure.errors} == {512}
    assert len(failure.message) == 512


@pytest.mark.parametrize("show", [repr, str, format, pretty_repr], ids=["repr", "str", "format", "rich"])
def test_a_reply_does_not_show_its_body(show: Any) -> None:
    """No way to print a reply shows its body, which may list keys and holdings."""
    text = show(Reply(status=200, body=b'{"api_key": "canary"}'))

    assert text == ("Reply(status=200)" if show is pretty_repr else "<Reply 200, 21 bytes>")
