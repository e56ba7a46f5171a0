"""Paths, methods, authentication and unreadable bodies; opening and closing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tread_async.simulator import Simulator
from tread_async.simulator.server import url_of


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/balances"), ("POST", "/api/accounts"), ("POST", "/api/set_leverage")],
)
async def test_missing_slash(ask: Any, sim: Simulator, method: str, path: str) -> None:
    """Without its trailing slash a path is redirected, query included, and nothing is done."""
    reply = await ask(method, f"{path}?a=b%2Cc", {})

    assert reply.status == 301
    assert reply.headers["Location"] == f"{path}/?a=b%2Cc"
    assert sim.journal.requests[0].endpoint is None


@pytest.mark.parametrize("path", ["/", "/api/", "/api/sor/get_cached_account_balance/", "/api/balances//"])
async def test_unknown_path(ask: Any, path: str) -> None:
    """Every other path is a 404 in JSON, the cached call with a trailing slash among them."""
    reply = await ask("GET", path)

    assert (reply.status, reply.json()) == (404, {"detail": "Not found."})


async def test_unknown_method(ask: Any) -> None:
    """A method that a path does not have is a 405 that names those it has."""
    reply = await ask("PATCH", "/api/accounts/")

    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, POST, DELETE, PUT"


@pytest.mark.parametrize("auth", ["Token {token}", "Bearer {token}"])
async def test_schemes(ask: Any, sim: Simulator, auth: str) -> None:
    """Both documented schemes are accepted and journaled."""
    assert (await ask("GET", "/api/accounts/", auth=auth.format(token=sim.tokens[0]))).status == 200
    assert sim.journal.requests[0].auth_scheme == auth.partition(" ")[0]


@pytest.mark.parametrize("auth", ["Token " + "0" * 40, "token {token}", "{token}", "Basic {token}", "Token"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/balances/"),
        ("GET", "/api/sor/get_cached_account_balance"),
        ("GET", "/api/accounts/"),
        ("POST", "/api/accounts/"),
        ("PUT", "/api/accounts/"),
        ("DELETE", "/api/accounts/"),
        ("POST", "/api/set_leverage/"),
    ],
)
async def test_invalid_credentials(ask: Any, sim: Simulator, auth: str, method: str, path: str) -> None:
    """Any other header is a 401 on every endpoint, and the journal keeps nothing of it."""
    token = sim.tokens[0]
    reply = await ask(method, path, auth=auth.format(token=token))

    assert (reply.status, reply.json()) == (401, {"message": "Invalid credentials"})
    assert sim.journal.requests[0].user is None
    assert token not in repr(sim.journal.requests)


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
async def test_unreadable_body(ask: Any, body: bytes) -> None:
    """A body that is not JSON is a 400."""
    assert (await ask("POST", "/api/accounts/", body, headers=JSON)).status == 400


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b'"name"'])
async def test_body_is_no_object(ask: Any, body: bytes) -> None:
    """JSON that is not an object has none of the required fields."""
    assert (await ask("PUT", "/api/accounts/", body, headers=JSON)).json() == {
        "id": ["This field is required."]
    }
    assert (await ask("POST", "/api/set_leverage/", body, headers=JSON)).status == 400


async def test_form_body(ask: Any) -> None:
    """A body of another type is a 415."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert (await ask("POST", "/api/accounts/", b"name=x", headers=form)).status == 415


async def test_latency(clock: Any) -> None:
    """``latency_s`` holds every answer back; the request has been acted on by then."""
    async with Simulator(latency_s=0.04, clock=clock) as sim:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(*address(sim))
        writer.write(b"GET /api/accounts/ HTTP/1.1\r\nHost: x\r\n\r\n")
        line = await reader.readline()
        took = time.perf_counter() - began
        writer.close()

    assert line == b"HTTP/1.1 401 Unauthorized\r\n"
    assert took >= 0.04


def address(sim: Simulator) -> tuple[str, str]:
    host, _, port = sim.url.removeprefix("http://").partition(":")
    return host, port


async def test_half_a_request(sim: Simulator) -> None:
    """A request whose body never arrives in full is neither journaled nor acted on."""
    reader, writer = await asyncio.open_connection(*address(sim))
    head = f"DELETE /api/accounts/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token {sim.tokens[0]}\r\n"
    body = b'{"name": "' + sim.accounts()[0].name.encode() + b'"}'
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body) + 1}\r\n\r\n".encode())
    writer.write(body)
    await asyncio.sleep(0.02)
    writer.close()
    await reader.read()
    await asyncio.sleep(0.01)

    assert sim.journal.requests == []
    assert not sim.accounts()[0].archived


async def test_closes_promptly() -> None:
    """Leaving the block takes no notice of answers that are still due, and their callers see the end."""
    async with Simulator(accounts=1) as other:
        other.fail(delay_s=3600.0)
        reader, writer = await asyncio.open_connection(*address(other))
        writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        async with aiohttp.ClientSession() as idle, idle.get(other.url + "/_simulator/summary") as got:
            await got.read()
        assert other.journal.count() == 1
        began = time.perf_counter()

    assert time.perf_counter() - began < 0.5
    assert await reader.read() == b""
    assert other.journal.requests[0].status is None
    writer.close()


async def test_opens_again() -> None:
    """It opens once at a time, opens again, has an address only while open, and closes twice."""
    sim = Simulator(accounts=1)
    with pytest.raises(RuntimeError, match="not open"):
        _ = sim.url
    for _ in range(2):
        async with sim:
            assert sim.url.startswith("http://127.0.0.1:")
            with pytest.raises(RuntimeError, match="already open"):
                await sim.__aenter__()
    await sim.__aexit__()


def test_ipv6() -> None:
    """An IPv6 address stands in brackets in the URL."""
    assert url_of("::1", 80) == "http://[::1]:80"


async def test_long_request_line(ask: Any, sim: Simulator) -> None:
    """A request line above 8 KiB is refused before it is a request; one of half that is not."""
    assert (await ask("GET", f"/api/balances/?account_names={'x' * 8190}")).status == 400
    assert sim.journal.requests == []
    assert (await ask("GET", f"/api/balances/?account_names={'x' * 4096}")).json() == {}


async def test_port_in_use(sim: Simulator) -> None:
    """A port that is taken is an ``OSError``, and the failed simulator can be tried again."""
    second = Simulator(accounts=1, port=int(address(sim)[1]))
    for _ in range(2):
        with pytest.raises(OSError, match="address already in use"):
            await second.__aenter__()


@pytest.mark.parametrize(
    "arguments",
    [
        {"tokens": 0},
        {"accounts": -1},
        {"accounts": ["a", "a"]},
        {"accounts": "main"},
        {"assets": -1},
        {"latency_s": -0.1},
        {"latency_s": float("nan")},
    ],
)
def test_bad_arguments(arguments: dict[str, Any]) -> None:
    """Arguments that make no server are refused before there is one."""
    with pytest.raises(ValueError, match="must be"):
        Simulator(**arguments)
