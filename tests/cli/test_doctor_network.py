"""What the doctor says of the way to the host: its name, its port, its certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.authority import Authority, Peer
from tests.support.examining import examine, verdicts
from tests.support.samples import well
from tests.support.tunnel import Tunnel
from tests.support.wire import TOKEN, Wire, reply
from tread_async import Credential
from tread_async.cli.doctor import certificate, network
from tread_async.cli.doctor.findings import Finding

OF_THE_API = ("token a", "cached", "live", "latency", "keep-alive")


@pytest.fixture(scope="module")
def trust() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def stranger() -> Authority:
    return Authority()


async def found(
    base_url: str, context: ssl.SSLContext | None = None, proxy: str | None = None
) -> Mapping[str, Finding]:
    """What the doctor finds with one token."""
    return await examine(base_url, Credential(TOKEN, proxy=proxy), ssl=context)


async def test_http_on_this_machine() -> None:
    """An address needs no name server, and there is no TLS."""
    async with Wire(well) as wire:
        findings = await found(wire.url)

    assert findings["DNS"].said == "not used: 127.0.0.1 is an address"
    assert findings["TCP 127.0.0.1"].figures["took_s"] > 0
    assert findings["TLS"].said == "not used: plain http, on this machine"
    assert verdicts(findings, "DNS", "TCP 127.0.0.1", "TLS") == ["ok"] * 3


async def test_a_name_is_looked_up() -> None:
    """With its addresses and the time that took."""
    async with Wire(well, name="localhost") as wire:
        findings = await found(wire.url)

    assert findings["DNS"].said.startswith("localhost is ")
    assert "127.0.0.1, found in" in findings["DNS"].said
    assert findings["TCP 127.0.0.1"].verdict == "ok"


async def test_a_name_that_nobody_has() -> None:
    """Nothing behind it is checked, and each says so."""
    findings = await found("https://" + "a" * 63 + ".invalid")

    assert findings["DNS"].verdict == "failed"
    assert "was not found" in findings["DNS"].said
    assert verdicts(findings, "TCP", "TLS", *OF_THE_API) == ["not checked"] * 7
    assert findings["token a"].said == "the host is out of reach"


async def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for a while, and then the doctor ends although the lookup does not."""
    monkeypatch.setattr(network, "_NAMED_WITHIN_S", 1e-9)

    findings = await found("https://localhost")

    assert findings["DNS"].said == "no address for localhost within 1e-09 s"
    assert verdicts(findings, "DNS", "TCP", "TLS") == ["failed", "not checked", "not checked"]


async def test_a_port_on_which_nobody_listens(unused_tcp_port: int) -> None:
    """It is refused, and nothing behind it is checked."""
    findings = await found(f"https://127.0.0.1:{unused_tcp_port}")

    assert findings["TCP 127.0.0.1"].said == (
        f"port {unused_tcp_port}: the connection is refused: nothing listens there"
    )
    assert verdicts(findings, "TCP 127.0.0.1", "TLS", *OF_THE_API) == ["failed"] + ["not checked"] * 6


async def test_one_of_two_addresses_does_not_answer(unused_tcp_port: int) -> None:
    """That is a warning: the library goes on to the other."""
    async with Wire(well) as wire:
        findings, first = await network.connected(["127.0.0.2", "127.0.0.1"], wire.port)

    assert first == "127.0.0.1"
    assert [finding.verdict.value for finding in findings] == ["warning", "ok"]
    assert "the library tries them all" in findings[0].todo


