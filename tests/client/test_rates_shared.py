"""Who shares a rate, and the wait that a server asks for: every client of the process with the token."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.rates import Log, never_early
from tests.support.samples import ONE_TRY
from tests.support.wire import TOKEN, Wire, reply, stall
from tread_async import (
    DeadlineExceededError,
    NotSentError,
    RateLimitedError,
    Secret,
    TreadClient,
)
from tread_async._rates import RATES

MINUTE = reply(status=429, Retry_After="60")
ONE_IN_AN_HOUR = 1 / 3600


async def turns() -> None:
    """Gives whoever could send the time to do so."""
    for _ in range(20):
        await asyncio.sleep(0.0005)


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


async def test_it_forgets(connect: Callable[..., Any]) -> None:
    """When the clients of a token are closed and nothing of it matters any more, nothing of it is kept."""
    async with Wire(stall) as wire:
        async with TreadClient(TOKEN, base_url=wire.url, requests_per_s=10_000) as client:
            call = asyncio.create_task(client.accounts())
            await wire.until(requests=1)
            kept = len(RATES._budgets)
            call.cancel()
            await asyncio.wait({call})
        del client, call
        await asyncio.sleep(0.001)
        await connect(wire, "another")
        gc.collect()

    assert (kept, len(RATES._budgets), len(RATES._kept)) == (1, 1, 0)
