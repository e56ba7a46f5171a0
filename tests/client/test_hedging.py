"""A second request for a cached read that is slow: when it goes, what it costs, and which answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.samples import READS
from tests.support.wire import TOKEN, Exchange, Step, Wire, hang_up, reply, stall
from tread_async import RetryPolicy, ServerError, SessionManager, TreadClient, TreadError, UsageError
from tread_async._budget import RetryBudget
from tread_async._hedging import Hedging

GOOD = reply({"balances": []})
NAMED = reply({"balances": [], "errors": ["the second"]})
ONE_TRY = RetryPolicy(attempts=1)
FEW = 0.02  # seconds, in place of the 250 ms below which nothing is asked twice


@pytest.fixture(autouse=True)
def asked_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tread_async._hedging._SHORTEST_DELAY_S", FEW)


@pytest.fixture
async def opened() -> AsyncIterator[Any]:
    """A client that has read 60 times, and its server, which goes on with the steps given."""
    async with AsyncExitStack() as stack:

        async def one(*steps: Step, **options: Any) -> tuple[TreadClient, Wire]:
            wire = await stack.enter_async_context(Wire([GOOD] * 60 + list(steps)))
            options = {"retry": ONE_TRY, "hedge_cached": True} | options
            client = await stack.enter_async_context(TreadClient(TOKEN, base_url=wire.url, **options))
            for _ in range(60):
                await client.cached_balances()
            return client, wire

        yield one


async def test_the_second_answers(opened: Any) -> None:
    """The answer of the second request is the answer; the first is cancelled and its connection closed."""
    gone = asyncio.Event()

    async def first(exchange: Exchange) -> None:
        await exchange.reader.read()
        gone.set()
        exchange.close()

    client, wire = await opened(first, NAMED, GOOD)
    answer = await client.cached_balances()
    await asyncio.wait_for(gone.wait(), 1)

    assert answer.errors == ("the second",)
    assert len(wire.requests) == client.stats.requests_sent == 62
    await client.cached_balances()


async def test_the_first_answers_after_all(opened: Any) -> None:
    """Both are asked; whichever answers first is taken."""

    async def late(exchange: Exchange) -> None:
        await wire.until(62)
        await exchange.send(NAMED)

    client, wire = await opened(late, stall)

    assert (await client.cached_balances()).errors == ("the second",)
    assert len(wire.requests) == 62


async def test_one_that_fails_is_not_taken_for_the_answer(opened: Any) -> None:
    """The second fails at once: the first is waited for."""

    async def late(exchange: Exchange) -> None:
        await wire.until(62)
        await asyncio.sleep(0.02)
        await exchange.send(NAMED)

    client, wire = await opened(late, hang_up)

    assert (await client.cached_balances()).errors == ("the second",)


async def test_both_fail(opened: Any) -> None:
    async def late(exchange: Exchange) -> None:
        await wire.until(62)
        await exchange.send(reply(status=500))

    client, wire = await opened(late, late)
    with pytest.raises(ServerError) as caught:
        await client.cached_balances()

    assert caught.value.attempts == 1
    assert len(wire.requests) == 62


async def test_one_that_fails_quickly_is_not_hedged(opened: Any) -> None:
    client, wire = await opened(reply(status=500), GOOD)
    with pytest.raises(ServerError):
        await client.cached_balances()

    assert len(wire.requests) == 61


@pytest.mark.parametrize("name", ["balances", "accounts", "request"])
async def test_no_other_read_is_asked_twice(opened: Any, name: str) -> None:
    client, wire = await opened(stall)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(READS[name](client), 0.1)

    assert len(wire.requests) == 61


async def test_off_unless_asked_for(opened: Any) -> None:
    client, wire = await opened(stall, hedge_cached=False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.cached_balances(), 0.1)

    assert len(wire.requests) == 61


async def test_one_that_queues_is_not_asked_twice(opened: Any) -> None:
    """It is not slow, and a second would queue behind it."""
    client, wire = await opened(stall, GOOD, max_in_flight=1)
    first = asyncio.create_task(client.balances())
    await wire.until(61)
    second = asyncio.create_task(client.cached_balances())
    await asyncio.sleep(3 * FEW)
    first.cancel()
    await second

    assert len(wire.requests) == 62


async def test_a_caller_who_leaves_takes_both_along(opened: Any) -> None:
    client, wire = await opened(stall, stall, GOOD)
    task = asyncio.create_task(client.cached_balances())
    await wire.until(62)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await client.cached_balances()


async def test_closing_ends_both(opened: Any) -> None:
    client, wire = await opened(stall, stall)
    task = asyncio.create_task(client.cached_balances())
    await wire.until(62)
    await client.close()
    with pytest.raises(TreadError, match="closed"):
        await task


async def test_of_a_manager() -> None:
    row = reply({"balances": [{"account_name": "x", "account_id": "1", "assets": []}]})
    script: list[Any] = [reply([{"id": "1", "name": "x", "exchange": "Gate"}]), *[row] * 60, stall, row]
    async with (
        Wire(script) as wire,
        SessionManager({"a": TOKEN}, base_url=wire.url, hedge_cached=True) as manager,
    ):
        for _ in range(61):
            await manager.balances(source="cached")

    assert len(wire.requests) == 63


async def test_the_flag() -> None:
    with pytest.raises(UsageError, match="hedge_cached"):
        TreadClient(TOKEN, hedge_cached=1)  # type: ignore[arg-type]


def taught(*seconds: float, budget: RetryBudget | None = None) -> Hedging:
    hedging = Hedging(RetryBudget() if budget is None else budget)
    for one in seconds:
        hedging.took(one)
    return hedging


def test_too_little_is_known() -> None:
    assert taught(*[1.0] * 49).delay_s() is None


def test_the_delay_is_that_of_the_slowest_in_twenty() -> None:
    assert taught(*[1.0] * 180, *[9.0] * 20).delay_s() == 9.0
    assert taught(*[1.0] * 195, *[9.0] * 5).delay_s() == 1.0
    assert taught(*[0.001] * 60).delay_s() == FEW


def test_it_is_that_of_the_last_two_hundred() -> None:
    assert taught(*[9.0] * 500, *[1.0] * 200).delay_s() == 1.0


async def slow() -> str:
    await asyncio.sleep(0.002)
    return "slow"


@pytest.mark.parametrize("answers", [1000])
async def test_one_in_twenty_at_most(monkeypatch: pytest.MonkeyPatch, answers: int) -> None:
    """However slow the server gets, and however much the budget has."""
    monkeypatch.setattr("tread_async._hedging._SHORTEST_DELAY_S", 0.0)
    budget = RetryBudget()
    hedging = taught(*[0.0] * 60, budget=budget)
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        budget.left = 100
        return await slow()

    for _ in range(0, answers, 100):
        await asyncio.gather(*[hedging.first_of(ask, has_left=lambda: True) for _ in range(100)])

    assert answers + answers // 40 <= asked <= answers + answers // 20


async def test_it_pays_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has nothing left for repeats has nothing left for this."""
    monkeypatch.setattr("tread_async._hedging._SHORTEST_DELAY_S", 0.0)
    budget = RetryBudget()
    hedging = taught(*[0.0] * 60, budget=budget)
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        return await slow()

    await asyncio.gather(*[hedging.first_of(ask, has_left=lambda: True) for _ in range(1000)])

    assert asked == 1005
    assert budget.left == 50
