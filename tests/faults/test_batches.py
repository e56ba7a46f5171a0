"""Many accounts at once, of which some are faulty: one outcome each, in order, and the others are served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.desks import FOUR_TRIES, desk, keys, kinds
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.leverage_server import FOR_EVER, Act, LeverageServer
from tests.support.samples import PAIR
from tests.support.wire import Exchange, stall
from tread_async import ALL, RetryPolicy

NAMES = [f"x{number:02}" for number in range(100)]
FAULTY, HANGING = NAMES[4::10], NAMES[57]
BESIDE_IT = NAMES[54]  # in one batch with the one that hangs, and faulty: that batch may still arrive
HASTY = RetryPolicy(attempts=1, attempt_timeout_s=0.15)
DEADLINE_S, AT_ONCE = 15.0, 6


def expected(good: str, faulty: str) -> dict[str, str]:
    return {f"a/{name}": faulty if name in (*FAULTY, HANGING) else good for name in NAMES}


@pytest.mark.fault("F39", "I3")
async def test_a_hundred_accounts_are_read() -> None:
    """Ten fail and one hangs: a hundred outcomes in the order asked, and never more requests than allowed."""
    user = User(token="t", accounts=[Held(name=name) for name in NAMES])
    for one in user.accounts:
        one.live = "500" if one.name in FAULTY else "hang" if one.name == HANGING else "fine"
    began = asyncio.get_running_loop().time()
    async with FleetServer(user) as server, desk(server, retry=HASTY, max_in_flight=AT_ONCE) as manager:
        snapshot = await manager.balances(keys("a", NAMES), deadline_s=DEADLINE_S)

    assert kinds(snapshot) == expected("Ok", "Failed")
    assert list(map(str, snapshot.outcomes)) == [f"a/{name}" for name in NAMES]
    assert server.peak <= AT_ONCE
    assert asyncio.get_running_loop().time() - began < DEADLINE_S / 2


class OneHangs(LeverageServer):
    """Never answers a request that has a certain account in it."""

    async def _set(self, exchange: Exchange) -> None:
        if f"id-{HANGING}" in exchange.request.json()["account_ids"]:
            await stall(exchange)
        else:
            await super()._set(exchange)


@pytest.mark.fault("F39", "I3")
async def test_a_hundred_leverages_are_set() -> None:
    """The same for a write: what is refused is not applied, what hangs and what was with it is unknown."""
    server = OneHangs(dict.fromkeys(NAMES, "3"), refusals=dict.fromkeys(FAULTY, FOR_EVER))
    began = asyncio.get_running_loop().time()
    async with server, desk(server, retry=HASTY, max_in_flight=AT_ONCE) as manager:
        report = await manager.set_leverage(
            7, pair=PAIR, accounts=keys("a", NAMES), batch=10, deadline_s=DEADLINE_S
        )

    unknown = dict.fromkeys([f"a/{HANGING}", f"a/{BESIDE_IT}"], "Unknown")
    assert kinds(report) == expected("Applied", "NotApplied") | unknown
    assert list(map(str, report.outcomes)) == [f"a/{name}" for name in NAMES]
    assert {name for name, _ in server.set_to} == {*NAMES} - {*FAULTY, HANGING}
    assert server.wire.peak <= AT_ONCE
    assert asyncio.get_running_loop().time() - began < DEADLINE_S / 2


@pytest.mark.fault("F16", "I2", "I3")
@pytest.mark.parametrize("verify", [True, False])
async def test_a_batch_that_is_refused_and_was_applied_in_part(verify: bool) -> None:
    """One of three was set: read back, each outcome is exact; without it none is denied."""
    acts = [Act(status=422, sets="odd")] + [Act(status=422, sets="none")] * 99
    server = LeverageServer({"x": "3", "y": "3", "z": "3"}, acts)
    async with server, desk(server, retry=FOUR_TRIES) as manager:
        report: Any = await manager.set_leverage(7, pair=PAIR, accounts=ALL, verify=verify)

    assert {name for name, _ in server.set_to} == {"y"}
    assert kinds(report) == (
        {"a/x": "NotApplied", "a/y": "Applied", "a/z": "NotApplied"}
        if verify
        else dict.fromkeys(["a/x", "a/y", "a/z"], "Unknown")
    )


@pytest.mark.fault("F16", "I2", "I3")
async def test_accounts_that_are_refused_one_by_one() -> None:
    """Asked for one account at a time, a refusal is exact without reading back."""
    server = LeverageServer({"x": "3", "y": "3", "z": "3"}, refusals={"x": FOR_EVER, "z": FOR_EVER})
    async with server, desk(server, retry=FOUR_TRIES) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, batch=1, verify=False)

    assert kinds(report) == {"a/x": "NotApplied", "a/y": "Applied", "a/z": "NotApplied"}
