"""HTTP that is not well-formed is no answer, whatever it seems to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, EVERY, FAST, READS, answering, count_of
from tests.support.wire import Wire, cut
from tread_async import OutcomeUnknownError, ProtocolError, TransportError

BROKEN = {
    "no status line": b"hello\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n[]",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    ),
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n[]\r\n",
    "200 headers": b"HTTP/1.1 200 OK\r\n" + b"X-Pad: 1\r\n" * 200 + b"Content-Length: 2\r\n\r\n[]",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\n[]",
}


@pytest.mark.fault("F22", "I2", "I4", "I10")
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("answer", BROKEN)
async def test_broken_http(connect: Callable[..., Any], name: str, answer: str) -> None:
    """It is never a refusal: a read is repeated, a write is unknown, and what acts is sent once."""
    async with Wire(answering(name, cut(BROKEN[answer]))) as wire:
        client = await connect(wire)
        with pytest.raises(TransportError) as caught:
            await EVERY[name](client)

    kinds = (ProtocolError, TransportError) if name in READS else (OutcomeUnknownError,)
    assert type(caught.value) in kinds
    assert count_of(wire, name) == caught.value.attempts == (FAST.attempts if name in READS | ABSOLUTE else 1)
