"""Certificates out of their time, and handshakes that stall: no byte of HTTP is sent."""

from __future__ import annotations

import asyncio
import datetime
import ssl

import pytest
import trustme

from tests.support.samples import EVERY, FAST
from tests.support.wire import TOKEN, Wire, reply
from tread_async import DeadlineExceededError, NotSentError, RetryPolicy, TreadClient, TreadError

NAMES = ["accounts", "set_leverage", "create_account (once)"]
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def served(authority: trustme.CA, begins: datetime.timedelta, ends: datetime.timedelta) -> ssl.SSLContext:
    """A server's context with a certificate of a time relative to now."""
    now = datetime.datetime.now(datetime.UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue_cert("127.0.0.1", not_before=now + begins, not_after=now + ends)
    issued.configure_cert(context)
    return context


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("begins", "ends"), [(-2 * DAY, -DAY), (DAY, 2 * DAY)], ids=["expired", "not yet"])
async def test_out_of_its_time(
    authority: trustme.CA,
    trusting: ssl.SSLContext,
    name: str,
    begins: datetime.timedelta,
    ends: datetime.timedelta,
) -> None:
    """It is refused once, by an error that says it was the certificate; nothing was sent."""
    async with (
        Wire(reply(), ssl=served(authority, begins, ends)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, ssl=trusting) as client,
    ):
        with pytest.raises(NotSentError, match="certificate or TLS") as caught:
            await EVERY[name](client)

    assert (caught.value.permanent, caught.value.attempts) == (True, 1)
    assert (client.stats.requests_sent, wire.requests, wire.heard_bytes) == (0, [], 0)


@pytest.mark.fault("F35")
@pytest.mark.parametrize("name", NAMES)
async def test_a_handshake_that_stalls(trusting: ssl.SSLContext, name: str) -> None:
    """Unlike a bad certificate it may pass: it is tried again, and a write was not sent."""
    heard: list[bytes] = []

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(-1))
        writer.close()

    policy = RetryPolicy(attempts=2, attempt_timeout_s=0.04, base_s=0.001)
    async with await asyncio.start_server(stalls, "127.0.0.1") as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with TreadClient(TOKEN, base_url=url, retry=policy, ssl=trusting) as client:
            with pytest.raises(TreadError) as caught:
                await EVERY[name](client)
        async with asyncio.timeout(5.0):
            while len(heard) < 2:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)

    kinds = (NotSentError, DeadlineExceededError) if name == "accounts" else (NotSentError,)
    assert type(caught.value) in kinds
    assert caught.value.attempts == 2
    assert TOKEN.encode() not in b"".join(heard)
