"""Closing: prompt, and an honest error for every call it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, EVERY, ONCE, READS, create
from tests.support.wire import TOKEN, Wire, drip, reply, stall
from tread_async import (
    ClientClosedError,
    ClosedAfterSendingError,
    OutcomeUnknownError,
    RetryPolicy,
    TreadClient,
    UsageError,
)

SLOW = RetryPolicy(attempts=3, base_s=20.0, cap_s=20.0)
WRITES = ABSOLUTE | {"create_account (once)": ONCE["create_account"], "request (once)": ONCE["request"]}


async def closed(client: TreadClient, *calls: asyncio.Task[Any]) -> list[Any]:
    """What the calls end with when the client is closed, within a second and without more being sent."""
    async with asyncio.timeout(1.0):
        await client.close()
        return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("name", READS)
async def test_read_in_flight(name: str) -> None:
    """A read that waits for its answer, or reads it, ends as closed."""
    slow = drip(reply(b" " * 1000), 0.001)
    async with Wire([stall, slow]) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        waiting = asyncio.create_task(READS[name](client))
        await wire.until(requests=1)
        reading = asyncio.create_task(READS[name](client))
        await wire.until(requests=2)
        await asyncio.sleep(0.005)
        ended = await closed(client, waiting, reading)

    assert [type(error) for error in ended] == [ClientClosedError] * 2
    assert len(wire.requests) == 2


@pytest.mark.parametrize("name", WRITES)
async def test_write_in_flight(name: str) -> None:
    """A write that had left is closed, and unknown: whoever catches either hears of it."""
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url, retry=SLOW) as client:
        task = asyncio.create_task(WRITES[name](client))
        await wire.until(requests=1)
        ended = await closed(client, task)

    assert [type(error) for error in ended] == [ClosedAfterSendingError]
    assert isinstance(ended[0], ClientClosedError)
    assert isinstance(ended[0], OutcomeUnknownError)
    assert len(wire.requests) == 1


async def test_queue() -> None:
    """Calls that wait for a slot end as closed, reads and writes, and are not sent."""
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url, max_in_flight=1) as client:
        first = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        asks = (*READS.values(), *ABSOLUTE.values(), *ONCE.values())
        queued = [asyncio.create_task(ask(client)) for ask in asks]
        await asyncio.sleep(0.005)
        ended = await closed(client, first, *queued)

    assert [type(error) for error in ended] == [ClientClosedError] * 10
    assert len(wire.requests) == 1


@pytest.mark.parametrize("name", READS | ABSOLUTE)
async def test_backoff(name: str) -> None:
    """A call between two attempts ends at once: a read as closed, a write that failed as unknown too."""
    async with Wire(reply(status=500)) as wire, TreadClient(TOKEN, base_url=wire.url, retry=SLOW) as client:
        client._calls._chance = lambda: 1.0  # or the wait may be drawn as no time at all
        task = asyncio.create_task(EVERY[name](client))
        await wire.until(requests=1)
        await asyncio.sleep(0.01)
        ended = await closed(client, task)

    assert type(ended[0]) is (ClientClosedError if name in READS else ClosedAfterSendingError)
    assert len(wire.requests) == 1


async def test_backoff_of_a_refused_write() -> None:
    """A leverage known not to be set when closing interrupts its wait ends as closed."""
    policy = RetryPolicy(attempts=3, refused_base_s=20.0, cap_s=20.0)
    async with Wire(reply({}, 422)) as wire, TreadClient(TOKEN, base_url=wire.url, retry=policy) as client:
        client._calls._chance = lambda: 1.0
        task = asyncio.create_task(ABSOLUTE["set_leverage"](client))
        await wire.until(requests=1)
        await asyncio.sleep(0.01)
        ended = await closed(client, task)

    assert type(ended[0]) is ClientClosedError


async def test_many() -> None:
    """Forty calls in every stage: each gets its error, within a second, and none is cancelled."""
    slow = drip(reply(b" " * 1000), 0.001)
    steps = [reply(status=500)] * 10 + [stall] * 10 + [slow] * 10
    async with (
        Wire(steps) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=SLOW, max_in_flight=20) as client,
    ):
        client._calls._chance = lambda: 1.0
        calls = [asyncio.create_task(client.accounts()) for _ in range(40)]
        await wire.until(requests=30)
        await asyncio.sleep(0.01)
        ended = await closed(client, *calls)

    assert [type(error) for error in ended] == [ClientClosedError] * 40


async def test_after_an_acknowledged_write() -> None:
    """A created account whose listing is cut short by closing is closed, and unknown."""
    async with (
        Wire({"POST": reply(), "GET": stall}) as wire,
        TreadClient(TOKEN, base_url=wire.url) as client,
    ):
        task = asyncio.create_task(create(client))  # type: ignore[arg-type]
        await wire.until(requests=2)
        ended = await closed(client, task)

    assert [type(error) for error in ended] == [ClosedAfterSendingError]


async def test_parts_of_a_list() -> None:
    """A call of several requests ends with one error, not with a group."""
    names = [f"desk-{number:04d}-{'x' * 40}" for number in range(200)]
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        task = asyncio.create_task(client.balances(names))
        await wire.until(requests=3)
        ended = await closed(client, task)

    assert [type(error) for error in ended] == [ClientClosedError]


async def test_token_being_fetched() -> None:
    """A call that waits for its token ends as closed."""

    async def never() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async with Wire(reply([])) as wire, TreadClient(never, base_url=wire.url, deadline_s=5.0) as client:
        task = asyncio.create_task(client.accounts())
        await asyncio.sleep(0.005)
        try:
            ended = await closed(client, task)
        finally:
            task.cancel()

    assert [type(error) for error in ended] == [ClientClosedError]
    assert wire.requests == []


async def test_twice_and_at_once() -> None:
    """Closing again, or twice at the same time, does no harm."""
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        task = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        await asyncio.gather(client.close(), client.close())
        ended = await closed(client, task)

    assert [type(error) for error in ended] == [ClientClosedError]


async def test_leaving_the_block_with_an_error() -> None:
    """The error that leaves the block is the one raised in it."""
    async with Wire(stall) as wire:
        client = TreadClient(TOKEN, base_url=wire.url)
        with pytest.raises(KeyError):
            async with client:
                raise KeyError("mine")

        with pytest.raises(UsageError, match="closed"):
            await client.accounts()


async def test_closing_is_cancelled() -> None:
    """Closing that is cancelled leaves nothing open once it is called again."""
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        task = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        ended = await closed(client, task)

    assert [type(error) for error in ended] == [ClientClosedError]
