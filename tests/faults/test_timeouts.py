"""Servers that say nothing: how long an attempt lasts, and what a deadline leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, READS
from tests.support.wire import Exchange, Wire, stall
from tread_async import DeadlineExceededError, RetryPolicy, TransportError

ATTEMPT_S = 0.03
IMPATIENT = RetryPolicy(attempts=3, attempt_timeout_s=ATTEMPT_S, base_s=0.001, cap_s=0.001)


@pytest.mark.fault("F02", "I4", "I6")
@pytest.mark.parametrize("name", READS)
async def test_no_answer_at_all(connect: Callable[..., Any], name: str) -> None:
    """Each attempt lasts as long as its timeout says, and there are as many as the policy says."""
    loop, lasted = asyncio.get_running_loop(), list[float]()

    async def until_hung_up(exchange: Exchange) -> None:
        began = loop.time()
        await stall(exchange)
        lasted.append(loop.time() - began)

    async with Wire(until_hung_up) as wire:
        client = await connect(wire, retry=IMPATIENT)
        with pytest.raises(DeadlineExceededError) as caught:
            await READS[name](client)
        async with asyncio.timeout(5.0):
            while len(lasted) < 3:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)

    assert len(wire.requests) == caught.value.attempts == client.stats.requests_sent == 3
    # The server hears of a request later than the client sends it; a busy machine delays some of the ends.
    assert max(lasted) > ATTEMPT_S / 2
    assert min(lasted) < ATTEMPT_S + 0.05


@pytest.mark.fault("I12")
@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
async def test_a_deadline_is_no_cancellation(connect: Callable[..., Any], name: str) -> None:
    """A task whose call ran out of time has not been cancelled, and its own timeouts go on working."""
    task = asyncio.current_task()
    assert task is not None
    async with Wire(stall) as wire:
        client = await connect(wire, deadline_s=0.02)
        async with asyncio.timeout(5.0):
            with pytest.raises(TransportError):  # on a busy machine it may not even have left
                await (READS | ABSOLUTE)[name](client)
            assert task.cancelling() == 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5.0)

    assert task.cancelling() == 0
