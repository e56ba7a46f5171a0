"""A 429 with a ``Retry-After``: every call of that token waits until the moment named, and no other's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.passing import pass_for
from tests.support.samples import ABSOLUTE, EVERY, FAST, LISTED, ONE_TRY
from tests.support.wire import Exchange, Wire, reply
from tread_async import (
    ClientClosedError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    TreadClient,
    TreadError,
)
from tread_async._calls import Calls
from tread_async._codec import requests
from tread_async._identity import Credential
from tread_async._slots import Lane, Slots
from tread_async._wiring import Wiring

MINUTE = reply(status=429, Retry_After="60")
LIST = requests.accounts(include_archived=False)
PATIENT_S = 600.0


def lane_of(client: TreadClient) -> Lane:
    assert client._calls is not None
    return client._calls._transport._lane


async def told(client: TreadClient, name: str = "accounts") -> TreadError:
    """The error of the call to which the server says that it should wait."""
    with pytest.raises(TreadError) as caught:
        await EVERY[name](client)
    return caught.value


async def turns() -> None:
    """Gives whoever could send the time to do so."""
    for _ in range(20):
        await asyncio.sleep(0.0005)


@pytest.mark.parametrize("name", EVERY)
async def test_nobody_sends(connect: Callable[..., Any], name: str) -> None:
    """Each call that ends before the moment named fails at once, with the seconds that are left."""
    async with Wire(MINUTE) as wire:
        client = await connect(wire, retry=ONE_TRY)
        first = await told(client)
        began = time.monotonic()
        with pytest.raises(NotSentError, match="asked this token to wait") as caught:
            await EVERY[name](client)
        took_s = time.monotonic() - began

    assert isinstance(first, RateLimitedError)
    assert caught.value.permanent
    assert 50.0 < (caught.value.retry_after_s or 0) <= 60.0
    assert caught.value.attempts == 1
    assert took_s < 5.0
    assert len(wire.requests) == client.stats.requests_sent == 1


@pytest.mark.parametrize(
    "name", ["set_leverage", "update_account", "create_account (once)", "request (once)"]
)
async def test_whoever_is_told(connect: Callable[..., Any], name: str) -> None:
    """It does not matter which call the server tells to wait; what acts is unknown then, as ever."""
    async with Wire(MINUTE) as wire:
        client = await connect(wire, retry=ONE_TRY)
        first = await told(client, name)
        with pytest.raises(NotSentError):
            await client.accounts()

    assert isinstance(first, RateLimitedError if name in ABSOLUTE else OutcomeUnknownError)
    assert len(wire.requests) == 1


async def test_a_date(connect: Callable[..., Any]) -> None:
    """A moment given as a date counts from the server's clock."""
    dates = {"Date": "Fri, 15 Jan 2027 08:00:00 GMT", "Retry_After": "Fri, 15 Jan 2027 08:02:00 GMT"}
    async with Wire(reply(status=429, **dates)) as wire:
        client = await connect(wire, retry=ONE_TRY)
        await told(client)
        with pytest.raises(NotSentError) as caught:
            await client.accounts()

    assert 110.0 < (caught.value.retry_after_s or 0) <= 120.0


async def test_an_hour_at_most(connect: Callable[..., Any]) -> None:
    """A moment days off does not end a token for good: after an hour a request goes out again."""
    async with Wire([reply(status=429, Retry_After="999999"), reply([])]) as wire:
        client = await connect(wire, retry=ONE_TRY)
        first = await told(client)
        with pytest.raises(NotSentError) as caught:
            await client.accounts()
        pass_for(lane_of(client), 3600.0)
        await client.accounts()

    assert isinstance(first, RateLimitedError)
    assert first.retry_after_s == 999_999.0
    assert 3500.0 < (caught.value.retry_after_s or 0) <= 3600.0
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        reply(status=429),
        reply(status=429, Retry_After="0"),
        reply(status=429, Retry_After="soon"),
        reply(status=503, Retry_After="60"),
        reply(status=403, Retry_After="60"),
    ],
    ids=["no hint", "no time", "no number", "503", "403"],
)
async def test_what_holds_nobody(connect: Callable[..., Any], answer: bytes) -> None:
    """Only a 429 that names a moment is news for other calls."""
    async with Wire([answer, reply([])]) as wire:
        client = await connect(wire, retry=ONE_TRY)
        await told(client)
        await client.accounts()

    assert len(wire.requests) == 2


async def test_who_can_wait_waits(connect: Callable[..., Any]) -> None:
    """A call with time enough is sent when the moment has come, not before; new ones then go at once."""
    async with Wire([MINUTE, reply([])]) as wire:
        client = await connect(wire, retry=ONE_TRY)
        await told(client)
        waiting = asyncio.create_task(client.accounts(deadline_s=PATIENT_S))
        await turns()
        counts = [len(wire.requests)]
        pass_for(lane_of(client), 59.0)
        await turns()
        counts.append(len(wire.requests))
        pass_for(lane_of(client), 1.0)
        await waiting
        await client.accounts()

    assert counts == [1, 1]
    assert len(wire.requests) == 3


