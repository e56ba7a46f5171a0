"""Every coroutine of a manager, cancelled at each suspension: nothing is sent after, all is free."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.desks import NOTHING, desk, left_behind
from tests.support.samples import ONE_TRY, PAIR
from tests.support.suspensions import cancelled_at_every_suspension
from tread_async import ALL, RetryPolicy, SessionManager
from tread_async.simulator import Simulator

IMPATIENT = RetryPolicy(attempts=2, attempt_timeout_s=0.02, base_s=0.001, refused_base_s=0.001, cap_s=0.001)
SERVERS: dict[str, list[dict[str, Any]]] = {
    "ok": [],
    "500 and then ok": [{"status": 500, "times": 1}],
    "timeout": [{"delay_s": 5.0}],
}


def _sent(manager: SessionManager) -> int:
    return sum(stats.requests_sent for stats in manager.stats.values())


def _use(manager: SessionManager, retry: RetryPolicy) -> None:
    fleet: Any = manager._fleet
    manager._wiring._retry = retry
    for line in fleet.lines.values():
        if line.opened is not None:
            line.opened._retry = retry


async def planned(manager: SessionManager) -> Any:
    plan = await manager.plan_leverage({PAIR: {"a/x": 5, "b/y": 7}})
    return await manager.apply(plan)


async def watched(manager: SessionManager) -> None:
    async with manager.watch(["a/x", "b/y"], interval_s=0.01) as updates:
        await anext(updates)
        await anext(updates)


ASKS: dict[str, Any] = {
    "a watch": watched,
    "a feed": lambda manager: manager.feed(interval_s=0.01).wait_for(lambda one: one.outcomes, timeout_s=1.0),
    "accounts": lambda manager: manager.accounts(refresh=True),
    "balances": lambda manager: manager.balances(),
    "balances of some": lambda manager: manager.balances(["a/x", "b/y"], source="cached"),
    "balances, auto": lambda manager: manager.balances(source="auto", max_age_s=1e6, live_within_s=0.01),
    "balance": lambda manager: manager.balance("a/x"),
    "set_leverage": lambda manager: manager.set_leverage(5, pair=PAIR, accounts=ALL),
    "update_margin_mode": lambda manager: manager.update_margin_mode("CROSS", accounts=["a/x", "b/y"]),
    "a plan": planned,
}


@pytest.mark.fault("F36", "I11", "I12")
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ASKS)
async def test_cancelled_at_every_suspension(name: str, server: str) -> None:
    async with (
        Simulator(tokens=2, accounts=["x", "y"], assets=1) as sim,
        desk(sim, retry=IMPATIENT, max_in_flight=3) as manager,
    ):

        async def ask() -> Any:
            sim.heal()
            manager._wiring._budget.left = 100
            for fault in SERVERS[server]:
                sim.fail(**fault)
            return await ASKS[name](manager)

        async def check() -> None:
            sim.heal()
            _use(manager, ONE_TRY)  # a machine that is busy may take longer than the calls that are cancelled
            await manager.accounts()  # flights without readers end in the next turns
            assert left_behind(manager) == NOTHING
            assert not manager._fleet.flights._tasks  # type: ignore[union-attr]
            assert not manager._fleet.polling  # type: ignore[union-attr]
            sent = _sent(manager)
            assert (await manager.balances(source="cached")).complete
            assert _sent(manager) <= sent + 4
            _use(manager, IMPATIENT)

        suspensions = await cancelled_at_every_suspension(ask, check)

    assert suspensions >= 1
    assert len(asyncio.all_tasks()) == 1
