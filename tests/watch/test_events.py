"""What rules notice: every crossing once, for every reader of the account, however slow."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.support.desks import desk
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tests.support.watched import read, three, watching
from tread_async import (
    AccountKey,
    ClientClosedError,
    Event,
    Rule,
    Seen,
    SessionManager,
    Update,
    UsageError,
    rules,
)

X, Y = AccountKey("a", "x"), AccountKey("a", "y")


def held(seen: Seen) -> Decimal | None:
    return None if seen.balance is None else seen.balance.rows[0].amount


MUCH = Rule(name="much", measure=held, limit=100)


def told(events: tuple[Event, ...]) -> list[tuple[str, bool]]:
    return [(event.account.name, event.raised) for event in events]


def test_each_crossing_once() -> None:
    """An alarm is in the update of its round, and its end in that of the round that ended it."""
    one = three()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, rules=[MUCH, rules.missing()]) as updates:
            found = []
            for amount in ("1", "101", "102", "7", "7"):
                one.accounts[0].amount = amount
                (update,) = await read(updates, 1)
                found.append(told(update.events))
        assert found == [[], [("x", True)], [], [("x", False)], []]

    watching(one, test=test)


def test_a_failure_neither_raises_nor_ends_an_alarm() -> None:
    """While an account cannot be read its alarm stands."""
    one = three()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, rules=[MUCH]) as updates:
            one.accounts[0].amount = "101"
            first = await read(updates, 1)
            one.refuses = {"cached_balances": 500}
            one.accounts[0].amount = "1"
            rest = await read(updates, 1)
            one.refuses = {}
            rest += await read(updates, 1)
        assert [told(update.events) for update in first + rest] == [[("x", True)], [], [("x", False)]]

    watching(one, test=test, retry=ONE_TRY)


def test_a_slow_reader_misses_no_alarm() -> None:
    """What was raised and ended in rounds that it skipped is in its next update, if it reads the account."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0, rules=[MUCH])
        async with feed.subscribe() as slow, feed.subscribe([Y]) as other, feed.subscribe() as prompt:
            await read(slow, 1)
            await read(other, 1)
            await read(prompt, 1)
            seen: list[Any] = []
            for place, amount in ((0, "101"), (1, "101"), (0, "1"), (0, "101"), (2, "5")):
                one.accounts[place].amount = amount
                seen += told((await read(prompt, 1))[0].events)
            (late,) = await read(slow, 1)
            assert seen == [("x", True), ("y", True), ("x", False), ("x", True)]
            assert told(late.events) == [("y", True), ("x", False), ("x", True)]  # the last two of each
            assert told((await read(other, 1))[0].events) == [("y", True)]

    watching(one, test=test)


def test_a_late_reader_is_told_of_the_alarms_that_stand() -> None:
    """Those that were raised before it came and have not ended, of its accounts; not those that are over."""
    one = three()

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0, rules=[MUCH])
        async with feed.subscribe() as prompt:
            for amounts in (("101", "101", "101"), ("1", "102", "102")):
                for held, amount in zip(one.accounts, amounts, strict=True):
                    held.amount = amount
                await read(prompt, 1)
            async with feed.subscribe() as late, feed.subscribe([X, Y]) as some:
                (first,) = await read(late, 1)
                assert told(first.events) == [("y", True), ("z", True)]
                assert told((await read(some, 1))[0].events) == [("y", True)]
                one.accounts[1].amount = "1"
                assert told((await read(late, 1))[0].events) == [("y", False)]

    watching(one, test=test)


def test_changes_only_lets_alarms_through() -> None:
    """An alarm of which no row changed comes too: an account that grows old."""
    one = three()
    one.accounts[0].stamp = 1_000_000

    async def test(manager: SessionManager) -> None:
        aged: list[Update] = []
        watch = manager.watch(interval_s=1.0, rules=[rules.stale_for(3)], changes_only=True)
        async with watch as updates:
            aged += await read(updates, 1)
            one.refuses = {"cached_balances": 500}
            aged += await read(updates, 2)
        assert told(aged[0].events) == [("x", True)]
        assert [name for update in aged[1:] for name, _ in told(update.events)] == ["y", "z"]

    watching(one, test=test, retry=ONE_TRY)


async def test_a_rule_that_raises() -> None:
    """Its error comes out at the reader, with the rule and the account, and nothing is left running."""

    def broken(seen: Seen) -> float:
        raise ZeroDivisionError("of mine")

    one = three()
    async with FleetServer(one) as server, desk(server) as manager:
        async with manager.watch(interval_s=0.01, rules=[Rule(name="broken", measure=broken)]) as updates:
            with pytest.raises(ZeroDivisionError, match="of mine") as caught:
                await anext(updates)
        assert any("broken" in note and "a/x" in note for note in caught.value.__notes__)
        sent = one.count()
        await asyncio.sleep(0.05)
        assert one.count() == sent


@pytest.mark.parametrize(
    "wrong", [[MUCH, MUCH], ["much"], MUCH, 5], ids=["twice", "text", "no list", "number"]
)
async def test_rules_that_are_none(wrong: Any) -> None:
    """They are refused at once, and nothing is sent."""
    one = three()
    async with FleetServer(one) as server, desk(server) as manager:
        with pytest.raises(UsageError):
            manager.watch(interval_s=1.0, rules=wrong)
        assert one.count() == 0


def test_a_rule_that_is_cancelled() -> None:
    """Whoever reads is told that it is over, rather than wait for ever."""

    def broken(seen: Seen) -> float:
        raise asyncio.CancelledError

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, rules=[Rule(name="broken", measure=broken)]) as updates:
            with pytest.raises(ClientClosedError, match="the polling was cancelled"):
                await read(updates, 1)

    watching(three(), test=test)


def test_nothing_is_polled_for_what_is_over() -> None:
    """A rule has raised and its reader has not noticed yet; another reader begins anew, and alone."""
    one, seen = three(), []

    def once(account: Seen) -> float:
        seen.append(account)
        if len(seen) == 1:
            raise ZeroDivisionError
        return 0.0

    async def test(manager: SessionManager) -> None:
        feed = manager.feed(interval_s=1.0, jitter=0.0, rules=[Rule(name="once", measure=once)])
        async with feed.subscribe() as slow:
            await asyncio.sleep(2)
            sent = one.count()
            await asyncio.sleep(10)
            assert one.count() == sent
            async with feed.subscribe() as other:
                await read(other, 5)
            assert one.count() - sent == 5
            with pytest.raises(ZeroDivisionError):
                await read(slow, 2)

    watching(one, test=test)
