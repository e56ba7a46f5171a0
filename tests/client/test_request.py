"""`request`: endpoints that have no method, with the same care."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.samples import FAST
from tests.support.wire import TOKEN, Wire, reply
from tread_async import DecodeError, OutcomeUnknownError, ProtocolError, ServerError, TreadClient, UsageError
from tread_async.simulator import Simulator

LONG = "0.1234567890123456789012345"


async def test_decoded(connect: Callable[..., Any]) -> None:
    """The answer is plain JSON; a fraction comes exact, a whole number as an int."""
    body = b'{"price": %b, "n": 7, "list": [1.5, null, true, "1.5"]}' % LONG.encode()
    async with Wire(reply(body)) as wire:
        client = await connect(wire)
        found = await client.request("get", "/api/x")

    assert found == {"price": Decimal(LONG), "n": 7, "list": [Decimal("1.5"), None, True, "1.5"]}
    assert type(found["n"]) is int
    assert str(found["price"]) == LONG


async def test_query(connect: Callable[..., Any]) -> None:
    """Parameters are escaped, and the path goes out as it is."""
    async with Wire(reply({})) as wire:
        client = await connect(wire)
        await client.request("GET", "/api/x%2Fy/", params={"a": "b&c=d", "n": 5, "t": "ü ✓", "e": ""})

    assert wire.requests[0].target == "/api/x%2Fy/?a=b%26c%3Dd&n=5&t=%C3%BC+%E2%9C%93&e="


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_body(connect: Callable[..., Any], method: str) -> None:
    """A body goes out as JSON, with a Decimal as text, on a connection of its own."""
    async with Wire(reply({"ok": True})) as wire:
        client = await connect(wire)
        found = await client.request(method, "/api/x", json={"a": [1, None, Decimal("1.50")]})

    (sent,) = wire.requests
    assert found == {"ok": True}
    assert (sent.method, sent.json()) == (method, {"a": [1, None, "1.50"]})
    assert sent.header("content-type") == ["application/json"]
    assert sent.header("connection") == ["close"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_write_without_a_body(connect: Callable[..., Any], method: str) -> None:
    """A write may go without a body; cut off, it is unknown all the same."""
    async with Wire([reply({}), reply({}, 500)]) as wire:
        client = await connect(wire)
        await client.request(method, "/api/x")
        with pytest.raises(OutcomeUnknownError):
            await client.request(method, "/api/x")

    assert [request.body for request in wire.requests] == [b"", b""]


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (201, b'{"id": 1}'), (202, b"[]"), (204, b"")])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_any_success(connect: Callable[..., Any], method: str, status: int, body: bytes) -> None:
    """Every 2xx is a success of what is not documented; a 204, which has no body, is ``None``."""
    async with Wire(reply(body, status)) as wire:
        client = await connect(wire)
        found = await client.request(method, "/api/x")

    assert found == {b"": None, b"{}": {}, b'{"id": 1}': {"id": 1}, b"[]": []}[body]


async def test_empty_success(connect: Callable[..., Any]) -> None:
    """A 200 without a body may have lost it: it is no answer."""
    async with Wire(reply(b"")) as wire:
        client = await connect(wire)
        with pytest.raises(DecodeError):
            await client.request("GET", "/api/x")


async def test_redirect_is_none(connect: Callable[..., Any]) -> None:
    """A redirect is not a success."""
    async with Wire(reply(b"", 301, Location="/")) as wire:
        client = await connect(wire)
        with pytest.raises(ProtocolError):
            await client.request("GET", "/api/x")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_only_get_is_repeated(method: str) -> None:
    """A GET is repeated, nothing else is: what a write does is not known."""
    async with Wire(reply(status=500)) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(ServerError if method == "GET" else OutcomeUnknownError):
            await client.request(method, "/api/x")

    assert len(wire.requests) == (3 if method == "GET" else 1)


@pytest.mark.parametrize(
    "path",
    [
        "", "api/x", "//evil.example/x", "http://evil.example/", "/a/../b", "/a/./b", "/%2e%2E/b", "/a?b=c",
        "/a#b", "/a b", "/ä", "/a\r\nX: y", "/a\\b", None, 5,
    ],
)  # fmt: skip
async def test_bad_path(client: TreadClient, sim: Simulator, path: Any) -> None:
    """A path that could lead elsewhere, or carries a query, is refused."""
    with pytest.raises(UsageError, match="path"):
        await client.request("GET", path)

    assert sim.journal.requests == []


@pytest.mark.parametrize(
    ("method", "given", "why"),
    [
        ("TRACE", {}, "method"),
        ("GET ", {}, "method"),
        (None, {}, "method"),
        ("GET", {"params": {"a": True}}, "parameter"),
        ("GET", {"params": {"a": None}}, "parameter"),
        ("GET", {"params": {"a": 1.5}}, "parameter"),
        ("GET", {"params": {"": "x"}}, "parameter"),
        ("POST", {"json": {"a": object()}}, "JSON"),
        ("POST", {"json": {"a": {1, "x", object()}}}, "JSON"),
    ],
)
async def test_bad_arguments(client: TreadClient, sim: Simulator, method: Any, given: Any, why: str) -> None:
    """Arguments that cannot be sent as they are meant are refused."""
    with pytest.raises(UsageError, match=why):
        await client.request(method, "/api/x", **given)

    assert sim.journal.requests == []


async def test_surrogates(client: TreadClient, sim: Simulator) -> None:
    """A parameter that is not text in UTF-8 is refused."""
    with pytest.raises(UsageError):
        await client.request("GET", "/api/x", params={"a": "\ud800"})

    assert sim.journal.requests == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN")])
async def test_numbers_that_are_none(client: TreadClient, sim: Simulator, value: Any) -> None:
    """NaN and infinity are no JSON, and are not turned into null or a text on the way."""
    with pytest.raises(UsageError):
        await client.request("POST", "/api/x", json={"price": value})

    assert sim.journal.requests == []
