"""What polling for months must not keep: the answers that failed."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

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

        async def polls(count: int) -> int:
            for _ in range(count):
                await manager.balances()
                await manager.balances(source="cached")
            user.seen.clear()
            await asyncio.sleep(0)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = await polls(3)
            after = await polls(10)
        finally:
            tracemalloc.stop()

    assert after - before < 100_000  # one answer alone has more


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_managers_that_were_closed() -> None:
    """After ten more of 20 tokens each no more is in use than after the first few."""
    users = [User(token=f"canary-{number}", accounts=[Held(name="n")]) for number in range(20)]
    async with FleetServer(*users) as server:

        async def opened(count: int) -> int:
            for _ in range(count):
                async with desk(server) as manager:
                    await manager.accounts()
            for user in users:
                user.seen.clear()
            await asyncio.sleep(0)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = await opened(3)
            after = await opened(10)
        finally:
            tracemalloc.stop()

    assert after - before < 100_000  # one of them has more while it is open
