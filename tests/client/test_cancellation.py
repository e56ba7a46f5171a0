"""Cancellation passes through: nothing is sent after it, and the client stays usable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import EVERY, FAST, LISTED, ONE_TRY, READS, create
from tests.support.wire import TOKEN, Exchange, Wire, drip, reply, stall
from tread_async import RetryPolicy, TreadClient
from tread_async.simulator import Simulator

NAMES = [f"desk-{number:04d}-{'x' * 40}" for number in range(200)]


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.fault("F36", "I12")
@pytest.mark.parametrize("name", EVERY)
async def test_waiting_for_an_answer(name: str) -> None:
    """Cancelled on the wire, a call ends at once; its slot is free, and the next call works."""
    async with (
        Wire([stall, reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, max_in_flight=1) as client,
    ):
        task = asyncio.create_task(EVERY[name](client))
        await wire.until(requests=1)
        await cancel(task)
        assert await client.accounts() == ()

    assert len(wire.requests) == 2


@pytest.mark.fault("F36")
async def test_reading_the_body() -> None:
    """Cancelled in the middle of a body, the connection is not used again."""
    slow = drip(reply(b" " * 1000), 0.001)
    async with (
        Wire([slow, reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        task = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        await asyncio.sleep(0.01)
        await cancel(task)
        assert await client.accounts() == ()

    assert [request.connection for request in wire.requests] == [1, 2]


@pytest.mark.fault("F36", "I6")
@pytest.mark.parametrize("name", [*READS, "set_leverage", "update_account"])
async def test_waiting_to_repeat(name: str) -> None:
    """Cancelled between two attempts, a call sends no other one."""
    policy = RetryPolicy(attempts=3, base_s=20.0, cap_s=20.0)
    async with (
        Wire(reply(status=500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=policy) as client,
    ):
        task = asyncio.create_task(EVERY[name](client))
        await wire.until(requests=1)
        await asyncio.sleep(0.01)
        await cancel(task)

    assert len(wire.requests) == 1


@pytest.mark.fault("F36", "I12")
async def test_waiting_for_a_slot() -> None:
    """Cancelled in the queue, a call sends nothing, and the others keep their place."""
    go = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await go.wait()
        await exchange.send(reply([]))

    async with (
        Wire(answer) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, max_in_flight=1) as client,
    ):
        tasks = [asyncio.create_task(client.accounts()) for _ in range(3)]
        await wire.until(requests=1)
        await cancel(tasks[1])
        go.set()
        assert [await tasks[0], await tasks[2]] == [(), ()]

    assert len(wire.requests) == 2


@pytest.mark.fault("F37")
async def test_same_tick(sim: Simulator, connect: Callable[..., Any]) -> None:
    """A slot handed to a call that is cancelled in the same tick goes on to the next, every time."""
    client = await connect(sim, max_in_flight=1)
    for _ in range(100):
        first, second, third = (asyncio.create_task(client.accounts()) for _ in range(3))
        await asyncio.sleep(0)
        first.add_done_callback(lambda _, second=second: second.cancel())
        async with asyncio.timeout(1.0):
            await asyncio.gather(first, third)
        await asyncio.gather(second, return_exceptions=True)

    assert len(await client.accounts()) == 6


@pytest.mark.parametrize("name", ["balances", "set_leverage", "create_account (once)"])
async def test_at_every_tick(sim: Simulator, connect: Callable[..., Any], name: str) -> None:
    """Cancelled after any number of loop ticks, a call leaves nothing and the client works."""
    client = await connect(sim, max_in_flight=2)
    finished = False
    client._calls._chance = lambda: 0.0  # a wait takes time, and no number of ticks
    for ticks in range(200):
        task = asyncio.create_task(EVERY[name](client))
        for _ in range(ticks):
            await asyncio.sleep(0)
        if finished := task.done():
            await asyncio.gather(task, return_exceptions=True)
            break
        await cancel(task)
        seen = len(sim.journal.requests)
        await asyncio.sleep(0.001)
        assert len(sim.journal.requests) - seen <= 1  # what was already on its way

    assert finished
    assert len(await client.balances()) >= 6


async def test_parts_of_a_list() -> None:
    """Cancelling a call of several requests cancels all of them."""
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        task = asyncio.create_task(client.balances(NAMES))
        await wire.until(requests=3)
        await cancel(task)

    assert len(wire.requests) == 3


@pytest.mark.fault("I12")
async def test_task_group() -> None:
    """In a task group, a failing sibling cancels a call as it would cancel any other."""
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):

        async def fail() -> None:
            await wire.until(requests=1)
            raise KeyError("sibling")

        async def both() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(client.balances())
                group.create_task(fail())

        with pytest.raises(ExceptionGroup) as caught:
            await both()

    assert [type(error) for error in caught.value.exceptions] == [KeyError]


@pytest.mark.fault("I12")
async def test_timeout_of_the_caller() -> None:
    """A caller's own timeout ends the call as that timeout, not as one of ours."""
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.02):
                await client.balances()

    assert type(caught.value) is TimeoutError


@pytest.mark.fault("F36", "I1")
@pytest.mark.parametrize("listing", [0, 1])
async def test_around_a_write(listing: int) -> None:
    """Cancelled while it lists before or after archiving, the archive is sent not at all or once."""
    gets = [stall] if listing == 0 else [reply([LISTED]), stall]
    async with (
        Wire({"GET": gets, "DELETE": reply()}) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        task = asyncio.create_task(client.archive_account("old"))
        await wire.until(requests=1 + 2 * listing)
        await cancel(task)

    assert wire.count("DELETE") == listing


async def test_cancelled_before_it_starts(sim: Simulator, client: TreadClient) -> None:
    """A task cancelled before its first step sends nothing."""
    await cancel(asyncio.create_task(create(client)))  # type: ignore[arg-type]

    assert sim.journal.requests == []
