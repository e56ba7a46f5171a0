"""A rate: requests leave evenly, writes first, and who waits for it can give up, be refused or be closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.rates import Log, gaps, never_early
from tests.support.samples import ABSOLUTE, EVERY, ONCE, READS
from tests.support.tokens import Issuer, only, used
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import (
    AuthError,
    ClientClosedError,
    DeadlineExceededError,
    NotSentError,
    TreadClient,
    UsageError,
)
from tread_async._gates import Gate
from tread_async._rates import Budget
from tread_async._slots import Lane

ONE_IN_AN_HOUR = 1 / 3600


def lane_of(client: TreadClient) -> Lane:
    assert client._calls is not None
    return client._calls._transport._lane


async def turns() -> None:
    """Gives whoever could send the time to do so."""
    for _ in range(20):
        await asyncio.sleep(0.0005)


@pytest.mark.parametrize(
    "rate", [0, 0.0, -1, -0.5, 10_001, 10**400, 1e-9, float("nan"), float("inf"), True, False, "5", b"5", [5]]
)
def test_what_is_no_rate(rate: Any) -> None:
    """A rate that cannot work is refused with one sentence when the client is made."""
    with pytest.raises(UsageError, match="requests_per_s is a number") as caught:
        TreadClient(TOKEN, requests_per_s=rate)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [None, 1, 0.5, 10_000, 1 / 86_400])
async def test_what_is_a_rate(rate: float | None) -> None:
    """From one request a day to 10000 in a second, and none, which has no turns to wait for."""
    async with TreadClient(TOKEN, requests_per_s=rate) as client:
        assert client._calls is not None
        share = client._calls._transport._share

    assert share.requests_per_s == rate
    assert (share.gate is None) == (rate is None)


async def test_no_burst_at_the_start(connect: Callable[..., Any]) -> None:
    """Of calls that come at once one is sent at once, and each of the others in its time, repeats too."""
    async with Wire(log := Log(reply(status=500))) as wire:
        client = await connect(wire, requests_per_s=100)
        began = time.monotonic()
        await asyncio.gather(*[client.accounts() for _ in range(8)])

    assert len(log.moments[TOKEN]) == 9
    assert never_early(log.moments[TOKEN], began, 100)


async def test_no_burst_after_a_pause(connect: Callable[..., Any]) -> None:
    """A client that has been idle does not send faster for it."""
    async with Wire(log := Log()) as wire:
        client = await connect(wire, requests_per_s=100)
        await client.accounts()
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await asyncio.gather(*[client.accounts() for _ in range(6)])

    assert never_early(log.moments[TOKEN][1:], began, 100)


async def test_one_wake_up_for_each_slot(
    connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop is woken once for each request that waits, however many do, and whatever its clock."""
    opened, times = Gate._open, 0

    def opening(gate: Gate) -> None:
        nonlocal times
        times += 1
        opened(gate)

    monkeypatch.setattr(Gate, "_open", opening)
    async with Wire(Log()) as wire:
        client = await connect(wire, requests_per_s=150)
        await asyncio.gather(*[client.accounts() for _ in range(20)])

    assert 1 <= times <= 24


async def test_a_write_overtakes(connect: Callable[..., Any]) -> None:
    """A write that comes when 500 reads queue is one of the next two requests."""
    async with Wire(log := Log()) as wire:
        client = await connect(wire, requests_per_s=20)
        reads = [asyncio.create_task(client.accounts()) for _ in range(500)]
        await wire.until(requests=2)
        before = len(wire.requests)
        await client.update_account("id-1", margin_mode="CROSS")
        after = [method for _, method in log.heard[before:]]
        for read in reads:
            read.cancel()

    assert "PUT" in after[:2]


