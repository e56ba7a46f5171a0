"""Of calls that set the same, the newest wins: by the order in which they were made."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.desks import BACKOFF, NOTHING, backing_off, desk, errors, kinds, left_behind, leverages
from tests.support.leverage_server import HANG_UP, Act, LeverageServer
from tests.support.samples import NOON, PAIR
from tests.support.wire import Exchange, Wire, reply
from tread_async import (
    ALL,
    AccountKey,
    Applied,
    LeverageReport,
    NotApplied,
    NotSentError,
    SessionManager,
    Unknown,
)
from tread_async.simulator import Simulator

XY: Final = {"x": "3", "y": "3"}


def setting(
    manager: SessionManager, leverage: int, accounts: Any = ALL, **options: Any
) -> asyncio.Task[LeverageReport]:
    return asyncio.create_task(manager.set_leverage(leverage, pair=PAIR, accounts=accounts, **options))


@pytest.mark.fault("F40", "I7")
@pytest.mark.parametrize(("status", "kind"), [(500, Unknown), (422, NotApplied)])
@pytest.mark.parametrize("verify", [True, False])
async def test_an_older_call_that_backs_off_is_not_sent_again(status: int, kind: Any, verify: bool) -> None:
    """5 fails for one account and waits to repeat; 10 is set; 5 hears that a newer call took its place."""
    acts = [Act(status=status, sets="none")]
    async with LeverageServer({"x": "3"}, acts) as server, desk(server, retry=BACKOFF) as manager:
        older = setting(manager, 5, verify=verify)
        await backing_off(manager)
        newer = await setting(manager, 10)
        ended = await older

        assert server.set_to == [("x", 10)]
        assert len(server.asked) == 2
        assert newer.ok
        assert isinstance(ended.outcomes[AccountKey("a", "x")], kind)
        assert "newer call" in str(errors(ended)["a/x"])
        assert left_behind(manager) == NOTHING


async def test_an_older_call_that_fails_while_a_newer_one_waits() -> None:
    """5 fails when 10 waits for its turn: it ends there, without a wait for a repeat that may not be."""
    acts = [Act(status=500, sets="none", wait_s=0.05)]
    async with LeverageServer({"x": "3"}, acts) as server, desk(server, retry=BACKOFF) as manager:
        older = setting(manager, 5)
        await server.wire.until(requests=2)
        newer = await setting(manager, 10)
        ended = await older
        repeats = manager.stats["a"].retries

    assert repeats == {}
    assert server.set_to == [("x", 10)]
    assert (kinds(ended), kinds(newer)) == ({"a/x": "Unknown"}, {"a/x": "Applied"})


async def test_the_rest_of_an_older_batch_goes_on() -> None:
    """Of a batch that backs off, the accounts that no newer call is about are set all the same."""
    acts = [Act(status=500, sets="none")]
    async with LeverageServer(XY, acts) as server, desk(server, retry=BACKOFF) as manager:
        older = setting(manager, 5)
        await backing_off(manager)
        newer = await setting(manager, 10, ["a/x"])
        ended = await older

    assert server.asked == [("x", "y"), ("x",), ("y",)]
    assert server.set_to == [("x", 10), ("y", 5)]
    assert (kinds(ended), kinds(newer)) == ({"a/x": "Unknown", "a/y": "Applied"}, {"a/x": "Applied"})


async def test_an_older_call_that_is_still_listing() -> None:
    """5 waits for the list of a slow token while 10 is set for an account of the other: there 5 gives way."""
    go = asyncio.Event()

    async with Simulator(tokens=2, accounts=["x"], assets=2, clock=lambda: NOON) as sim:

        async def slow() -> str:
            await go.wait()
            return sim.tokens[1]

        async with SessionManager({"a": sim.tokens[0], "b": slow}, base_url=sim.url) as manager:
            older = setting(manager, 5)
            await asyncio.sleep(0)
            newer = await setting(manager, 10, ["a/x"])
            go.set()
            ended = await older
            held = [leverages(sim, PAIR, user)["x"] for user in range(2)]

            assert held == ["10", "5"]
            assert newer.ok
            assert kinds(ended) == {"a/x": "NotApplied", "b/x": "Applied"}
            error = errors(ended)["a/x"]
            assert isinstance(error, NotSentError)
            assert error.message == "a newer call sets the same; this one is not sent any more"
            assert error.permanent
            assert left_behind(manager) == NOTHING


async def test_one_account_through_two_credentials() -> None:
    """The requests for it take turns, within one call too, and it is applied under both names."""
    async with LeverageServer(XY, tokens=("canary-one", "canary-two")) as server, desk(server) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL)

    assert server.overlaps == []
    assert server.asked == [("x", "y"), ("x", "y")]
    assert kinds(report) == dict.fromkeys(["a/x", "a/y", "b/x", "b/y"], "Applied")


async def test_an_older_call_that_splits() -> None:
    """5 is refused for all together; 10 is made meanwhile: no part of the batch is asked for 5 again."""
    acts = [Act(status=422, wait_s=0.05, sets="odd")]
    async with LeverageServer(XY, acts) as server, desk(server) as manager:
        older = setting(manager, 5)
        await server.wire.until(requests=2)
        newer = await setting(manager, 10)
        ended = await older

    assert server.asked == [("x", "y"), ("x", "y")]
    assert server.set_to == [("y", 5), ("x", 10), ("y", 10)]
    assert newer.ok
    assert kinds(ended) == {"a/x": "Unknown", "a/y": "Unknown"}


async def test_an_older_call_in_flight_is_not_judged_by_the_newer_value() -> None:
    """5 is acknowledged while 10 waits for its turn: 5 was applied, though 10 is what is read back."""
    async with LeverageServer({"x": "3"}, [Act(wait_s=0.05)]) as server, desk(server) as manager:
        older = setting(manager, 5)
        await server.wire.until(requests=2)
        newer = await setting(manager, 10)
        ended = await older

    assert server.set_to == [("x", 5), ("x", 10)]
    assert server.overlaps == []
    assert (kinds(ended), kinds(newer)) == ({"a/x": "Applied"}, {"a/x": "Applied"})


async def test_a_plan_is_as_old_as_its_call(sim: Simulator) -> None:
    """A leverage set right after a plan of several groups is applied wins over all of them."""
    names = [account.name for account in sim.accounts()]
    async with desk(sim) as manager:
        plan = await manager.plan_leverage({PAIR: {name: 31 + n for n, name in enumerate(names)}})
        older = asyncio.create_task(manager.apply(plan))
        newer = setting(manager, 77)
        both = await asyncio.gather(older, newer)

    assert set(leverages(sim, PAIR).values()) == {"77"}
    assert [report.ok for report in both] == [False, True]


async def test_batches_that_overlap_in_opposite_order() -> None:
    """Calls for the same accounts in opposite orders all end, and the last of them is what is set."""
    names = [f"x{number}" for number in range(6)]
    async with (
        LeverageServer(dict.fromkeys(names, "3"), [Act(wait_s=0.001)] * 999) as server,
        desk(server) as manager,
        asyncio.timeout(10),
    ):
        orders = [[f"a/{name}" for name in some] for some in (names, names[::-1])]
        calls = [setting(manager, 5 + number, orders[number % 2], batch=4) for number in range(20)]
        reports = await asyncio.gather(*calls)

    assert server.overlaps == []
    assert {server.values_of(name)[-1] for name in names} == {Decimal(24)}
    assert reports[-1].ok


def judged(
    server: LeverageServer, calls: Iterable[tuple[int, list[AccountKey]]], reports: list[LeverageReport]
) -> None:
    """Holds the server's journal against the order of the calls and what they were told."""
    newest = {key.name: number for number, keys in calls for key in keys}
    assert server.overlaps == []
    for name, number in newest.items():
        values = server.values_of(name)
        assert values == sorted(values), f"an older call overwrote a newer one: {name} {values}"
        if isinstance(reports[number - 1].outcomes[AccountKey("a", name)], Applied):
            assert values[-1] == number
    for number, report in enumerate(reports, start=1):
        for key, outcome in report.outcomes.items():
            was_set = number in server.values_of(key.name)
            assert isinstance(outcome, Unknown) or was_set == isinstance(outcome, Applied), (key, outcome)


