"""A token that was refused: for 30 s nothing is sent with it, and then one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, EVERY, ONCE
from tests.support.tokens import REFUSED, Issuer, let_pass, only, refused, used
from tests.support.wire import Wire, reply, stall
from tread_async import AuthError, OutcomeUnknownError
from tread_async._identity import LATCH_S, Identity


@pytest.mark.fault("F18")
@pytest.mark.parametrize("name", EVERY)
async def test_a_latched_token_is_not_sent(connect: Callable[..., Any], name: str) -> None:
    """After the first 401 for a token that was given every call ends at once, reads and writes, unsent."""
    async with Wire(REFUSED) as wire:
        client = await connect(wire)
        told = await refused(client)
        for _ in range(3):
            error = await refused(client, name)

            assert error.status == 401
            assert "nothing is sent with it for another 30 s" in str(error)
        assert client.stats.requests_sent == len(wire.requests) == 1
        assert told.message == "Invalid token"


@pytest.mark.fault("F18")
async def test_calls_that_queue_are_not_sent_either(connect: Callable[..., Any]) -> None:
    """Whoever waited for a slot when the token was refused does not send it again."""
    async with Wire(REFUSED) as wire:
        client = await connect(wire, max_in_flight=1)
        calls = [client.accounts() for _ in range(5)]
        calls += [ask(client) for ask in (*ABSOLUTE.values(), ONCE["create_account"])]
        ended = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(error) for error in ended} == {AuthError}
    assert len(wire.requests) == 1


async def test_a_latched_call_does_not_queue(connect: Callable[..., Any]) -> None:
    """It fails at once, although every slot is taken by calls that had left before."""
    async with Wire(stall) as wire:
        client = await connect(wire, max_in_flight=1)
        before = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        client._calls._identity._latch()
        await asyncio.wait_for(refused(client), 5)
        before.cancel()
        await asyncio.gather(before, return_exceptions=True)

    assert len(wire.requests) == 1


async def test_the_latch_runs_out(connect: Callable[..., Any]) -> None:
    """After 30 s, and not before, a request is let through; if it is refused too the latch closes again."""
    async with Wire([REFUSED, REFUSED, reply([])]) as wire:
        client = await connect(wire)
        await refused(client)
        counts = []
        for _ in range(2):
            let_pass(client, LATCH_S - 1)
            counts.append(len(wire.requests))
            assert "another 1 s" in str(await refused(client))
            counts.append(len(wire.requests))
            let_pass(client, 1)
            await (refused(client) if counts[-1] == 1 else client.accounts())

    assert counts == [1, 1, 2, 2]
    assert len(wire.requests) == 3


async def test_a_success_ends_the_doubt(connect: Callable[..., Any]) -> None:
    """Once a token was taken again, calls go through as ever, and the next 401 latches it anew."""
    async with Wire([REFUSED, reply([]), reply([]), REFUSED, reply([])]) as wire:
        client = await connect(wire)
        await refused(client)
        let_pass(client)
        for _ in range(2):
            await client.accounts()
        for _ in range(2):
            await refused(client)

    assert len(wire.requests) == 4


@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
async def test_two_tokens_refused_in_a_row(connect: Callable[..., Any], name: str) -> None:
    """A second 401 in a row latches: the function is not asked a third time before the latch has run out."""
    issuer = Issuer("a", "b", "c")
    async with Wire(only("c")) as wire:
        client = await connect(wire, issuer)
        said = [(await refused(client, name)).message for _ in range(3)]
        asked, sent = issuer.asked, used(wire)
        let_pass(client)
        await client.accounts()

    assert said[0] == "Invalid token"
    assert "nothing is sent" in said[1] == said[2]
    assert (asked, sent) == (2, ["a", "b"])
    assert (issuer.asked, used(wire)) == (3, ["a", "b", "c"])


async def test_a_row_over_two_calls(connect: Callable[..., Any]) -> None:
    """The second 401 in a row latches also where another call had the first: it is not asked again."""
    issuer = Issuer("a", "b", "c")
    async with Wire(only("c")) as wire:
        client = await connect(wire, issuer)
        said = [(await refused(client, name)).message for name in ("request (once)", "accounts", "accounts")]

    assert said[:2] == ["Invalid token"] * 2
    assert "nothing is sent" in said[2]
    assert (issuer.asked, used(wire)) == (2, ["a", "b"])


async def test_the_same_token_again(connect: Callable[..., Any]) -> None:
    """A function that has no other token than the one refused is not sent for: that latches too."""
    issuer = Issuer("a")
    async with Wire(REFUSED) as wire:
        client = await connect(wire, issuer)
        for _ in range(3):
            await refused(client)

    assert (issuer.asked, used(wire)) == (2, ["a"])


async def test_one_request_for_each_latch_that_runs_out(connect: Callable[..., Any]) -> None:
    """Also with a function that always gives the same token one request goes out every 30 s, and not none."""
    issuer = Issuer("a")
    async with Wire([*[REFUSED] * 4, reply([])]) as wire:
        client = await connect(wire, issuer)
        await refused(client)
        counts = []
        for _ in range(3):
            let_pass(client)
            for _ in range(2):
                await refused(client)
            counts.append(len(wire.requests))
        let_pass(client)
        for _ in range(2):
            await client.accounts()

    assert counts == [2, 3, 4]


async def test_the_function_is_asked_anew_when_the_latch_has_run_out(connect: Callable[..., Any]) -> None:
    """A token that comes late to the function is used for the first request after the latch."""
    issuer = Issuer("a", "a", "b")
    async with Wire(only("b")) as wire:
        client = await connect(wire, issuer)
        await refused(client)
        let_pass(client)
        await client.accounts()

    assert used(wire) == ["a", "b"]


@pytest.mark.parametrize("name", ABSOLUTE)
async def test_a_latch_in_the_middle_of_a_write(connect: Callable[..., Any], name: str) -> None:
    """A write of which an attempt may be applied stays unknown when its repeat is not let through."""
    async with Wire([reply(status=500), REFUSED, reply()]) as wire:
        client = await connect(wire, max_in_flight=1)
        write = asyncio.create_task(ABSOLUTE[name](client))
        await wire.until(requests=1)
        await refused(client)  # queued before the write is repeated
        with pytest.raises(OutcomeUnknownError, match="nothing is sent with it") as caught:
            await write

    assert isinstance(caught.value.cause, AuthError)
    assert len(wire.requests) == 2


async def test_a_late_success_opens() -> None:
    """An answer that takes the token after another one refused it ends the latch: the token works."""
    identity = Identity("a", "Token")
    identity.refused(identity.token)
    with pytest.raises(AuthError, match="30 s"):
        identity.check()
    identity.accepted()
    identity.check()

    assert not identity.in_doubt
