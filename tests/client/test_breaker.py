"""The circuit breaker of a client. Its rules are in `tests/pure/test_breaker.py`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.support.samples import EVERY, ONE_TRY
from tests.support.wire import TOKEN, Wire, reply, stall
from tread_async import NotSentError, ServerError, TreadClient, TreadError, UsageError


async def opened(client: TreadClient, wire: Wire) -> None:
    """Fails until the breaker of *client* is open."""
    for _ in range(5):
        with pytest.raises(ServerError):
            await client.accounts()
    assert len(wire.requests) == 5


@pytest.mark.parametrize("name", EVERY)
async def test_nothing_is_sent(name: str) -> None:
    """Of no call, and of a write it is known that it was not applied. The error says for how long."""
    async with (
        Wire(reply(status=500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, circuit_breaker=True) as client,
    ):
        await opened(client, wire)
        with pytest.raises(NotSentError, match="nothing is sent to it for a while") as caught:
            await EVERY[name](client)

    assert len(wire.requests) == 5
    assert caught.value.permanent
    assert 3.5 < (caught.value.retry_after_s or 0) < 6.1
    assert client.stats.requests_sent == 5


async def test_it_is_not_repeated() -> None:
    """What the breaker refuses does not wait for its next attempt."""
    async with (
        Wire(reply(status=500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, circuit_breaker=True) as client,
    ):
        client._calls._chance = lambda: 0.0
        for _ in range(2):
            with pytest.raises(TreadError):
                await client.accounts()

    assert len(wire.requests) == 5


async def test_one_finds_out() -> None:
    """When the time is up one request goes out; the others are refused until it is answered."""
    answers: list[Any] = [reply(status=500)] * 5
    async with (
        Wire([*answers, stall, reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, circuit_breaker=True) as client,
    ):
        await opened(client, wire)
        later = time.monotonic() + 10**6
        client._wiring._breaker._clock = lambda: later
        probe = asyncio.create_task(client.accounts())
        await wire.until(6)
        ended = await asyncio.gather(*[client.accounts() for _ in range(50)], return_exceptions=True)
        probe.cancel()
        await asyncio.wait({probe})
        assert await client.accounts() == ()
        assert await client.accounts() == ()

    assert {type(error) for error in ended} == {NotSentError}
    assert len(wire.requests) == 8


async def test_those_that_queue_are_refused_too() -> None:
    """Callers that waited for a slot while it opened are not sent when they get one."""
    async with (
        Wire(reply(status=500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, circuit_breaker=True, max_in_flight=1) as client,
    ):
        ended = await asyncio.gather(*[client.accounts() for _ in range(20)], return_exceptions=True)

    assert [type(error) for error in ended] == [ServerError] * 5 + [NotSentError] * 15
    assert len(wire.requests) == 5


async def test_off_unless_asked_for() -> None:
    async with (
        Wire(reply(status=500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        for _ in range(20):
            with pytest.raises(ServerError):
                await client.accounts()

    assert len(wire.requests) == 20


async def test_the_flag() -> None:
    with pytest.raises(UsageError, match="circuit_breaker"):
        TreadClient(TOKEN, circuit_breaker="yes")  # type: ignore[arg-type]