SERVER_ACTS: Final = [
    Act(),
    Act(wait_s=0.002),
    Act(status=422, sets="odd", wait_s=0.001),
    Act(status=500, sets="odd"),
    Act(status=HANG_UP, sets="all"),
]


@pytest.mark.fault("I7")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=2, max_size=9),
    acts=st.lists(st.sampled_from(SERVER_ACTS), max_size=30),
    seed=st.integers(0, 999),
)
async def test_any_calls_at_once(calls: list[set[int]], acts: list[Act], seed: int) -> None:
    """Every value is set in the order of the calls, one request at a time; the newest acknowledged stays."""
    rng = random.Random(seed)
    names = [f"x{number}" for number in range(5)]
    wanted = [(number, every_other(names, some, rng)) for number, some in enumerate(calls, start=1)]
    async with LeverageServer(dict.fromkeys(names, "99"), acts) as server, desk(server) as manager:
        tasks = []
        for number, accounts in wanted:
            options = {"batch": rng.randint(1, 5), "verify": rng.random() < 0.5}
            tasks.append(setting(manager, number, accounts, **options))
            await asyncio.sleep(rng.choice([0, 0, 0.001, 0.004]))
        reports = await asyncio.gather(*tasks)
        await server.settled()

        judged(server, wanted, reports)
        assert left_behind(manager) == NOTHING


def every_other(names: list[str], some: set[int], rng: random.Random) -> list[AccountKey]:
    """The accounts with these numbers, in any order."""
    chosen = [AccountKey("a", names[number]) for number in sorted(some)]
    rng.shuffle(chosen)
    return chosen


async def test_writes_overtake_reads_that_queue() -> None:
    """With one request at a time, a write made after three reads is sent before those that still wait."""
    release = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await release.wait()
        await exchange.send(reply({"x": {"exchange": "Gate", "assets": []}}))

    listed = [{"id": "id-x", "name": "x", "exchange": "Gate"}]
    script = {"GET": [reply(listed), held], "POST": reply()}
    async with Wire(script) as wire, desk(wire, max_in_flight=1) as manager:
        await manager.accounts()
        reads = [asyncio.create_task(manager.balances(["a/x"])) for _ in range(3)]
        await wire.until(requests=2)
        write = setting(manager, 5, verify=False)
        await asyncio.sleep(0.005)
        release.set()
        await asyncio.gather(write, *reads)

    assert [request.method for request in wire.requests] == ["GET", "GET", "POST", "GET", "GET"]
