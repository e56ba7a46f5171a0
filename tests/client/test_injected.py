"""Errors of aiohttp that no server produces on demand, injected into it, and what they become.

`aioresponses` replaces ``ClientSession._request``: middlewares, pool and upload tracker are skipped, so
nothing but the mapping is tested here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aioresponses import aioresponses

from tests.support.samples import ABSOLUTE, FAST, READS, SECRETS, shown
from tests.support.wire import TOKEN
from tread_async import (
    DeadlineExceededError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    TransportError,
    TreadClient,
    TreadError,
)

URL = "http://127.0.0.1:9"
KEY = ConnectionKey("127.0.0.1", 9, True, None, None, None, None)  # type: ignore[arg-type]
INFO: Any = aiohttp.RequestInfo(URL, "GET", {"Authorization": f"Token {TOKEN}"}, URL)  # type: ignore[arg-type]
LOST = (TransportError, OutcomeUnknownError, 3)
NOT_SENT = (NotSentError, NotSentError, 3)
REFUSED = (NotSentError, NotSentError, 1)

INJECTED: dict[str, tuple[Exception, tuple[type, type, int]]] = {
    "name not found": (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "x")), NOT_SENT),
    "refused": (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError()), NOT_SENT),
    "proxy out of reach": (aiohttp.ClientProxyConnectionError(KEY, OSError()), NOT_SENT),
    "proxy refuses": (aiohttp.ClientHttpProxyError(INFO, (), status=407), NOT_SENT),
    "no connection in time": (aiohttp.ConnectionTimeoutError(), NOT_SENT),
    "certificate": (
        aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("x")),
        REFUSED,
    ),
    "TLS": (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError("x")), REFUSED),
    "fingerprint": (aiohttp.ServerFingerprintMismatch(b"a", b"b", "h", 1), REFUSED),
    "disconnected": (aiohttp.ServerDisconnectedError(), LOST),
    "os error": (aiohttp.ClientOSError(104, "reset"), LOST),
    "reset": (aiohttp.ClientConnectionResetError("x"), LOST),
    "closed connector": (aiohttp.ClientConnectionError("Connector is closed."), LOST),
    "payload": (aiohttp.ClientPayloadError("x"), LOST),
    "bare os error": (OSError(5, "x"), LOST),
    "read timeout": (aiohttp.SocketTimeoutError("x"), (DeadlineExceededError, OutcomeUnknownError, 3)),
    "bare timeout": (TimeoutError(), (DeadlineExceededError, OutcomeUnknownError, 3)),
    "bad answer": (
        aiohttp.ClientResponseError(INFO, (), status=400, message=TOKEN),
        (ProtocolError, OutcomeUnknownError, 3),
    ),
}


@pytest.mark.parametrize("name", ["accounts", "update_account", "set_leverage"])
@pytest.mark.parametrize("injected", INJECTED)
async def test_mapping(name: str, injected: str) -> None:
    """Each becomes one of ours, by what it proves; it is repeated unless it cannot change."""
    exception, (of_read, of_write, attempts) = INJECTED[injected]
    calls = READS | ABSOLUTE
    async with TreadClient(TOKEN, base_url=URL, retry=FAST) as client:
        with aioresponses() as injecting:
            for method in ("GET", "PUT", "POST"):
                for path in ("/api/accounts/", "/api/set_leverage/"):
                    injecting.add(URL + path, method, exception=exception, repeat=True)
            with pytest.raises(TreadError) as caught:
                await calls[name](client)

    error = caught.value
    assert type(error) is (of_read if name in READS else of_write)
    assert error.attempts == attempts
    assert (error.__cause__, error.__context__) == (None, None)
    assert str(error)
    if isinstance(error, NotSentError):
        assert error.permanent is (attempts == 1)
    assert not [secret for secret in SECRETS if secret in shown(error)]


@pytest.mark.parametrize("exception", [asyncio.CancelledError(), KeyboardInterrupt(), ZeroDivisionError()])
async def test_not_ours(exception: Any) -> None:
    """What is no failure of the transport passes through, at the first attempt."""
    async with TreadClient(TOKEN, base_url=URL, retry=FAST) as client:
        with aioresponses() as injecting:
            injecting.get(f"{URL}/api/accounts/", exception=exception, repeat=True)
            with pytest.raises(type(exception)):
                await client.accounts()
            (asked,) = injecting.requests.values()

    assert len(asked) == 1
