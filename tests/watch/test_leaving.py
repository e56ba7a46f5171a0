"""Leaving a watch: at once, whoever wants it to end, and nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
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


@pytest.mark.fault("I11", "I12")
async def test_closing_that_is_cancelled() -> None:
    """Every watch has ended and every connection is closed, although nobody waits for that any more."""
    gate = asyncio.Event()
    gate.set()
    one = three(gate=gate)
    async with FleetServer(one) as server:
        manager = await desk(server).__aenter__()
        await manager.accounts()
        gate.clear()
        feeds = [manager.feed(interval_s=60.0) for _ in range(3)]
        readers = [asyncio.ensure_future(feed.wait_for(lambda _: False, timeout_s=60.0)) for feed in feeds]
        await server.until(3, "cached_balances")
        closing = asyncio.ensure_future(manager.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing})
        assert closing.cancelled()
        told = await asyncio.gather(*readers, return_exceptions=True)
        assert [type(error) for error in told] == [ClientClosedError] * 3
        await server.until_idle()


@pytest.mark.fault("I12")
@pytest.mark.parametrize("raises", [ValueError, asyncio.CancelledError])
@pytest.mark.parametrize("later", [False, True])
async def test_a_token_function_of_a_client_that_raises(raises: type[BaseException], later: bool) -> None:
    """Its error is a failure of its round, as with a manager; the next round asks it again."""
    one = three()
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if later:
            await asyncio.sleep(0)
        if asked == 1:
            raise raises("canary")
        return one.token

    async with (
        FleetServer(one) as server,
        TreadClient(token, base_url=server.url, retry=ONE_TRY) as client,
        client.watch(interval_s=0.01) as updates,
    ):
        first, second = await read(updates, 2)
    error = first.snapshot.unlisted["token"]
    assert str(error) == f"the token function of 'token' raised {raises.__name__}"
    assert second.snapshot.complete


@pytest.mark.parametrize("closes", [False, True])
async def test_left_before_anything_ran(closes: bool) -> None:
    """A block that is left at once polls nothing, and leaves no coroutine that was never awaited."""
    one = three()
    async with FleetServer(one) as server, desk(server) as manager:
        async with manager.watch(interval_s=1.0):
            if closes:
                await manager.close()
        gc.collect()  # what was never awaited warns when it goes, and a warning fails the test
        assert one.count() == 0
