"""Answers without measure: little of them is read, less is held, and the connection is not used again."""

from __future__ import annotations

import asyncio
import functools
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ONE_TRY, READS
from tests.support.wire import Endless, Exchange, Step, Wire, reply
from tread_async import ProtocolError

MEBIBYTE = 1024 * 1024
CAP = 8 * MEBIBYTE
IN_THE_PIPE = 16 * MEBIBYTE  # what the system takes from a sender whose peer does not read


@functools.cache
def bomb() -> bytes:
    """0.2 MB that unpack to 200."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join([packer.compress(bytes(MEBIBYTE)) for _ in range(200)])
    return reply(packed + packer.flush(), Content_Encoding="gzip")


async def failed(client: Any, name: str) -> int:
    """The most bytes that Python held at once while the call failed."""
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="larger than 8388608 bytes") as caught:
            await READS[name](client)
        assert caught.value.too_large
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.fault("F26")
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("kind", ["bomb", "endless", "declared"])
async def test_too_large(connect: Callable[..., Any], name: str, kind: str) -> None:
    """It is dropped at 8 MiB, by hanging up; the next read has a connection of its own."""
    endless, hung_up = Endless(), asyncio.Event()

    async def until_hung_up(exchange: Exchange) -> None:
        try:
            await exchange.send(bomb() if kind == "bomb" else reply(b"[", length=10_000_000_000))
            await exchange.reader.read()
        finally:  # a connection that is closed before all is read ends with a RST
            hung_up.set()
            exchange.close()

    step: Step = endless if kind == "endless" else until_hung_up
    good = {"cached_balances": {"balances": []}, "accounts": []}.get(name, {})
    async with Wire([step, reply(good)]) as wire:
        client = await connect(wire, retry=ONE_TRY)
        held_bytes = await failed(client, name)
        async with asyncio.timeout(5.0):
            await (endless.hung_up if kind == "endless" else hung_up).wait()
        await READS[name](client)

    assert held_bytes < 40 * MEBIBYTE
    assert endless.sent_bytes < CAP + IN_THE_PIPE
    assert client.stats.bytes_received < 100
    assert [request.connection for request in wire.requests] == [1, 2]