async def test_an_address_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that drops is not waited for."""
    monkeypatch.setattr(network, "_CONNECTED_WITHIN_S", 0.2)
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):  # whoever comes after those that nobody takes is kept waiting
            stack.enter_context(waiting := socket.socket()).setblocking(False)
            waiting.connect_ex(full.getsockname())
        ((finding,), first) = await network.connected(["127.0.0.1"], full.getsockname()[1])

    assert first is None
    assert "no answer within 0.2 s" in finding.said
    assert "firewall" in finding.todo


@pytest.mark.parametrize(("days", "verdict"), [((-1, 90), "ok"), ((-1, 20), "warning")])
async def test_a_certificate_that_is_good(trust: Authority, days: tuple[int, int], verdict: str) -> None:
    """Whose it is, by whom, and for how long; three weeks before its end it is a warning."""
    async with Wire(well, ssl=trust.server("localhost", "127.0.0.1", days=days), name="localhost") as wire:
        findings = await found(wire.url, trust.trusting)

    tls = findings["TLS"]
    assert tls.verdict == verdict
    assert tls.said.startswith("TLSv1.3, localhost by a certificate for ")
    assert "of trustme v" in tls.said
    assert days[1] - 1 < tls.figures["certificate_left_days"] < days[1]
    assert bool(tls.todo) == (verdict == "warning")
    assert findings["token a"].verdict == "ok"


@pytest.mark.parametrize(
    ("how", "said", "todo"),
    [
        ({"days": (-10, -1)}, "has expired, by this machine's clock", "clock"),
        ({"days": (1, 10)}, "is not valid yet, by this machine's clock", "clock"),
        ({"names": ("other.example",)}, "is for another host", "base URL has the name"),
        ({"trusted": False}, "is of an authority that is not trusted", "SSL_CERT_FILE"),
    ],
)
async def test_a_certificate_that_is_not(
    trust: Authority, stranger: Authority, how: dict[str, Any], said: str, todo: str
) -> None:
    """What is wrong with it and what to do; no token is sent over it."""
    context = trust.server(*how.get("names", ()), days=how.get("days", (-1, 1)))
    async with Wire(well, ssl=context) as wire:
        findings = await found(wire.url, (trust if how.get("trusted", True) else stranger).trusting)

    assert findings["TLS"].verdict == "failed"
    assert findings["TLS"].said == f"the server's certificate {said}"
    assert todo in findings["TLS"].todo
    assert verdicts(findings, *OF_THE_API) == ["not checked"] * 5
    assert wire.requests == []


@pytest.mark.parametrize(
    ("says", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not speak TLS"),
        (b"", "the host hung up during the handshake"),
        (None, "no handshake within 0.1 s"),
    ],
)
async def test_a_port_without_tls(says: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http, nothing, and silence."""
    monkeypatch.setattr(certificate, "_WITHIN_S", 0.1)
    async with Peer(says) as peer:
        findings = await found(peer.url)

    assert (findings["TLS"].verdict, findings["TLS"].said) == ("failed", said)
    assert findings["TLS"].todo


async def test_what_goes_through_a_proxy_does_not_need_the_direct_way(trust: Authority) -> None:
    """What fails there is a warning, and the token is tried; through the proxy, and only through it."""
    async with Tunnel(reply({"message": "no"}, 502)) as proxy:
        findings = await found("https://" + "a" * 63 + ".invalid", trust.trusting, proxy.url)

    said = "of a; DNS, TCP and TLS below are of the direct way, which they do not go"
    assert findings["proxy"].said == said
    assert verdicts(findings, "DNS", "TCP", "TLS") == ["warning", "not checked", "not checked"]
    assert "the proxy refused" in findings["token a"].said
    assert len(proxy.asked) == 1


async def test_one_of_two_tokens_goes_through_a_proxy(trust: Authority) -> None:
    """It is tried although the direct way has failed; the other, which goes that way, is not."""
    async with Tunnel(reply({"message": "no"}, 502)) as proxy:
        credentials = (Credential(TOKEN), Credential(f"{TOKEN}-2", proxy=proxy.url))
        findings = await examine("https://" + "a" * 63 + ".invalid", *credentials, ssl=trust.trusting)

    assert verdicts(findings, "DNS", "token a", "token b") == ["failed", "not checked", "failed"]
    assert findings["token a"].said == "the host is out of reach"
    assert findings["proxy"].said.startswith("of b; ")
    assert len(proxy.asked) == 1


async def test_through_a_proxy(trust: Authority) -> None:
    """All that is asked of the API."""
    async with Tunnel() as proxy, Wire(well, ssl=trust.server()) as wire:
        findings = await found(wire.url, trust.trusting, proxy.url)

    assert verdicts(findings, "proxy", "token a") == ["not checked", "ok"]
    assert findings["TLS"].verdict == "warning"  # a certificate for a day
    assert proxy.asked
