"""Cancelled at every step: what has been sent is sent, nothing else is, and the client is as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import EVERY, REQUESTS, well
from tests.support.wire import Wire
from tread_async import TreadClient

MOST_TICKS = 300


def free_slots(client: TreadClient) -> int:
    assert client._calls is not None
    return client._calls._transport._lane._free


async def settled() -> None:
    """Lets the server hear what is on its way: it takes some turns of the loop, not some time."""
    for _ in range(20):
        await asyncio.sleep(0)


async def cancelled_after(call: asyncio.Task[Any], ticks: int) -> bool:
    """Cancels *call* after so many turns of the loop; False where it had ended before."""
    for _ in range(ticks):
        await asyncio.sleep(0)
    if call.done():
        await call
        return False
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    return call.cancelled()


@pytest.mark.fault("F36", "I1", "I6", "I11", "I12")
@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("name", EVERY)
async def test_at_every_tick(connect: Callable[..., Any], name: str, kept: bool) -> None:
    """Each call sends no more than it had begun to send, and the slot that it held is free."""
    async with Wire(well) as wire:
        client = await connect(wire, max_in_flight=1)
        for ticks in range(MOST_TICKS):
            if kept:
                await client.accounts()
            before, sent_before = len(wire.requests), client.stats.requests_sent
            if not await cancelled_after(asyncio.create_task(EVERY[name](client)), ticks):  # type: ignore[arg-type]
                break
            sent = client.stats.requests_sent - sent_before
            assert free_slots(client) == 1
            await settled()
            arrived = [request.method for request in wire.requests[before:]]
            assert len(arrived) <= sent == client.stats.requests_sent - sent_before <= REQUESTS.get(name, 1)
            assert len([method for method in arrived if method != "GET"]) <= 1

        assert 2 < ticks < MOST_TICKS - 1
        assert len(await client.accounts()) == 2
