"""One feed and any number of readers: each has its own pace and choice, and none loses a change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.desks import desk, half_a_minute_passes, keys
from tests.support.fleet_accounts import Held
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tests.support.watched import polls, read, three, user, watching
from tread_async import (
    AccountKey,
    DeadlineExceededError,
    Ok,
    SessionManager,
    Snapshot,
    Update,
    UsageError,
)

X, Y, Z = keys("a", "xyz")


def amount(snapshot: Snapshot, key: AccountKey) -> str:
    outcome = snapshot.outcomes[key]
    assert isinstance(outcome, Ok)
    return str(outcome.value.rows[0].amount)


@pytest.mark.parametrize("readers", [1, 2, 30])
def test_polled_once(readers: int) -> None:
    """However many readers there are, each round is one request for a token."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0, jitter=0.0)
        found: list[list[Update]] = []

        async def reader() -> None:
            async with feed.subscribe() as updates:
                found.append(await read(updates, 10))

        async with asyncio.TaskGroup() as group:
            for _ in range(readers):
                group.create_task(reader())
        assert len(found) == readers
        for some in zip(*found, strict=True):
            assert len({id(update.snapshot) for update in some}) == 1

    watching(one, test=test)

    assert len(polls(one)) in (9, 10)


@pytest.mark.fault("F41", "I8")
def test_a_slow_reader_sees_the_newest_state() -> None:
    """Rounds that it did not read are counted, and their changes are part of the next update."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0, jitter=0.0)
        async with feed.subscribe() as slow, feed.subscribe() as prompt:
            await read(slow, 1)
            await read(prompt, 1)
            for round_ in range(2, 7):
                one.accounts[round_ % 3].amount = f"{round_}.5"
                (update,) = await read(prompt, 1)
                assert update.skipped == 0
                assert len(update.changes) == 1
            (late,) = await read(slow, 1)
            assert late.round == update.round
            assert late.skipped == late.round - 2
            assert set(late.changes) == {X, Y, Z}
            (row,) = late.changes[X].rows_changed
            assert (str(row.old.amount), str(row.new.amount)) == ("1.5", "6.5")
            (after,) = await read(slow, 1)
            assert (after.skipped, dict(after.changes)) == (0, {})

    watching(one, test=test)


def test_a_late_joiner_has_the_last_value_at_once() -> None:
    """It does not wait for the next round, and everything is new to it."""
    one = three()

    async def test(manager: SessionManager) -> None:
        clock = asyncio.get_running_loop().time
        feed = manager.feed(interval_s=60.0)
        async with feed.subscribe() as updates:
            (first,) = await read(updates, 1)
            await asyncio.sleep(30)
            began = clock()
            async with feed.subscribe([Y]) as late, feed.subscribe([Y]) as later:
                (update,) = await read(late, 1)
                (other,) = await read(later, 1)
            assert clock() - began < 1.0
            assert update.snapshot.outcomes[Y].age_s == pytest.approx(30.0, abs=1.0)  # of now
            assert other.snapshot.outcomes == update.snapshot.outcomes
            assert update.round == first.round
            assert list(update.snapshot.outcomes) == [Y]
            assert update.changes[Y].appeared
            assert update.skipped == 0

    watching(one, test=test)

    assert one.count("cached_balances") == 1


def test_each_reader_has_its_filter() -> None:
    """A reader of some accounts gets those, in its order, and only their changes."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0)
        async with (
            feed.subscribe(["a/z", "x"]) as some,
            feed.subscribe([Y], changes_only=True) as changes,
            feed.subscribe() as every,
        ):
            assert [list(update.snapshot.outcomes) for update in await read(some, 2)] == [[Z, X]] * 2
            await read(changes, 1)
            one.accounts[0].amount = "2.5"
            await read(every, 3)
            one.accounts[1].amount = "3.5"
            (update,) = await read(changes, 1)
            assert list(update.changes) == [Y]
            assert amount(update.snapshot, Y) == "3.5"
            updates = await read(some, 3)
            assert {key for update in updates for key in update.changes} == {X}

    watching(one, test=test)


