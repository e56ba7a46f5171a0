"""A rate: requests leave evenly, whoever's they are, and everybody waits when the server asks one to."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.rates import Log, gaps, never_early
from tests.support.samples import ABSOLUTE, EVERY, ONCE, ONE_TRY, READS
from tests.support.tokens import Issuer, only, used
from tests.support.wire import TOKEN, Exchange, Wire, reply, stall
from tread_async import (
    AuthError,
    ClientClosedError,
    DeadlineExceededError,
    NotSentError,
    RateLimitedError,
    Secret,
    TreadClient,
    UsageError,
)
from tread_async._gates import Gate
from tread_async._rates import RATES, Budget
from tread_async._slots import Lane

MINUTE = reply(status=429, Retry_After="60")
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
def test_what_is_a_rate(rate: float | None) -> None:
    """From one request a day to 10000 in a second, and none."""
    TreadClient(TOKEN, requests_per_s=rate)


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


@pytest.mark.parametrize("rates", [(None, None), (50, None), (None, 50)], ids=str)
async def test_one_is_asked_to_wait(connect: Callable[..., Any], rates: tuple[Any, Any]) -> None:
    """A ``Retry-After`` holds the other clients of the token, those that are opened later too."""
    async with Wire([MINUTE, reply([])]) as wire:
        one, two = [await connect(wire, TOKEN, retry=ONE_TRY, requests_per_s=rate) for rate in rates]
        with pytest.raises(RateLimitedError):
            await one.accounts()
        later = await connect(wire, Secret(TOKEN))
        await one.close()
        last = await connect(wire, TOKEN, requests_per_s=rates[1])
        errors = []
        for client in (two, later, last):
            with pytest.raises(NotSentError, match="asked this token to wait") as caught:
                await client.accounts()
            errors.append(caught.value)

    assert [error.retry_after_s for error in errors] == [pytest.approx(60.0, abs=5)] * 3
    assert [error.permanent for error in errors] == [True] * 3
    assert len(wire.requests) == 1


async def test_who_queues_when_another_is_asked_to_wait(connect: Callable[..., Any]) -> None:
    """Calls that wait for the rate of the token fail at once if they have not the time, or wait on."""
    async with Wire([reply([]), MINUTE]) as wire:
        paced = await connect(wire, requests_per_s=ONE_IN_AN_HOUR)
        free = await connect(wire, retry=ONE_TRY)
        await paced.accounts()
        short = asyncio.create_task(paced.accounts(deadline_s=59.0))
        patient = asyncio.create_task(paced.accounts(deadline_s=6000.0))
        await turns()
        with pytest.raises(RateLimitedError):
            await free.accounts()
        with pytest.raises(NotSentError, match="asked this token to wait"):
            await asyncio.wait_for(short, 5)
        await turns()
        waits = not patient.done()
        patient.cancel()

    assert waits
    assert len(wire.requests) == 2


async def test_a_short_wait_in_real_time(connect: Callable[..., Any]) -> None:
    """When the moment has come they are sent, with a rate evenly, and none before."""
    async with Wire(log := Log()) as wire:
        paced, free = await connect(wire, requests_per_s=100), await connect(wire)
        began = time.monotonic()
        assert free._calls is not None
        free._calls._transport._share.hold(0.04)
        await free.accounts()
        first = log.moments.pop(TOKEN)[0]
        free._calls._transport._share.hold(0.04)
        again = time.monotonic()
        await asyncio.gather(*[paced.accounts() for _ in range(4)])

    assert first - began >= 0.04 - 0.002  # uvloop's clock is as coarse as that
    assert never_early(log.moments[TOKEN], again + 0.04, 100)


@pytest.mark.parametrize("token", ["another", lambda: TOKEN], ids=["text", "function"])
async def test_no_other_token(connect: Callable[..., Any], token: Any) -> None:
    """Neither a ``Retry-After`` nor a rate of one token is another's; a function is a token of its own."""
    async with Wire([MINUTE, reply([])]) as wire:
        one = await connect(wire, TOKEN, retry=ONE_TRY, requests_per_s=ONE_IN_AN_HOUR)
        two = await connect(wire, token, retry=ONE_TRY, requests_per_s=ONE_IN_AN_HOUR)
        with pytest.raises(RateLimitedError):
            await one.accounts()
        await two.accounts()

    assert len(wire.requests) == 2


