"""TLS and proxies: verified or refused, before a byte of HTTP."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.authority import Authority
from tests.support.samples import EVERY, FAST, LISTED, ONE_TRY, shown
from tests.support.tunnel import Tunnel
from tests.support.wire import TOKEN, Wire, hang_up, reply
from tread_async import (
    NotSentError,
    OutcomeUnknownError,
    TransportError,
    TreadClient,
    UsageError,
)
from tread_async import _transport as transport_module

NAMES = ["accounts", "set_leverage", "create_account (once)"]


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