def test_what_the_feed_does_not_poll() -> None:
    """A reader cannot ask for an account that is not polled; it is told so, and nothing is sent for it."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed([X, Y], interval_s=1.0)
        with pytest.raises(UsageError, match="does not poll a/z"):
            await feed.subscribe([Z]).__aenter__()
        async with feed.subscribe([Y]) as updates:
            await read(updates, 1)

    watching(one, test=test)

    assert {seen.names for seen in one.seen if seen.endpoint == "cached_balances"} == {("x", "y")}


def test_polling_starts_with_the_first_and_stops_with_the_last() -> None:
    """Nothing is sent before somebody reads, and nothing after the last has left; then it starts anew."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0)
        await asyncio.sleep(5)
        assert one.count() == 0
        async with feed.subscribe() as first:
            await read(first, 1)
            async with feed.subscribe() as second:
                await read(second, 2)
            await read(first, 2)
        sent = one.count()
        assert sent > 3
        await asyncio.sleep(30)
        assert one.count() == sent
        async with feed.subscribe() as again:
            (update,) = await read(again, 1)
        assert update.round == 1
        assert one.count() == sent + 1

    watching(one, test=test)


def test_wait_for() -> None:
    """It returns the first snapshot that fits, and stops polling if nobody else reads."""
    one = three()

    async def test(manager: SessionManager) -> None:
        clock = asyncio.get_running_loop().time
        feed = manager.feed(interval_s=1.0)

        async def deposit() -> None:
            await asyncio.sleep(7)
            one.accounts[1].amount = "1000"

        task = asyncio.create_task(deposit())
        began = clock()
        found = await feed.wait_for(
            lambda snapshot: amount(snapshot, Y) == "1000", timeout_s=60, accounts=[Y]
        )
        assert 7 <= clock() - began < 9
        assert list(found.outcomes) == [Y]
        await task
        sent = one.count()
        with pytest.raises(DeadlineExceededError, match="within 5 s"):
            await feed.wait_for(lambda snapshot: False, timeout_s=5)
        assert one.count() - sent in (5, 6, 7)
        sent = one.count()
        await asyncio.sleep(10)
        assert one.count() == sent

    watching(one, test=test)


def test_wait_for_says_why() -> None:
    """Where nothing could be read, the error of the condition that did not come about has the last one."""
    one = three(refuses={"cached_balances": 500})

    async def test(manager: SessionManager) -> None:
        with pytest.raises(DeadlineExceededError, match=r"within 5 s; the last error: .*HTTP 500"):
            await manager.feed(interval_s=1.0).wait_for(lambda one: one.complete, timeout_s=5)

    watching(one, test=test, retry=ONE_TRY)


def test_what_a_condition_raises() -> None:
    """An error of the condition is not taken for a time that is up, be it a `TimeoutError`."""
    one = three()

    async def test(manager: SessionManager) -> None:
        def broken(_: Snapshot) -> bool:
            raise TimeoutError("of mine")

        with pytest.raises(TimeoutError, match="of mine"):
            await manager.feed(interval_s=1.0).wait_for(broken, timeout_s=5)

    watching(one, test=test)


@pytest.mark.parametrize("what", ["next", "after", "before", "twice", "closed"])
async def test_used_wrongly(what: str) -> None:
    """Out of its block, a second time, by two tasks at once or after closing: one clear sentence."""
    one = three()
    async with FleetServer(one) as server:
        manager = desk(server)
        if what == "before":
            with pytest.raises(UsageError, match="not open"):
                manager.watch(interval_s=1.0)
            return
        async with manager:
            updates = manager.watch(interval_s=60.0)
            if what == "next":
                with pytest.raises(UsageError, match="inside 'async with"):
                    await anext(updates)
                return
            async with updates:
                await anext(updates)
                if what == "twice":
                    waiting = asyncio.ensure_future(anext(updates))
                    await asyncio.sleep(0)
                    with pytest.raises(UsageError, match="another task"):
                        await anext(updates)
                    waiting.cancel()
                    await asyncio.wait({waiting})
            if what == "after":
                with pytest.raises(UsageError, match="entered once"):
                    await updates.__aenter__()
        if what == "closed":
            with pytest.raises(UsageError, match="closed"):
                manager.feed(interval_s=1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval_s": 0},
        {"interval_s": -1.0},
        {"interval_s": float("inf")},
        {"interval_s": True},
        {"jitter": 0.6},
        {"jitter": -0.1},
        {"jitter": None},
        {"source": "cache"},
        {"source": "auto"},
        {"max_age_s": 0},
        {"max_silence_s": 0},
        {"max_silence_s": 1.0},
        {"max_silence_s": 1.2, "jitter": 0.5},
        {"deadline_s": -1},
        {"accounts": []},
        {"accounts": "a/x"},
        {"changes_only": 1},
    ],
    ids=str,
)
async def test_refused_at_once(wrong: dict[str, Any]) -> None:
    """What cannot work is refused before anything is sent."""
    one = three()
    async with FleetServer(one) as server, desk(server) as manager:
        with pytest.raises(UsageError):
            manager.watch(**({"interval_s": 1.0} | wrong))
        assert one.count() == 0