async def test_no_other_server(connect: Callable[..., Any]) -> None:
    """The same token at another server is not held or counted."""
    async with Wire(MINUTE) as wire, Wire(reply([])) as other:
        one = await connect(wire, retry=ONE_TRY, requests_per_s=ONE_IN_AN_HOUR)
        two = await connect(other, TOKEN, requests_per_s=ONE_IN_AN_HOUR)
        with pytest.raises(RateLimitedError):
            await one.accounts()
        await two.accounts()

    assert (len(wire.requests), len(other.requests)) == (1, 1)


async def test_a_path_is_the_same_server(connect: Callable[..., Any]) -> None:
    """A path in front of ``/api`` makes no other server."""
    async with Wire(reply([])) as wire:
        one = await connect(wire, requests_per_s=ONE_IN_AN_HOUR)
        two = await connect(wire, base_url=f"{wire.url}/desk", requests_per_s=ONE_IN_AN_HOUR)
        await one.accounts()
        with pytest.raises(DeadlineExceededError):
            await two.accounts(deadline_s=0.01)


async def test_one_function_is_one_token(connect: Callable[..., Any]) -> None:
    """Clients with the same token function share its rate."""

    def token() -> str:
        return TOKEN

    async with Wire(reply([])) as wire:
        one, two = [await connect(wire, token, requests_per_s=ONE_IN_AN_HOUR) for _ in range(2)]
        await one.accounts()
        with pytest.raises(DeadlineExceededError):
            await two.accounts(deadline_s=0.01)


async def test_the_lowest_rate_holds(connect: Callable[..., Any]) -> None:
    """As long as the slower client is open the faster one waits with it."""
    async with Wire(log := Log()) as wire:
        fast, slow = await connect(wire, requests_per_s=10_000), await connect(wire, requests_per_s=20)
        began = time.monotonic()
        await asyncio.gather(*[fast.accounts() for _ in range(3)])
        await slow.close()
        await asyncio.gather(*[fast.accounts() for _ in range(30)])

    moments = log.moments[TOKEN]
    assert never_early(moments[:3], began, 20)
    assert moments[-1] - moments[4] < 10 / 19.4


async def test_two_threads(connect: Callable[..., Any]) -> None:
    """Loops in several threads share the rate."""

    async with Wire(log := Log()) as wire:

        async def main() -> None:
            async with TreadClient(TOKEN, base_url=wire.url, requests_per_s=100) as client:
                await asyncio.gather(*[client.accounts() for _ in range(10)])

        client = await connect(wire, requests_per_s=100)
        began = time.monotonic()
        await asyncio.gather(
            asyncio.to_thread(asyncio.run, main()),
            asyncio.to_thread(asyncio.run, main()),
            *[client.accounts() for _ in range(5)],
        )

    moments = log.moments[TOKEN]
    assert len(moments) == 25
    assert never_early(moments, began, 100)


async def test_another_thread_is_asked_to_wait(connect: Callable[..., Any]) -> None:
    """A ``Retry-After`` seen in one thread holds the clients in another."""

    async def main(url: str) -> None:
        async with TreadClient(TOKEN, base_url=url, retry=ONE_TRY) as client:
            with pytest.raises(RateLimitedError):
                await client.accounts()

    async with Wire([MINUTE, reply([])]) as wire:
        client = await connect(wire)
        await asyncio.to_thread(asyncio.run, main(wire.url))
        await asyncio.sleep(0)
        with pytest.raises(NotSentError, match="asked this token to wait"):
            await client.accounts()

    assert len(wire.requests) == 1


async def test_a_loop_that_ended_without_closing(connect: Callable[..., Any]) -> None:
    """A client whose loop is gone, although it was never closed, is in nobody's way."""
    left: list[TreadClient] = []

    async def main(url: str) -> None:
        left.append(client := TreadClient(TOKEN, base_url=url, requests_per_s=50))
        await client.__aenter__()

    async with Wire([MINUTE]) as wire:
        await asyncio.to_thread(asyncio.run, main(wire.url))
        client = await connect(wire, retry=ONE_TRY, requests_per_s=50)
        with pytest.raises(RateLimitedError):
            await client.accounts()


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


async def test_it_forgets(connect: Callable[..., Any]) -> None:
    """When the clients of a token are closed and nothing of it matters any more, nothing of it is kept."""
    async with Wire(stall) as wire:
        async with TreadClient(TOKEN, base_url=wire.url, requests_per_s=10_000) as client:
            call = asyncio.create_task(client.accounts())
            await wire.until(requests=1)
            kept = len(RATES._budgets)
        with pytest.raises(ClientClosedError):
            await call
        del client, call
        await asyncio.sleep(0.001)
        await connect(wire, "another")
        gc.collect()

    assert (kept, len(RATES._budgets), len(RATES._kept)) == (1, 1, 0)
