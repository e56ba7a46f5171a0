"""Leaving a watch: at once, whoever wants it to end, and nothing stays behind."""

from __future__ import annotations

import asyncio
from collections import Counter

import anyio
import pytest

from tests.support.desks import desk
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tests.support.watched import read, three
from tread_async import AccountKey, ClientClosedError, TreadClient


@pytest.mark.fault("I8", "I11")
@pytest.mark.parametrize("leaves", ["left", "cancelled", "closed", "anyio"])
async def test_it_stops_promptly(leaves: str) -> None:
    """With a request in flight: the block is left, or cancelled, or the manager closes. Nothing stays."""
    gate = asyncio.Event()
    gate.set()
    one = three(gate=gate)
    clock = asyncio.get_running_loop().time
    async with FleetServer(one) as server, desk(server) as manager:
        await manager.accounts()
        gate.clear()
        raised: list[BaseException] = []

        async def bot() -> None:
            try:
                async with manager.watch(interval_s=0.01) as updates:
                    await server.until(1, "cached_balances")
                    if leaves != "left":
                        await anext(updates)
            except ClientClosedError as error:
                raised.append(error)
            except asyncio.CancelledError as error:
                raised.append(error)
                raise

        if leaves == "anyio":
            async with anyio.create_task_group() as group:
                group.start_soon(bot)
                await server.until(1, "cached_balances")
                began = clock()
                group.cancel_scope.cancel()
        else:
            task = asyncio.create_task(bot())
            await server.until(1, "cached_balances")
            began = clock()
            if leaves == "cancelled":
                task.cancel()
            elif leaves == "closed":
                await manager.close()
            await asyncio.wait({task})
        assert clock() - began < 2.0  # and not the time that a poll may take
        assert [type(error) for error in raised] == {
            "left": [], "closed": [ClientClosedError],
        }.get(leaves, [asyncio.CancelledError])  # fmt: skip
        sent = one.count()
        await server.until_idle()
        gate.set()
        assert one.count() == sent


async def test_readers_in_a_task_group_that_fails() -> None:
    """One task of the group fails: the readers are cancelled, the error comes out, nothing is left behind."""
    one = three()
    async with FleetServer(one) as server, desk(server) as manager:
        feed = manager.feed(interval_s=0.01)
        seen: Counter[int] = Counter()

        async def reader(number: int) -> None:
            async with feed.subscribe() as updates:
                async for _ in updates:
                    seen[number] += 1

        async def failing() -> None:
            async with feed.subscribe() as updates:
                await read(updates, 3)
            raise ZeroDivisionError

        async def all_of_them() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(reader(number))
                group.create_task(failing())

        with pytest.raises(ExceptionGroup) as caught:
            await all_of_them()
        assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]
        assert set(seen) == {0, 1, 2}


async def test_a_client_watches_too() -> None:
    """`TreadClient` has the same watch for its one token."""
    one = three()
    async with (
        FleetServer(one) as server,
        TreadClient(one.token, base_url=server.url, retry=ONE_TRY) as client,
    ):
        async with client.watch(["token/y", "x"], interval_s=0.01) as updates:
            (update,) = await read(updates, 1)
        assert list(update.snapshot.outcomes) == [AccountKey("token", "y"), AccountKey("token", "x")]
        assert update.snapshot.complete
        asked = one.count("cached_balances")
        waiting = asyncio.ensure_future(client.feed(interval_s=60).wait_for(lambda _: False, timeout_s=60))
        await server.until(asked + 1, "cached_balances")
        await client.close()
        with pytest.raises(ClientClosedError):
            await waiting