async def test_unchanged_values_are_the_same_objects() -> None:
    """From round to round: the rows of an account that did not change, be its time stamp another."""
    one = three()
    async with FleetServer(one) as server, desk(server) as manager, manager.watch(interval_s=0.01) as updates:
        (first,) = await read(updates, 1)
        one.accounts[0].amount = "2.5"
        for held in one.accounts:
            held.stale_s = -0.5
        (second,) = await read(updates, 1)

    assert set(second.changes) == {X}
    for key in (Y, Z):
        was, now = first.snapshot.outcomes[key], second.snapshot.outcomes[key]
        assert isinstance(was, Ok)
        assert isinstance(now, Ok)
        assert now.value.as_of_s != was.value.as_of_s
        assert now.value.wire.assets is was.value.wire.assets


def test_an_account_that_goes_is_missing_to_a_reader_of_it() -> None:
    """It asks for it on, so that the change is what its snapshots say, however it reads."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0)
        async with feed.subscribe([X]) as updates:
            (before,) = await read(updates, 1)
            for accounts in ([Y, Z], [X, Y, Z]):
                half_a_minute_passes(manager)
                for held in one.accounts:
                    held.archived = AccountKey("a", held.name) not in accounts
                for update in await read(updates, 4):
                    for change in update.changes.values():
                        assert change.before == before.snapshot.outcomes[X]
                        assert change.after == update.snapshot.outcomes[X]
                    before = update if update.changes else before
            assert isinstance(before.snapshot.outcomes[X], Ok)

    watching(one, test=test)


def test_a_reader_of_changes_only_loses_no_count() -> None:
    """What was dropped or skipped in rounds that it did not get is counted; not what was before it came."""
    held = Held(name="x", stamp=2_000_000)
    one = user("a", held)

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0, jitter=0.0)
        async with feed.subscribe(changes_only=True) as quiet, feed.subscribe() as every:
            await read(quiet, 1)
            (first,) = await read(every, 1)
            held.stamp = 1_000_000
            waiting = asyncio.ensure_future(read(quiet, 1))
            assert sum(update.dropped for update in await read(every, 3)) == 3
            held.stamp, held.amount = 3_000_000, "7"
            ((update,), _) = await asyncio.gather(waiting, read(every, 1))
            assert (update.dropped, update.skipped) == (3, 0)
            async with feed.subscribe() as late:
                assert (await read(late, 1))[0].dropped == 0
        assert first.dropped == 0

    watching(one, test=test)


def test_a_late_reader_of_a_name_that_moved() -> None:
    """The feed polls the account that had the name when it began, and never takes another for it."""
    users = [user("a", Held(name="x")), user("b", Held(name="y"))]

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(["x"], interval_s=1.0)
        async with feed.subscribe() as updates:
            await read(updates, 1)
            users[1].accounts.append(users[0].accounts.pop())
            users[0].accounts.append(Held(name="z"))
            await manager.accounts(refresh=True)
            with pytest.raises(UsageError, match="does not poll b/x"):
                await feed.subscribe(["x"]).__aenter__()
            async with feed.subscribe() as every:
                (update,) = await read(every, 1)
        assert list(update.snapshot.outcomes) == [X]

    watching(*users, test=test)
