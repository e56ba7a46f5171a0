"""Every way in which TLS fails: an error of its own, at once, and no byte of HTTP to the peer."""

from __future__ import annotations

import ssl
from typing import Any, Final

import pytest

from tests.support.authority import Authority, Peer
from tests.support.samples import EVERY, FAST, ONE_TRY, shown
from tests.support.wire import TOKEN, Wire, reply
from tread_async import DeadlineExceededError, NotSentError, TreadClient, TreadError
from tread_async import _transport as transport_module

NAMES: Final = ["accounts", "set_leverage", "create_account (once)"]

HOST = "the server's certificate is for another host"
AUTHORITY = "the server's certificate is of an authority that is not trusted"
EXPIRED = "the server's certificate has expired, by this machine's clock"
EARLY = "the server's certificate is not valid yet, by this machine's clock"
OLD = "the server speaks no TLS of version 1.2 or later"
PLAIN = "the server does not speak TLS"
FAILED = "the TLS handshake failed"
HUNG_UP = "no connection: the host hung up before it could be asked"
STALLED = "no connection: not connected within 3 s, TLS included"


@pytest.fixture(scope="module")
def trust() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def stranger() -> Authority:
    return Authority()


async def refused(url: str, name: str, context: ssl.SSLContext | None, **options: Any) -> TreadError:
    """The error of a call that must not get as far as HTTP."""
    async with TreadClient(TOKEN, base_url=url, ssl=context, **({"retry": FAST} | options)) as client:
        with pytest.raises(TreadError) as caught:
            await EVERY[name](client)
        assert client.stats.requests_sent == (type(caught.value) is DeadlineExceededError)
    assert TOKEN not in shown(caught.value)
    return caught.value


def check(error: TreadError, sentence: str) -> None:
    assert type(error) is NotSentError
    assert error.message == f"{sentence}; nothing was sent"
    assert error.permanent
    assert error.attempts == 1


TODAY: Final = (-1, 1)
CERTIFICATES: Final[dict[str, tuple[str, tuple[int, int], str, str]]] = {
    "for another name": ("app.example", TODAY, "localhost", HOST),
    "for another address": ("127.0.0.2", TODAY, "127.0.0.1", HOST),
    "for a name, asked by address": ("localhost", TODAY, "127.0.0.1", HOST),
    "expired": ("127.0.0.1", (-2, -1), "127.0.0.1", EXPIRED),
    "not valid yet": ("127.0.0.1", (1, 2), "127.0.0.1", EARLY),
}


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CERTIFICATES)
async def test_certificate(trust: Authority, case: str, name: str) -> None:
    """A certificate that does not fit is refused once, and the error says what does not fit."""
    certified, days, host, sentence = CERTIFICATES[case]
    async with Wire(reply(), ssl=trust.server(certified, days=days), name=host) as wire:
        error = await refused(wire.url, name, trust.trusting)

    check(error, sentence)
    assert (trust.hellos, wire.requests, wire.heard_bytes) == (1, [], 0)


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("store", ["own", "system's"])
async def test_unknown_authority(trust: Authority, stranger: Authority, name: str, store: str) -> None:
    """A certificate of an authority that neither the caller nor the system trusts is refused once."""
    async with Wire(reply(), ssl=stranger.server()) as wire:
        error = await refused(wire.url, name, trust.trusting if store == "own" else None)

    check(error, AUTHORITY)
    assert (stranger.hellos, wire.requests, wire.heard_bytes) == (1, [], 0)


def record(kind: int, data: bytes) -> bytes:
    """One record of TLS 1.1."""
    return bytes([kind, 3, 2]) + len(data).to_bytes(2) + data


_HELLO: Final = b"\x03\x02" + bytes(32) + b"\x00" + b"\xc0\x13" + b"\x00"  # TLS 1.1, some cipher of it
PEERS: Final[dict[str, tuple[bytes, str]]] = {
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", PLAIN),
    "SSH": (b"SSH-2.0-peer\r\n", PLAIN),
    "TLS 1.1": (record(22, b"\x02" + len(_HELLO).to_bytes(3) + _HELLO), OLD),
    "TLS 1.1 that knows of 1.2": (record(21, b"\x02\x46"), OLD),  # fatal: protocol_version
    "TLS that fails": (record(21, b"\x02\x28"), FAILED),  # fatal: handshake_failure
}


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("speaks", PEERS)
async def test_peer(trust: Authority, speaks: str, name: str) -> None:
    """A peer that speaks something else hears a greeting of TLS once, and nothing of HTTP."""
    says, sentence = PEERS[speaks]
    async with Peer(says) as peer:
        check(await refused(peer.url, name, trust.trusting), sentence)

    assert peer.connections == 1
    check_heard(peer)


def check_heard(peer: Peer) -> None:
    """A handshake, and no HTTP in it or after it."""
    assert peer.heard[:1] == b"\x16"
    assert b"HTTP" not in peer.heard
    assert b"/api/" not in peer.heard


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_hung_up(trust: Authority, name: str) -> None:
    """A peer that hangs up in the handshake is asked again, as one that is out of reach."""
    async with Peer(b"") as peer:
        error = await refused(peer.url, name, trust.trusting)

    assert type(error) is NotSentError
    assert (error.message, error.permanent, error.attempts) == (HUNG_UP, False, 3)
    assert peer.connections == 3
    check_heard(peer)


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_stalled(trust: Authority, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake that stalls is a connection that takes too long: asked again, never sent."""
    monkeypatch.setattr(transport_module, "CONNECT_TIMEOUT_S", 0.02)
    async with Peer(None) as peer:
        error = await refused(peer.url, name, trust.trusting)

    assert type(error) is NotSentError
    assert (error.message, error.permanent, error.attempts) == (STALLED, False, 3)
    assert peer.connections == 3
    check_heard(peer)


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_stalled_until_the_deadline(trust: Authority, name: str) -> None:
    """Nor does it outlast the deadline."""
    async with Peer(None) as peer:
        error = await refused(peer.url, name, trust.trusting, retry=ONE_TRY, deadline_s=0.04)

    of_read = (NotSentError, DeadlineExceededError)
    assert type(error) in (of_read if name == "accounts" else (NotSentError,))
    check_heard(peer)


def test_every_failure_has_its_own_sentence() -> None:
    """No two kinds of failure can be taken for each other."""
    sentences = [HOST, AUTHORITY, EXPIRED, EARLY, OLD, PLAIN, FAILED, HUNG_UP, STALLED]

    assert len(set(sentences)) == len(sentences)
