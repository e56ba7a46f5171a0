"""What the transport refuses to do: repeat, remember, or listen to the environment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, EVERY, FAST, LISTED, ONE_TRY, create, write_script
from tests.support.wire import TOKEN, Exchange, Step, Wire, cut, hang_up, reply, reset
from tread_async import OutcomeUnknownError, TransportError, TreadClient, TreadError

DYING: dict[str, Step] = {"hang up": hang_up, "reset": reset, "half a head": cut(b"HTTP/1.1 200 O")}
REPEATABLE_METHODS = {
    "GET": lambda client: client.accounts(),
    "PUT": ABSOLUTE["update_account"],
    "DELETE": lambda client: client.request("DELETE", "/api/accounts/", json={"name": "old"}),
    "POST": ABSOLUTE["set_leverage"],
}


@pytest.mark.fault("F04", "I4")
@pytest.mark.parametrize("method", REPEATABLE_METHODS)
@pytest.mark.parametrize("end", DYING)
async def test_no_hidden_repeat(method: str, end: str) -> None:
    """On a connection that dies under a request, the server counts one request per attempt."""
    async with (
        Wire([reply([]), DYING[end]]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        await client.accounts()  # leaves a kept connection behind
        with pytest.raises(TransportError):
            await REPEATABLE_METHODS[method](client)
        stats = client.stats

    assert wire.count(method) == (2 if method == "GET" else 1)
    assert len(wire.requests) == stats.requests_sent


@pytest.mark.fault("I4")
@pytest.mark.parametrize("end", DYING)
async def test_read_repeats_by_policy_alone(end: str) -> None:
    """With three attempts, a read whose connections all die is seen three times, not more."""
    async with (
        Wire([reply([]), DYING[end]]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        await client.accounts()
        with pytest.raises(TransportError) as caught:
            await client.accounts()

    assert caught.value.attempts == 3
    assert len(wire.requests) == 4


async def test_connection_closed_while_idle() -> None:
    """An idle connection that the server closed costs a read at most one repeat, and a write nothing."""

    async def answer_and_close(exchange: Exchange) -> None:
        await exchange.send(reply([LISTED | {"name": "new"}]))
        exchange.close()

    script = {"GET": answer_and_close, "POST": reply()}
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        await client.accounts()
        await client.accounts()
        await create(client)

    assert wire.count("POST") == 1


async def test_a_kept_connection_reads_in_small_pieces() -> None:
    """asyncio would get 256 KiB for each answer, which the system has to clear each time."""
    async with Wire([reply([])]) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        await client.accounts()
        await client.accounts()
        (kept,) = client._calls._transport._reads.connector._conns.values()  # type: ignore[union-attr]
        transport = kept[0][0].transport

    assert getattr(transport, "max_size", 65536) == 65536  # uvloop's has no such limit


@pytest.mark.fault("F32")
async def test_pooling() -> None:
    """Reads share a kept connection; each write has one of its own."""
    script = {"GET": reply([]), "PUT": reply()}
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        for _ in range(3):
            await client.accounts()
            await client.update_account("id-1", margin_mode="CASH")

    used = [(request.method, request.connection) for request in wire.requests]
    assert used == [("GET", 1), ("PUT", 2), ("GET", 1), ("PUT", 3), ("GET", 1), ("PUT", 4)]
    assert [request.header("connection") for request in wire.requests if request.method == "PUT"] == [
        ["close"]
    ] * 3


@pytest.mark.fault("F34", "I9")
async def test_one_connection_per_token() -> None:
    """Two clients, two tokens: no connection carries both."""
    async with (
        Wire(reply([])) as wire,
        TreadClient("canary-a", base_url=wire.url) as one,
        TreadClient("canary-b", base_url=wire.url) as two,
    ):
        for client in (one, two, one, two):
            await client.accounts()

    assert wire.carried == {1: {"Token canary-a"}, 2: {"Token canary-b"}}


@pytest.mark.fault("F33")
async def test_late_answer_is_not_the_answer_to_a_write() -> None:
    """What a server sends unasked on an idle connection is never taken for a write's acknowledgement."""
    evil = reply({"message": "Successfully created evil"})

    async def answer_twice(exchange: Exchange) -> None:
        await exchange.send(reply([]))
        await asyncio.sleep(0.005)
        await exchange.send(evil)

    script = {"GET": answer_twice, "PUT": hang_up, "POST": hang_up}
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        await client.accounts()
        await asyncio.sleep(0.02)
        for ask in ABSOLUTE.values():
            with pytest.raises(OutcomeUnknownError):
                await ask(client)

    assert (wire.count("PUT"), wire.count("POST")) == (1, 1)


@pytest.mark.fault("F33", "I10")
@pytest.mark.parametrize("extra", [reply([LISTED]), b"\r\n", b"garbage"])
async def test_extra_bytes_after_an_answer(extra: bytes) -> None:
    """Bytes behind a complete answer do not become the answer to the next read."""
    async with (
        Wire([reply([]) + extra, reply([]), reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        answers = [await client.accounts() for _ in range(2)]

    assert answers == [(), ()]
    assert len(wire.requests) <= 3


@pytest.mark.fault("F34", "I9")
async def test_no_cookies() -> None:
    """Cookies that a server sets are never sent back, under a host name too."""
    cookie = {"Set_Cookie": "sessionid=abc; Path=/"}
    script = {"GET": reply([LISTED], **cookie), "PUT": reply(**cookie)}
    async with (
        Wire(script, name="localhost") as wire,
        TreadClient(TOKEN, base_url=wire.url) as one,
        TreadClient("canary-b", base_url=wire.url) as two,
    ):
        for client in (one, two, one):
            await client.accounts()
            await client.update_account("id-1", margin_mode="CASH")

    assert len(wire.requests) == 6
    assert [request.header("cookie") for request in wire.requests] == [[]] * 6


@pytest.mark.fault("F42")
async def test_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy nor a netrc of the environment is used."""
    async with (
        Wire(reply([], 299)) as proxy,
        Wire({"GET": reply([LISTED]), "PUT": reply()}, name="localhost") as wire,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        netrc = tmp_path / "netrc"
        netrc.write_text("default login canary password canary\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.delenv("no_proxy", raising=False)
        async with TreadClient(TOKEN, base_url=wire.url) as client:
            await client.accounts()
            await client.update_account("id-1", margin_mode="CASH")

    assert proxy.connections == 0
    assert [request.header("authorization") for request in wire.requests] == [[f"Token {TOKEN}"]] * 2


@pytest.mark.parametrize("name", ["create_account", "archive_account"])
async def test_at_most_so_many_at_once(name: str) -> None:
    """Reads and writes share one limit of requests in flight."""
    now = peak = 0

    def counted(answer: bytes) -> Step:
        async def step(exchange: Exchange) -> None:
            nonlocal now, peak
            now, peak = now + 1, max(peak, now + 1)
            await asyncio.sleep(0.001)
            now -= 1
            await exchange.send(answer)

        return step

    script = write_script(name, counted(reply())) | {"GET": counted(reply([LISTED]))}
    async with (
        Wire(script) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, max_in_flight=3) as client,
    ):
        asked: list[Any] = [EVERY[f"{name} (once)"](client) for _ in range(6)]
        asked += [client.accounts() for _ in range(6)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert peak == 3
    assert all(isinstance(outcome, TreadError) for outcome in outcomes[:6])
    assert len(wire.requests) == client.stats.requests_sent
