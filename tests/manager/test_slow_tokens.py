"""What one slow or silent token does to the others, and how old a snapshot is when it is complete."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.desks import desk, kinds
from tests.support.fleet_accounts import HANG, Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY, PAIR
from tread_async import ALL, AccountKey, Missing, Ok, SessionManager, Stale
from tread_async._pacing import Pace
from tread_async.simulator import Simulator

AX = AccountKey("a", "x")


def users() -> tuple[User, User]:
    return User(token="canary-t-a", accounts=[Held(name="x")]), User(
        token="canary-t-b", accounts=[Held(name="y")]
    )


async def test_a_list_that_hangs_at_first() -> None:
    """The token whose list hangs is unlisted; the other has been read long before."""
    first, second = users()
    second.refuses = {"accounts": HANG}
    async with FleetServer(first, second) as server, desk(server, retry=ONE_TRY) as manager:
        began = asyncio.get_running_loop().time()
        snapshot = await manager.balances(deadline_s=0.6)
        read_at = next(seen.at for seen in first.seen if seen.endpoint == "balances")

    assert kinds(snapshot) == {"a/x": "Ok"}
    assert list(snapshot.unlisted) == ["b"]
    assert read_at - began < 0.25


async def test_a_list_that_hangs_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list in doubt that cannot be renewed in time is used as it is, and not asked for at every poll."""
    monkeypatch.setattr("tread_async._fleet.directory._RENEWED_WITHIN_S", 0.05)
    first, second = users()
    async with FleetServer(first, second) as server, desk(server, retry=ONE_TRY) as manager:
        await manager.balances()
        second.accounts[0].live = "missing"
        second.refuses = {"accounts": HANG}
        snapshots = [await manager.balances(deadline_s=5.0) for _ in range(4)]

    assert [kinds(snapshot) for snapshot in snapshots] == [{"a/x": "Ok", "b/y": "Missing"}] * 4
    assert second.count("accounts") == 2


async def test_a_list_that_hangs_does_not_take_the_time_of_a_write() -> None:
    """With ALL the accounts of the other token are written to, and the silent one is said to be unlisted."""
    async with Simulator(tokens=2, accounts=2, assets=2) as sim, desk(sim, retry=ONE_TRY) as manager:
        sim.fail(endpoint="accounts", user=1, delay_s=30.0)
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL, verify=False, deadline_s=1.0)

    assert set(kinds(report).values()) == {"Applied"}
    assert len(report.outcomes) == 2
    assert (list(report.unlisted), report.ok) == (["b"], False)


async def test_the_age_is_that_of_the_whole_snapshot() -> None:
    """A balance that came at once has grown old when the last one comes, and is judged by that."""
    first, second = users()
    second.wait_s = 0.5
    async with FleetServer(first, second) as server, desk(server) as manager:
        await manager.accounts()
        fresh = await manager.balances(source="cached", max_age_s=100)
        strict = await manager.balances(source="cached", max_age_s=0.3)
        second.wait_s = 1.1
        unjudged = await manager.balances(source="cached")

    age_s = fresh.outcomes[AX].age_s  # type: ignore[union-attr]
    assert 0.4 < age_s < 5.0
    assert isinstance(strict.outcomes[AX], Stale)
    assert 1.0 < unjudged.outcomes[AX].age_s < 6.0  # type: ignore[union-attr]


async def test_what_has_no_age_does_not_grow_old() -> None:
    """In a snapshot that was slow to come, a balance without a time stamp and one that is missing stay so."""
    first, second = users()
    first.accounts += [Held(name="undated", stamp=None), Held(name="gone", cached="missing")]
    second.wait_s = 0.3
    async with FleetServer(first, second) as server, desk(server) as manager:
        await manager.accounts()
        snapshot = await manager.balances(source="cached", max_age_s=0.25)
    grown_old, undated, gone, _ = snapshot.outcomes.values()

    assert (type(grown_old), type(undated), type(gone)) == (Stale, Stale, Missing)
    assert undated.age_s is None  # type: ignore[union-attr]


async def test_a_live_balance_is_as_old_as_its_request() -> None:
    """The exchange may have been read the moment the request came: the wait for the answer counts."""
    first, _ = users()
    first.wait_s = 0.3
    async with FleetServer(first) as server, desk(server) as manager:
        balance = await manager.balance(AX)

    assert balance.age_s is not None
    assert balance.age_s >= 0.3


async def test_auto_leaves_time_for_the_cache() -> None:
    """However little time there is, half of it is the cache's."""
    first, _ = users()
    first.accounts[0].live = "hang"
    async with FleetServer(first) as server, desk(server, retry=ONE_TRY) as manager:
        await manager.accounts()
        snapshot = await manager.balances(source="auto", max_age_s=100, deadline_s=0.4)
        balance = await manager.balance(AX, source="auto", max_age_s=100, deadline_s=0.4)

    assert isinstance(snapshot.outcomes[AX], Ok)
    assert balance.source == "cached"


async def test_a_few_requests_a_turn() -> None:
    """Requests of many tokens are not all begun in one turn of the loop; a cancelled caller takes no turn."""
    pace, log = Pace(), []

    async def start(number: int) -> None:
        await pace.turn()
        log.append(number)

    tasks = [asyncio.create_task(start(number)) for number in range(10)]
    await asyncio.sleep(0)
    tasks[5].cancel()
    counts = []
    for _ in range(6):
        await asyncio.sleep(0)
        counts.append(len(log))
    await asyncio.gather(*tasks, return_exceptions=True)

    assert log == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert max(later - earlier for earlier, later in zip([4, *counts], counts, strict=False)) <= 4


async def test_a_token_that_is_slow_to_come_holds_no_slot() -> None:
    """While calls wait for the function of one token, those of another have every slot."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def token() -> str:
        asked.set()
        await go.wait()
        return "canary-t-a"

    async with (
        FleetServer(*users()) as server,
        SessionManager({"a": token, "b": "canary-t-b"}, base_url=server.url, max_in_flight=1) as manager,
    ):
        waiting = asyncio.create_task(manager.balances(["a/x"]))
        await asked.wait()
        async with asyncio.timeout(3):
            snapshot = await manager.balances(["b/y"])
        go.set()
        later = await waiting

    assert (kinds(snapshot), kinds(later)) == ({"b/y": "Ok"}, {"a/x": "Ok"})
