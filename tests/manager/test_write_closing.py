"""A write whose manager is closed, or whose caller is cancelled: what is known is said, nothing stays."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any, Final

import msgspec
import pytest

from tests.support.desks import FOUR_TRIES, NOTHING, desk, errors, every_key, kinds, left_behind
from tests.support.leverage_server import Act, LeverageServer
from tests.support.samples import NOON, PAIR
from tread_async import (
    ALL,
    AccountKey,
    Applied,
    ClientClosedError,
    ClosedAfterSendingError,
    OutcomeUnknownError,
    SessionManager,
    UsageError,
)
from tread_async.reports import Verification
from tread_async.simulator import Simulator

HANGS: Final = Act(wait_s=9.0)
XYZ: Final = {"x": "3", "y": "3", "z": "3"}
LONG: Final = msgspec.structs.replace(FOUR_TRIES, base_s=20.0, refused_base_s=20.0, cap_s=20.0)


def setting(manager: SessionManager, accounts: Any = ALL, **options: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(manager.set_leverage(5, pair=PAIR, accounts=accounts, **options))


async def closed(manager: SessionManager, *calls: asyncio.Task[Any]) -> list[Any]:
    """What the calls end with when the manager is closed, within a second."""
    async with asyncio.timeout(1.0):
        await manager.close()
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert left_behind(manager) == NOTHING
    return ended


@pytest.mark.fault("F38", "I3")
@pytest.mark.parametrize("verify", [True, False])
async def test_in_flight_and_queued(verify: bool) -> None:
    """The account whose request had left is unknown, the others are not applied; the report has all three."""
    async with LeverageServer(XYZ, [HANGS]) as server, desk(server, max_in_flight_per_token=1) as manager:
        call = setting(manager, batch=1, verify=verify)
        await server.wire.until(requests=2)
        [error] = await closed(manager, call)

    assert type(error) is ClosedAfterSendingError
    assert isinstance(error, ClientClosedError)
    assert isinstance(error, OutcomeUnknownError)
    assert kinds(error.report) == {"a/x": "Unknown", "a/y": "NotApplied", "a/z": "NotApplied"}
    assert isinstance(errors(error.report)["a/y"], ClientClosedError)
    assert len(server.asked) == 1


async def test_what_was_settled_before() -> None:
    """An account that was acknowledged before closing is applied, in the report and its pickle too."""
    acts = [Act(), HANGS]
    async with LeverageServer(XYZ, acts) as server, desk(server, max_in_flight_per_token=1) as manager:
        call = setting(manager, batch=1)
        await server.wire.until(requests=3)
        [error] = await closed(manager, call)
        copy = pickle.loads(pickle.dumps(error))

    assert kinds(error.report) == {"a/x": "Applied", "a/y": "Unknown", "a/z": "NotApplied"}
    assert kinds(copy.report) == kinds(error.report)


@pytest.mark.parametrize(("status", "kind"), [(500, "Unknown"), (422, "NotApplied")])
async def test_backing_off(status: int, kind: str) -> None:
    """Closed between two attempts: unknown after a 500; after a 422 to it alone, not applied."""
    acts = [Act(status=status, sets="none")]
    async with LeverageServer({"x": "3"}, acts) as server, desk(server, retry=LONG) as manager:
        call = setting(manager)
        while not manager.stats or not manager.stats["a"].retries:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        [error] = await closed(manager, call)

    assert type(error) is (ClosedAfterSendingError if status == 500 else ClientClosedError)
    assert kinds(error.report) == {"a/x": kind}
    assert len(server.asked) == 1


async def test_waiting_for_its_turn() -> None:
    """A newer call that waits for an older one to be answered ends as not applied, unsent."""
    async with LeverageServer({"x": "3"}, [HANGS]) as server, desk(server) as manager:
        calls = [setting(manager)]
        await server.wire.until(requests=2)
        calls.append(setting(manager))
        await asyncio.sleep(0.005)
        ended = await closed(manager, *calls)

    assert [type(error) for error in ended] == [ClosedAfterSendingError, ClientClosedError]
    assert [kinds(error.report) for error in ended] == [{"a/x": "Unknown"}, {"a/x": "NotApplied"}]
    assert len(server.asked) == 1


async def test_reading_back(sim: Simulator) -> None:
    """Closed when everything is acknowledged, the call returns: what was applied stays applied."""
    sim.fail(endpoint="balances", delay_s=9.0)
    async with desk(sim) as manager:
        call = setting(manager)
        while not sim.journal.count("balances"):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        [report] = await closed(manager, call)

    assert report.counts == {"applied": 6, "not_applied": 0, "unknown": 0}


async def test_reading_back_a_long_answer() -> None:
    """Closed while the answer waits to be decoded, the call returns too: nothing could be verified."""
    async with Simulator(accounts=4, assets=100, clock=lambda: NOON) as sim, desk(sim) as manager:
        sim.fail(endpoint="balances", delay_s=0.02)
        call = setting(manager)
        while not sim.journal.count("balances"):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        lock = manager._fleet.pace._lock  # type: ignore[union-attr]
        async with lock:  # which the decoding of the answer waits for
            while not sim.journal.count("balances", status=200):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.005)
            await manager.close()
        report = await call

    assert {outcome.verification for outcome in report.outcomes.values()} == {Verification.UNVERIFIABLE}
    assert report.ok


@pytest.mark.parametrize("which", ["all", "keys"])
async def test_listing(which: str) -> None:
    """Closed while the accounts are listed: accounts that were named are not applied, and nothing is sent."""
    async with (
        Simulator(tokens=2, accounts=["x"], clock=lambda: NOON) as sim,
        desk(sim) as manager,
    ):
        sim.fail(endpoint="accounts", delay_s=9.0)
        call = setting(manager, ALL if which == "all" else every_key(sim))
        while sim.journal.count("accounts") < 2:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        [error] = await closed(manager, call)

    assert type(error) is ClientClosedError
    assert kinds(error.report) == ({} if which == "all" else {"a/x": "NotApplied", "b/x": "NotApplied"})
    assert sim.journal.count("set_leverage") == 0


@pytest.mark.fault("I2", "I3")
@pytest.mark.parametrize("which", ["all", "keys"])
async def test_at_every_tick(which: str) -> None:
    """Closed after any number of loop ticks, a call sends nothing more, and says what became of each."""
    finished = False
    for ticks in range(1, 200):
        async with (
            Simulator(tokens=2, accounts=["x", "y"], assets=2, clock=lambda: NOON) as sim,
            desk(sim) as manager,
        ):
            call = setting(manager, ALL if which == "all" else every_key(sim))
            for _ in range(ticks):
                await asyncio.sleep(0)
            if finished := call.done():
                break
            before = len(sim.journal.requests)
            [ended] = await closed(manager, call)
            await asyncio.sleep(0.002)
            was_set = {AccountKey("ab"[change.user], change.name) for change in sim.journal.changes}

        report: Any = ended.report if isinstance(ended, ClientClosedError) else ended
        assert report.ok == (report is ended)
        assert len(sim.journal.requests) - before <= 2, ticks  # one of each token was on its way
        for key in every_key(sim) if which == "keys" else report.outcomes:
            assert key not in was_set or kinds(report)[str(key)] != "NotApplied"
            assert key in was_set or not isinstance(report.outcomes[key], Applied)

    assert finished


@pytest.mark.fault("F36", "I11")
async def test_cancelled_at_every_tick(sim: Simulator) -> None:
    """Cancelled after any number of loop ticks, a call leaves nothing behind, and the next call works."""
    finished = False
    async with desk(sim, max_in_flight=2) as manager:
        for ticks in range(300):
            call = setting(manager, batch=2)
            for _ in range(ticks):
                await asyncio.sleep(0)
            if finished := call.done():
                break
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert left_behind(manager) == NOTHING
        async with asyncio.timeout(3):
            report = await manager.set_leverage(7, pair=PAIR, accounts=ALL)

    assert finished
    assert report.ok


@pytest.mark.parametrize("stage", ["in flight", "backing off", "reading back"])
async def test_cancelled(stage: str) -> None:
    """Cancelled in any stage, it sends nothing more; another call for the same accounts is not held up."""
    acts = {"in flight": [HANGS], "backing off": [Act(status=500)], "reading back": []}[stage]
    async with LeverageServer(XYZ, acts) as server, desk(server, retry=LONG) as manager:
        call = setting(manager)
        await server.wire.until(requests=3 if stage == "reading back" else 2)
        await asyncio.sleep(0.005 if stage == "backing off" else 0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        after = left_behind(manager)
        async with asyncio.timeout(3):
            report = await manager.set_leverage(7, pair=PAIR, accounts=ALL)

    assert call.cancelled()
    assert after == NOTHING
    assert report.ok
    assert len(server.asked) == 2


async def test_a_closed_manager(sim: Simulator) -> None:
    """Every write of a manager that is closed, or not open yet, is refused, and nothing is sent."""
    manager = desk(sim)
    with pytest.raises(UsageError, match="not open"):
        await manager.set_leverage(5, pair=PAIR, accounts=ALL)
    async with manager:
        plan = await manager.plan_leverage({PAIR: {sim.accounts()[0].id: 99}})
    sent = len(sim.journal.requests)
    calls = [
        manager.set_leverage(5, pair=PAIR, accounts=ALL),
        manager.update_margin_mode("CROSS", accounts=ALL),
        manager.apply(plan),
        manager.plan_leverage({PAIR: {"a/x": 5}}),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="closed"):
            await call

    assert len(sim.journal.requests) == sent
