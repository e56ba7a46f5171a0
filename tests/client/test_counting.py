"""Of the requests of one call those are counted that left, whatever became of the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.samples import FAST, PAIR
from tests.support.tokens import REFUSED, Issuer
from tests.support.wire import Wire, cut, hang_up, reply, stall
from tread_async import NotSentError, TreadError
from tread_async._call import Call
from tread_async._calls import Calls
from tread_async._codec import requests
from tread_async._codec.requests import Request
from tread_async._identity import Credential
from tread_async._slots import Slots
from tread_async._wiring import Wiring

LIST = requests.accounts(include_archived=False)
LEVERAGE = requests.set_leverage(leverage="5", pair=PAIR, account_ids=["id-1"])
BOTH = pytest.mark.parametrize("request_", [LIST, LEVERAGE], ids=["read", "write"])


@pytest.fixture
async def calls() -> AsyncIterator[Callable[..., Calls]]:
    """Calls of one token, with one slot."""
    async with AsyncExitStack() as stack:

        def opened(url: str, token: Any = "a") -> Calls:
            wiring, credential = Wiring(url, None, FAST, "Token", None, None), Credential(token)
            made = wiring.calls(credential, wiring.share(credential, Slots(1), 1))
            stack.push_async_callback(made.close)
            return made

        yield opened


async def failed(calls: Calls, request: Request[Any], deadline_s: float = 5.0) -> Call[Any]:
    """A call that has failed."""
    call: Call[Any] = Call(request, FAST, asyncio.get_running_loop().time() + deadline_s)
    with pytest.raises(TreadError):
        await calls.carry_out(call)
    return call


@pytest.mark.fault("I4")
@BOTH
@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([reply(status=500)], 3),
        ([hang_up], 3),
        ([reply(status=404)], 1),
        ([reply(status=500), reply(status=404)], 2),
        ([REFUSED], 1),
        ([reply(status=429, Retry_After="90")], 1),
    ],
)
async def test_what_left(calls: Callable[..., Calls], request_: Request[Any], steps: Any, count: int) -> None:
    """Each attempt that left is counted once, as the server counts."""
    async with Wire(steps) as wire:
        call = await failed(calls(wire.url), request_)

    assert call.requests_sent == len(wire.requests) == count


@BOTH
async def test_sent_again_with_another_token(calls: Callable[..., Calls], request_: Request[Any]) -> None:
    """A request that is sent once more after a 401 counts twice."""
    async with Wire(REFUSED) as wire:
        call = await failed(calls(wire.url, Issuer("a", "b")), request_)

    assert call.requests_sent == len(wire.requests) == 2


@BOTH
async def test_the_same_token_again(calls: Callable[..., Calls], request_: Request[Any]) -> None:
    """One that is not sent once more, because the function has no other token, counts once."""
    async with Wire(REFUSED) as wire:
        call = await failed(calls(wire.url, Issuer("a")), request_)

    assert call.requests_sent == len(wire.requests) == 1


@pytest.mark.fault("I4")
@BOTH
@pytest.mark.parametrize("why", ["latched", "held", "no slot", "no time", "no token", "no host", "closed"])
async def test_what_did_not_leave(
    calls: Callable[..., Calls], request_: Request[Any], why: str, unused_tcp_port: int
) -> None:
    """A call that fails before anything of it leaves counts none."""
    answer = {"latched": REFUSED, "held": reply(status=429, Retry_After="90"), "no slot": stall}.get(why)
    waits: list[asyncio.Task[Any]] = []
    async with Wire(answer or reply([])) as wire:
        url = f"http://127.0.0.1:{unused_tcp_port}" if why == "no host" else wire.url

        async def slow() -> str:
            await asyncio.sleep(60.0)
            raise AssertionError

        one = calls(url, slow if why == "no token" else "a")
        if why in ("latched", "held"):
            await failed(one, LIST)
        elif why == "no slot":
            waits.append(asyncio.create_task(one.run(LIST, one.deadline("accounts", 60.0))))
            await wire.until(requests=1)
        elif why == "closed":
            await one.close()
        before = len(wire.requests)
        deadline_s = {"no time": -1.0, "no slot": 0.02, "no token": 0.02}.get(why, 5.0)
        call = await failed(one, request_, deadline_s)
        after = len(wire.requests)
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    assert (call.requests_sent, after - before) == (0, 0)


@pytest.mark.fault("I4")
async def test_attempts_and_requests_differ(calls: Callable[..., Calls], unused_tcp_port: int) -> None:
    """A host that refuses connections is tried three times, and no request is counted."""
    one = calls(f"http://127.0.0.1:{unused_tcp_port}")
    call: Call[Any] = Call(LIST, FAST, asyncio.get_running_loop().time() + 5.0)
    with pytest.raises(NotSentError) as caught:
        await one.carry_out(call)

    assert (caught.value.attempts, call.requests_sent, one.stats().requests_sent) == (3, 0, 0)


@pytest.mark.parametrize(("steps", "opened"), [(reply([]), 1), (cut(reply([])), 3)])
async def test_connections_are_counted(calls: Callable[..., Calls], steps: Any, opened: int) -> None:
    """One for all reads where the server keeps it, else as many; a write has one of its own."""
    async with Wire({"GET": steps, "POST": reply()}) as wire:
        one = calls(wire.url)
        for _ in range(3):
            await one.run(LIST, asyncio.get_running_loop().time() + 5.0)
        assert one.stats().connections_opened == opened
        await one.run(LEVERAGE, asyncio.get_running_loop().time() + 5.0)

    assert one.stats().connections_opened == opened + 1 == wire.connections
