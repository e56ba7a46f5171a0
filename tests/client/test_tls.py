"""TLS and proxies: verified or refused, before a byte of HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.samples import EVERY, FAST, LISTED, ONE_TRY, READS, shown
from tests.support.tunnel import Tunnel
from tests.support.wire import TOKEN, Wire, hang_up, reply
from tread_async import (
    DeadlineExceededError,
    NotSentError,
    OutcomeUnknownError,
    TransportError,
    TreadClient,
    TreadError,
    UsageError,
)
from tread_async import _transport as transport_module

NAMES = ["accounts", "set_leverage", "create_account (once)"]


class Authority:
    """Issues certificates, and a context that trusts them."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        self.authority.configure_trust(self.trusting)

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        self.hellos = 0
        context.sni_callback = self._hello
        return context

    def _hello(self, *_: Any) -> None:
        self.hellos += 1


@pytest.fixture(scope="module")
def trust() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def stranger() -> Authority:
    return Authority()


@pytest.fixture
def fresh_context() -> Iterator[None]:
    """The default context is made anew, from the environment of the test."""
    transport_module._tls_context.cache_clear()
    yield
    transport_module._tls_context.cache_clear()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_own_authority(trust: Authority, name: str) -> None:
    """A context with a store of your own is used, and verifies name and address."""
    script = {"GET": reply([LISTED]), "PUT": reply()}
    async with (
        Wire(script, ssl=trust.server(), name=name) as wire,
        TreadClient(TOKEN, base_url=wire.url, ssl=trust.trusting) as client,
    ):
        assert len(await client.accounts()) == 1
        await client.update_account("id-1", margin_mode="CASH")

    assert [request.header("authorization") for request in wire.requests] == [[f"Token {TOKEN}"]] * 2


async def check_refused(wire: Wire, name: str, context: ssl.SSLContext | None) -> NotSentError:
    async with TreadClient(TOKEN, base_url=wire.url, retry=FAST, ssl=context) as client:
        with pytest.raises(NotSentError, match="certificate or TLS") as caught:
            await EVERY[name](client)

    assert type(caught.value) is NotSentError
    assert caught.value.permanent
    assert caught.value.attempts == 1
    assert client.stats.requests_sent == 0
    assert (wire.requests, wire.heard_bytes) == ([], 0)
    assert TOKEN not in shown(caught.value)
    return caught.value


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_unknown_authority(trust: Authority, stranger: Authority, name: str) -> None:
    """A certificate of an authority nobody named is refused once, before any HTTP."""
    async with Wire(reply(), ssl=stranger.server()) as wire:
        await check_refused(wire, name, trust.trusting)

    assert stranger.hellos == 1


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_default_store(trust: Authority, name: str) -> None:
    """Without a context of your own the system's store decides."""
    async with Wire(reply(), ssl=trust.server()) as wire:
        await check_refused(wire, name, None)


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_wrong_host(trust: Authority, name: str) -> None:
    """A certificate for another host is refused."""
    async with Wire(reply(), ssl=trust.server("app.example")) as wire:
        await check_refused(wire, name, trust.trusting)


@pytest.mark.fault("F35")
async def test_old_protocol(trust: Authority) -> None:
    """A server that speaks nothing above TLS 1.1 is refused."""
    context = trust.server()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with (
        Wire(reply(), ssl=context) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, ssl=trust.trusting) as client,
    ):
        with pytest.raises(NotSentError):
            await EVERY["create_account (once)"](client)

    assert (wire.requests, wire.heard_bytes) == ([], 0)


@pytest.mark.fault("F35")
async def test_plain_peer(trust: Authority) -> None:
    """A server that does not speak TLS is refused, and hears no HTTP."""
    heard = b""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += await reader.read(65536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1") as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with TreadClient(TOKEN, base_url=url, retry=FAST, ssl=trust.trusting) as client:
            with pytest.raises(NotSentError) as caught:
                await EVERY["create_account (once)"](client)

    assert caught.value.permanent
    assert heard[:1] == b"\x16"  # a handshake, and nothing after it
    assert b"HTTP" not in heard


@pytest.mark.parametrize("name", NAMES)
async def test_stalled_handshake(trust: Authority, name: str) -> None:
    """A handshake that stalls ends with the deadline; a write was not sent."""
    async with Wire(reply()) as wire:
        url = wire.url.replace("http:", "https:")
        async with TreadClient(
            TOKEN, base_url=url, retry=ONE_TRY, deadline_s=0.04, ssl=trust.trusting
        ) as client:
            with pytest.raises(TreadError) as caught:
                await EVERY[name](client)

    assert type(caught.value) in ((NotSentError, DeadlineExceededError) if name in READS else (NotSentError,))
    assert wire.requests == []
    assert TOKEN not in shown(caught.value)


async def test_lost_after_the_handshake(trust: Authority) -> None:
    """A connection that is lost once the request has left is unknown under TLS, too."""
    async with (
        Wire(hang_up, ssl=trust.server()) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, ssl=trust.trusting) as client,
    ):
        with pytest.raises(OutcomeUnknownError):
            await EVERY["create_account (once)"](client)
        with pytest.raises(TransportError):
            await client.accounts()

    assert wire.count("POST") == 1
    assert len(wire.requests) == client.stats.requests_sent


