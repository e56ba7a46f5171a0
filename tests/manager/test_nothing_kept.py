"""What polling for months must not keep: the answers that failed."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from tests.support.desks import desk
from tests.support.fleet_accounts import Does, Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("does", ["fine", "undecodable", "cut", "500"])
async def test_polls(does: Does) -> None:
    """After ten more polls no more is in use than after the first few, whatever one account does."""
    bad = Held(name="bad", live=does, cached=does)
    user = User(
        token="canary-t", accounts=[bad, *[Held(name=f"n{number}", padding=2000) for number in range(60)]]
    )
    async with FleetServer(user) as server, desk(server, retry=ONE_TRY) as manager:

        async def poll() -> None:
            await manager.balances()
            await manager.balances(source="cached")
            user.seen.clear()

        grown = await grown_by_ten(poll)

    assert grown < 100_000  # one answer alone has more


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_managers_that_were_closed() -> None:
    """After ten more of 20 tokens each no more is in use than after the first few."""
    users = [User(token=f"canary-{number}", accounts=[Held(name="n")]) for number in range(20)]
    async with FleetServer(*users) as server:

        async def open_and_close() -> None:
            async with desk(server) as manager:
                await manager.accounts()
            for user in users:
                user.seen.clear()

        grown = await grown_by_ten(open_and_close)

    assert grown < 100_000  # one of them has more while it is open


async def grown_by_ten(work: Callable[[], Awaitable[None]]) -> int:
    """By how many bytes ten times *work* has grown what was in use after three times."""

    async def in_use_after(times: int) -> int:
        for _ in range(times):
            await work()
        await asyncio.sleep(0)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = await in_use_after(3)
        return await in_use_after(10) - before
    finally:
        tracemalloc.stop()