@pytest.mark.parametrize("name", READS | ABSOLUTE)
async def test_a_deadline(connect: Callable[..., Any], name: str) -> None:
    """A call whose turn does not come before its deadline ends then, unsent."""
    async with Wire(log := Log()) as wire:
        client = await connect(wire, requests_per_s=ONE_IN_AN_HOUR)
        await client.accounts()
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError if name in READS else NotSentError, match="no free slot"):
            await (
                client.update_account("id-1", margin_mode="CROSS", deadline_s=0.03)
                if name in ABSOLUTE
                else client.request("GET", "/api/x", deadline_s=0.03)
            )
        took_s = time.monotonic() - began

    assert 0.02 < took_s < 0.13
    assert len(log.heard) == 1


async def test_a_deadline_takes_no_slot(connect: Callable[..., Any]) -> None:
    """Calls that gave up while they queued leave their turn to those behind them."""
    async with Wire(log := Log()) as wire:
        client = await connect(wire, requests_per_s=20)
        began = time.monotonic()
        await client.accounts()
        asks = [client.request("GET", "/api/x", deadline_s=0.02) for _ in range(20)]
        await asyncio.gather(*asks, client.accounts(), return_exceptions=True)

    assert len(log.heard) == 2
    assert log.moments[TOKEN][1] - began < 0.5  # and not the second that twenty more would take


async def test_closing(connect: Callable[..., Any]) -> None:
    """Calls that wait for the rate end as closed, reads and writes, within a second and unsent."""
    async with Wire(Log()) as wire:
        client = await connect(wire, requests_per_s=ONE_IN_AN_HOUR)
        await client.accounts()
        asks = (*READS.values(), *ABSOLUTE.values(), *ONCE.values())
        queued = [asyncio.create_task(ask(client)) for ask in asks]
        await turns()
        async with asyncio.timeout(1.0):
            await client.close()
            ended = await asyncio.gather(*queued, return_exceptions=True)

    assert [type(error) for error in ended] == [ClientClosedError] * 9
    assert len(wire.requests) == 1


async def test_the_latch(connect: Callable[..., Any]) -> None:
    """When a token is refused all calls that wait for its rate hear of it at once, and nothing is sent."""
    async with Wire(only("good")) as wire:
        client = await connect(wire, "bad", requests_per_s=1)
        async with asyncio.timeout(0.9):
            ended = await asyncio.gather(
                *[client.request("GET", "/api/x") for _ in range(100)], return_exceptions=True
            )

    assert [type(error) for error in ended] == [AuthError] * 100
    assert len(wire.requests) == 1


async def test_a_slow_token_function(connect: Callable[..., Any]) -> None:
    """Calls that wait for their token are not sent together when it comes."""

    began = 0.0

    async def token() -> str:
        nonlocal began
        await asyncio.sleep(0.05)
        began = time.monotonic()
        return TOKEN

    async with Wire(log := Log()) as wire:
        client = await connect(wire, token, requests_per_s=100)
        await asyncio.gather(*[client.accounts() for _ in range(6)])

    assert never_early(log.moments[TOKEN], began, 100)


async def test_a_token_that_is_replaced(connect: Callable[..., Any]) -> None:
    """Calls that queue when their token is refused are sent with the next, and one after the other."""
    issuer = Issuer("old", "new")
    async with Wire(only("new")) as wire:
        client = await connect(wire, issuer, requests_per_s=100)
        began = time.monotonic()
        await asyncio.gather(*[client.accounts() for _ in range(6)])
        took_s = time.monotonic() - began

    tokens = used(wire)
    assert (tokens[0], tokens.count("new"), issuer.asked) == ("old", 6, 2)
    assert took_s > (len(tokens) - 1) / 97 - 0.015


async def test_a_token_that_is_long_in_coming(connect: Callable[..., Any]) -> None:
    """Calls that find no token in their turn leave it to the next, and all wait for the token together."""
    go, asked = asyncio.Event(), 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if asked == 2:
            await go.wait()
        return ("old", "new")[asked - 1]

    async with Wire(only("new")) as wire:
        client = await connect(wire, token, requests_per_s=20)
        calls = [asyncio.create_task(client.accounts()) for _ in range(20)]
        await wire.until(requests=1)
        async with asyncio.timeout(0.5):  # and not the second that they would take one after the other
            while any(lane_of(client).waiting):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)
        sent = len(wire.requests)
        for call in calls[1:]:
            call.cancel()
        go.set()
        await calls[0]

    assert (sent, used(wire)) == (1, ["old", "new"])


