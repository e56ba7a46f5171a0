"""Many accounts that spoil their batches at once: the others get their values, at a bounded price."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.desks import desk, keys, kinds
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import NOON, ONE_TRY, PAIR
from tread_async.simulator import Simulator

NAMES = [f"account-{number:03}-{'x' * 60}" for number in range(200)]


async def test_one_in_every_batch_of_a_read() -> None:
    """Batches that fail while it is found out whether there is an outage wait for the answer to that."""
    bad = NAMES[10::50]
    user = User(
        token="canary-t", accounts=[Held(name=name, live="400" if name in bad else "fine") for name in NAMES]
    )
    async with FleetServer(user) as server, desk(server, retry=ONE_TRY) as manager:
        snapshot = await manager.balances(keys("a", NAMES))

    assert {key.name for key, outcome in snapshot.outcomes.items() if type(outcome).__name__ != "Ok"} == set(
        bad
    )


@pytest.mark.fault("F39")
@pytest.mark.parametrize("status", [400, 422])
async def test_one_in_every_batch_of_a_write(status: int) -> None:
    """The same for a write: the others are applied."""
    async with (
        Simulator(accounts=60, assets=2, clock=lambda: NOON) as sim,
        desk(sim, retry=ONE_TRY) as manager,
    ):
        bad = [account.name for account in sim.accounts()[3::10]]
        for name in bad:
            sim.fail(endpoint="set_leverage", account=name, status=status)
        everything: Any = [f"a/{account.name}" for account in sim.accounts()]
        report = await manager.set_leverage(7, pair=PAIR, accounts=everything, batch=10, verify=False)

    applied = {name for name, kind in kinds(report).items() if kind == "Applied"}
    assert applied == set(everything) - {f"a/{name}" for name in bad}


async def test_most_are_refused() -> None:
    """Where most are refused, each is asked once or twice, and not at every step of a halving."""
    async with Simulator(accounts=200, assets=2, clock=lambda: NOON) as sim, desk(sim) as manager:
        names = [account.name for account in sim.accounts()]
        for name in names[::4] + names[1::4] + names[2::4]:
            sim.fail(endpoint="set_leverage", account=name, status=422)
        report = await manager.set_leverage(
            7, pair=PAIR, accounts=[f"a/{name}" for name in names], verify=False
        )

    assert report.counts["applied"] == 50
    assert sim.journal.count("set_leverage") <= 2 * len(names)


async def test_one_fat_account() -> None:
    """What one large account tells of its size does not make the others be read in small batches."""
    accounts = [Held(name="fat", padding=300_000), *[Held(name=f"n{number}") for number in range(300)]]
    user = User(token="canary-t", accounts=accounts)
    async with FleetServer(user) as server, desk(server) as manager:
        await manager.accounts()
        await manager.balance("a/fat")
        user.seen.clear()
        snapshot = await manager.balances()

    assert snapshot.complete
    assert user.count() == 1


async def test_one_that_hangs_in_a_write() -> None:
    """A batch with an account that never answers is split when its time is up, and the others are applied."""
    policy = msgspec.structs.replace(ONE_TRY, attempts=3, attempt_timeout_s=0.15)
    async with Simulator(accounts=20, assets=2) as sim, desk(sim, retry=policy) as manager:
        names = [account.name for account in sim.accounts()]
        sim.fail(endpoint="set_leverage", account=names[7], delay_s=30.0)
        report = await manager.set_leverage(
            7, pair=PAIR, accounts=[f"a/{name}" for name in names], verify=False, deadline_s=4.0
        )

    unknown = {name for name, kind in kinds(report).items() if kind != "Applied"}
    assert unknown == {f"a/{names[7]}"}
    assert kinds(report)[f"a/{names[7]}"] == "Unknown"