@pytest.mark.fault("F42")
async def test_no_key_log(
    trust: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_context: None
) -> None:
    """The session keys are not written where SSLKEYLOGFILE says."""
    log, store = tmp_path / "keys", tmp_path / "store.pem"
    trust.authority.cert_pem.write_to_path(str(store))
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    async with Wire(reply([]), ssl=trust.server()) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        await client.accounts()

    assert len(wire.requests) == 1
    # OpenSSL's banner is written when a context is made, before the library can say no.
    written = log.read_text().splitlines() if log.exists() else []
    assert [line for line in written if not line.startswith("#")] == []


@pytest.mark.parametrize("weakened", ["check_hostname", "verify_mode"])
def test_weak_context(weakened: str) -> None:
    """A context that does not verify is refused."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if weakened == "verify_mode":
        context.verify_mode = ssl.CERT_NONE
    with pytest.raises(UsageError, match="verify"):
        TreadClient(TOKEN, ssl=context)


async def test_proxy(trust: Authority) -> None:
    """Through a proxy, it sees where the call goes and nothing else."""
    script = {"GET": reply([LISTED]), "PUT": reply()}
    async with (
        Tunnel() as proxy,
        Wire(script, ssl=trust.server()) as wire,
        TreadClient(TOKEN, base_url=wire.url, proxy=proxy.url, ssl=trust.trusting) as client,
    ):
        assert len(await client.accounts()) == 1
        await client.update_account("id-1", margin_mode="CASH")

    assert len(wire.requests) == 2
    for request in proxy.asked:
        assert (request.method, request.target) == ("CONNECT", f"127.0.0.1:{wire.port}")
        assert request.header("authorization") == []
        assert TOKEN not in str(request.headers)


@pytest.mark.parametrize("name", NAMES)
async def test_dead_proxy(trust: Authority, unused_tcp_port: int, name: str) -> None:
    """A proxy that is down is not gone round: not sent."""
    async with (
        Wire(reply(), ssl=trust.server()) as wire,
        TreadClient(
            TOKEN,
            base_url=wire.url,
            retry=FAST,
            proxy=f"http://127.0.0.1:{unused_tcp_port}",
            ssl=trust.trusting,
        ) as client,
    ):
        with pytest.raises(NotSentError) as caught:
            await EVERY[name](client)

    assert wire.connections == 0
    assert client.stats.requests_sent == 0
    assert TOKEN not in shown(caught.value)


@pytest.mark.parametrize("status", [403, 407, 502])
@pytest.mark.parametrize("name", NAMES)
async def test_proxy_refuses(trust: Authority, name: str, status: int) -> None:
    """A proxy that refuses the tunnel is not gone round either, and its status is not the API's."""
    refusal = reply({"message": "no"}, status)
    async with (
        Tunnel(refusal) as proxy,
        Wire(reply(), ssl=trust.server()) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, proxy=proxy.url, ssl=trust.trusting) as client,
    ):
        with pytest.raises(NotSentError, match="proxy") as caught:
            await EVERY[name](client)

    assert wire.connections == 0
    assert TOKEN not in shown(caught.value)


async def test_proxy_cannot_pose_as_the_host(trust: Authority, stranger: Authority) -> None:
    """A proxy that answers for the host is refused for its certificate."""
    async with (
        Tunnel() as proxy,
        Wire(reply(), ssl=stranger.server()) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, proxy=proxy.url, ssl=trust.trusting) as client,
    ):
        with pytest.raises(NotSentError) as caught:
            await client.accounts()

    assert caught.value.permanent
    assert wire.heard_bytes == 0


def test_proxy_over_http() -> None:
    """A proxy for plain http is refused: it would read the token."""
    with pytest.raises(UsageError, match="https"):
        TreadClient(TOKEN, base_url="http://127.0.0.1:1", proxy="http://127.0.0.1:2")