async def test_who_queues_already(connect: Callable[..., Any]) -> None:
    """Calls that waited for a slot when the server said so wait on, or fail at once without the time."""
    async with Wire([MINUTE, reply()]) as wire:
        client = await connect(wire, retry=ONE_TRY, max_in_flight=1)
        asks = [client.accounts(), client.accounts(deadline_s=59.0)]
        asks += [client.update_account("id-1", margin_mode="CROSS", deadline_s=PATIENT_S)]
        first, short, patient = (asyncio.ensure_future(ask) for ask in asks)
        with pytest.raises(RateLimitedError):
            await first
        with pytest.raises(NotSentError, match="asked this token to wait") as caught:
            await asyncio.wait_for(short, 5)
        count = len(wire.requests)
        pass_for(lane_of(client), 60.0)
        await patient

    assert count == 1
    assert caught.value.retry_after_s == pytest.approx(60.0, abs=5)
    assert [request.method for request in wire.requests] == ["GET", "PUT"]


@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
async def test_who_was_about_to_repeat(connect: Callable[..., Any], name: str) -> None:
    """A call between two attempts does not send the second; a write may still have been applied."""
    async with Wire([reply(status=500), MINUTE]) as wire:
        client = await connect(wire, retry=RetryPolicy(base_s=0.001, attempts=2), max_in_flight=1)
        waiting = asyncio.create_task(EVERY[name](client))
        await wire.until(requests=1)
        with pytest.raises(RateLimitedError):
            await client.request("GET", "/api/x")  # queued before the other is repeated
        with pytest.raises(NotSentError if name == "accounts" else OutcomeUnknownError) as caught:
            await waiting

    refusal: Any = caught.value if name == "accounts" else caught.value.cause
    assert isinstance(refusal, NotSentError)
    assert refusal.retry_after_s is not None
    assert caught.value.attempts == 2
    assert len(wire.requests) == 2


@pytest.fixture
async def desk() -> AsyncIterator[Callable[..., Any]]:
    """Calls of several tokens that share their slots, as a manager has them."""
    async with AsyncExitStack() as stack:

        def opened(wire: Wire, slots: Slots, *tokens: str) -> list[Calls]:
            wiring = Wiring(wire.url, None, ONE_TRY, "Token", None, None)
            credentials = [Credential(token) for token in tokens]
            made = [wiring.calls(one, wiring.share(one, slots, 2)) for one in credentials]
            for one in made:
                stack.push_async_callback(one.close)
            return made

        yield opened


async def test_no_other_token(desk: Callable[..., Any]) -> None:
    """While many calls of one token wait, those of another go out, although both share one slot."""

    async def answer(exchange: Exchange) -> None:
        told_before = any("one" in each.header("authorization")[0] for each in wire.requests[:-1])
        one = "one" in exchange.request.header("authorization")[0]
        await exchange.send(MINUTE if one and not told_before else reply([LISTED]))

    async with Wire(answer) as wire:
        one, two = desk(wire, Slots(1), "one", "two")
        with pytest.raises(RateLimitedError):
            await one.run(LIST, one.deadline("accounts", None))
        waiting = [asyncio.create_task(one.run(LIST, one.deadline("accounts", PATIENT_S))) for _ in range(4)]
        for _ in range(3):
            await two.run(LIST, two.deadline("accounts", None))
        sent = [request.header("authorization")[0] for request in wire.requests]
        pass_for(one._transport._lane, 60.0)
        await asyncio.gather(*waiting)

    assert sent == ["Token one"] + ["Token two"] * 3
    assert len(wire.requests) == 8


async def test_a_short_hold_in_real_time(connect: Callable[..., Any]) -> None:
    """Without anybody's help calls go out when the moment has come, and none before."""
    loop, arrived = asyncio.get_running_loop(), []

    async def noted(exchange: Exchange) -> None:
        arrived.append(loop.time())
        await exchange.send(reply([]))

    async with Wire(noted) as wire:
        client = await connect(wire, retry=FAST)
        await client.accounts()
        until = loop.time() + 0.03
        lane_of(client).hold(until)
        await asyncio.gather(*[client.accounts() for _ in range(5)])

    assert min(arrived[1:]) >= until - 0.002  # uvloop's clock is as coarse as that
    assert len(arrived) == 6


async def test_closing_ends_the_wait(connect: Callable[..., Any]) -> None:
    """Calls that wait for the moment end as closed at once, reads and writes, and nothing stays behind."""
    async with Wire(MINUTE) as wire:
        client = await connect(wire, retry=ONE_TRY)
        await told(client)
        waiting = [asyncio.create_task(client.accounts(deadline_s=PATIENT_S))]
        waiting += [asyncio.create_task(client.request("PUT", "/api/x", json={}, deadline_s=PATIENT_S))]
        await turns()
        async with asyncio.timeout(1.0):
            await client.close()
            ended = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(error) for error in ended] == [ClientClosedError] * 2
    assert lane_of(client)._timer is None
    assert len(wire.requests) == 1