async def test_a_write_that_gives_way(connect: Callable[..., Any]) -> None:
    """A write that is not sent because a newer one sets the same takes no slot from it."""
    go = asyncio.Event()

    async def token() -> str:
        await go.wait()
        return TOKEN

    async with Wire(log := Log()) as wire:
        client = await connect(wire, token, requests_per_s=ONE_IN_AN_HOUR)
        modes = ("CROSS", "ISOLATED")
        writes = [asyncio.create_task(client.update_account("id-1", margin_mode=mode)) for mode in modes]
        await turns()
        go.set()
        async with asyncio.timeout(5.0):
            ended = await asyncio.gather(*writes, return_exceptions=True)

    assert [type(error) for error in ended] == [NotSentError, type(None)]
    assert len(log.heard) == 1


async def test_closing_when_the_token_comes(connect: Callable[..., Any]) -> None:
    """A call that has its token in the tick in which the client is closed does not begin to queue."""
    clients: list[TreadClient] = []
    closing: list[asyncio.Task[None]] = []

    async def token() -> str:
        if len(clients) == 2:
            closing.append(asyncio.create_task(clients[1].close()))
            await asyncio.sleep(0)
        return TOKEN

    async with Wire(Log()) as wire:
        clients.append(await connect(wire, token, requests_per_s=ONE_IN_AN_HOUR))
        await clients[0].accounts()
        clients.append(await connect(wire, token, requests_per_s=ONE_IN_AN_HOUR))
        async with asyncio.timeout(0.5):
            with pytest.raises(ClientClosedError):
                await clients[1].accounts()
            await closing[0]


@pytest.fixture
def no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a budget was asked")

    for name in ("take", "left_s", "refund", "rest"):
        monkeypatch.setattr(Budget, name, asked)


@pytest.mark.usefixtures("no_budget")
async def test_without_a_rate_nothing_is_asked(connect: Callable[..., Any]) -> None:
    """By default a call takes its slot as ever, and no budget is asked for anything."""
    async with Wire(log := Log()) as wire:
        client = await connect(wire, max_in_flight=2)
        await asyncio.gather(*[client.accounts() for _ in range(5)])

    assert type(lane_of(client)) is Lane
    assert len(log.heard) == 5


@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
async def test_a_caller_who_is_cancelled(connect: Callable[..., Any], name: str) -> None:
    """One who is cancelled while queueing for the rate hears that, and the next is sent in its place."""
    async with Wire(log := Log()) as wire:
        client = await connect(wire, requests_per_s=20)
        await client.accounts()
        calls = [asyncio.create_task(EVERY[name](client)) for _ in range(20)]
        last = asyncio.create_task(client.request("GET", "/api/x"))
        for _ in range(3):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        await last

    assert [type(error) for error in ended] == [asyncio.CancelledError] * 20
    assert len(log.heard) == 2
    assert gaps(log.moments[TOKEN])[0] < 0.5  # and not the second that twenty more would take


async def test_what_is_under_way_takes_no_rate(connect: Callable[..., Any]) -> None:
    """A server that is slow holds slots, as ever; the rate is what leaves, not what is under way."""
    go = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await go.wait()
        await exchange.send(reply([]))

    async with Wire(slow) as wire:
        client = await connect(wire, requests_per_s=200, max_in_flight=3)
        calls = [asyncio.create_task(client.accounts()) for _ in range(5)]
        await wire.until(requests=3)
        await asyncio.sleep(0.03)
        under_way = len(wire.requests)
        go.set()
        await asyncio.gather(*calls)

    assert (under_way, len(wire.requests)) == (3, 5)
