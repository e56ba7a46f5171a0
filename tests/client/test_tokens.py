"""Where the token comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, EVERY, FAST, LISTED
from tests.support.wire import Exchange, Wire, reply
from tread_async import AuthError, NotSentError, OutcomeUnknownError, Secret, TreadClient, UsageError

NAMES = [f"desk-{number:04d}-{'x' * 40}" for number in range(200)]


class Issuer:
    """A coroutine function that gives out canary-1, canary-2, and so on, and counts."""

    def __init__(self, *, slowly: bool = False) -> None:
        self.issued = 0
        self._slowly = slowly

    async def __call__(self) -> str:
        if self._slowly:
            await asyncio.sleep(0.002)
        self.issued += 1
        return f"canary-{self.issued}"


def used(wire: Wire) -> list[str]:
    return [request.header("authorization")[0] for request in wire.requests]


async def answer_by_token(exchange: Exchange) -> None:
    """The first token is refused; with another one everything succeeds."""
    if exchange.request.header("authorization") == ["Token canary-1"]:
        await exchange.send(reply({"message": "Invalid credentials"}, 401))
    else:
        await exchange.send(reply([LISTED | {"name": "new"}] if exchange.request.method == "GET" else {}))


@pytest.mark.parametrize("token", ["canary-1", Secret("canary-1")])
async def test_given(connect: Callable[..., Any], token: Any) -> None:
    """A text and a `Secret` are used as they are."""
    async with Wire(reply([])) as wire:
        client = await connect(wire, token)
        await client.accounts()

    assert used(wire) == ["Token canary-1"]


async def test_a_function_that_waits_for_nothing(connect: Callable[..., Any]) -> None:
    """A plain function gives a token as a coroutine function does, at the first call and after a 401."""
    given = [Secret("canary-1"), "canary-2"]
    async with Wire(answer_by_token) as wire:
        client = await connect(wire, lambda: given.pop(0))
        before = len(given)
        for _ in range(2):
            await client.accounts()

    assert before == 2
    assert used(wire) == ["Token canary-1", "Token canary-2", "Token canary-2"]


async def test_fetched_when_needed(connect: Callable[..., Any]) -> None:
    """A function is asked at the first call, not before, and once for all calls."""
    issuer = Issuer()
    async with Wire(reply([])) as wire:
        client = await connect(wire, issuer)
        asked_before = issuer.issued
        for _ in range(3):
            await client.accounts()

    assert (asked_before, issuer.issued) == (0, 1)
    assert used(wire) == ["Token canary-1"] * 3


async def test_fetched_once_for_calls_at_once(connect: Callable[..., Any]) -> None:
    """Calls that start together share one question."""
    issuer = Issuer(slowly=True)
    async with Wire(reply([])) as wire:
        client = await connect(wire, issuer)
        await asyncio.gather(*[client.accounts() for _ in range(8)])

    assert issuer.issued == 1
    assert used(wire) == ["Token canary-1"] * 8


async def test_a_caller_gives_up(connect: Callable[..., Any]) -> None:
    """A call that is cancelled while it asks does not spoil the question for the others."""
    issuer = Issuer(slowly=True)
    async with Wire(reply([])) as wire:
        client = await connect(wire, issuer)
        one, two = (asyncio.create_task(client.accounts()) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        assert await two == ()

    assert one.cancelled()
    assert used(wire) == ["Token canary-1"]


async def test_asked_again_after_a_401(connect: Callable[..., Any]) -> None:
    """After a 401 the function is asked for another token, which the calls after it use too."""
    issuer = Issuer()
    async with Wire(answer_by_token) as wire:
        client = await connect(wire, issuer)
        await client.accounts()
        await client.accounts()

    assert used(wire) == ["Token canary-1", "Token canary-2", "Token canary-2"]
    assert issuer.issued == 2


async def test_given_token_is_doubted(connect: Callable[..., Any]) -> None:
    """A token that was given is not sent again after a 401: there is no other, and it was refused."""
    async with Wire(answer_by_token) as wire:
        client = await connect(wire, "canary-1")
        for _ in range(2):
            with pytest.raises(AuthError):
                await client.accounts()

    assert used(wire) == ["Token canary-1"]


@pytest.mark.parametrize("name", ["accounts", "set_leverage", "create_account (once)"])
async def test_queued_while_the_token_is_refused(connect: Callable[..., Any], name: str) -> None:
    """A call that waits for a slot while another finds the token refused goes out with the next token."""
    issuer = Issuer()
    async with Wire(answer_by_token) as wire:
        client = await connect(wire, issuer, max_in_flight=1)
        await asyncio.gather(client.accounts(), EVERY[name](client))

    assert used(wire)[0] == "Token canary-1"
    assert set(used(wire)[1:]) == {"Token canary-2"}
    assert issuer.issued == 2


async def test_late_refusal_of_an_old_token(connect: Callable[..., Any]) -> None:
    """A 401 for a token that has been replaced meanwhile does not throw the new one away: it is used."""
    issuer = Issuer()
    go = asyncio.Event()

    async def refused_one_by_one(exchange: Exchange) -> None:
        place = len(wire.requests)
        if exchange.request.header("authorization") == ["Token canary-1"]:
            await (wire.until(requests=2) if place == 1 else go.wait())
            await exchange.send(reply(status=401))
        else:
            await exchange.send(reply([]))

    async with Wire(refused_one_by_one) as wire:
        client = await connect(wire, issuer)
        calls = [asyncio.create_task(client.accounts()) for _ in range(2)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await client.accounts()
        go.set()
        await asyncio.gather(*calls)
        await client.accounts()

    assert used(wire) == ["Token canary-1"] * 2 + ["Token canary-2"] * 4
    assert issuer.issued == 2


@pytest.mark.parametrize("name", EVERY)
async def test_function_raises(connect: Callable[..., Any], name: str) -> None:
    """The function's own error reaches the caller as it is; nothing is sent, and it is asked again."""

    class VaultError(Exception):
        pass

    async def fail() -> str:
        raise VaultError("sealed")

    async with Wire(reply([])) as wire:
        client = await connect(wire, fail)
        for _ in range(2):
            with pytest.raises(VaultError, match="sealed"):
                await EVERY[name](client)

    assert wire.requests == []


async def test_function_raises_for_a_long_list(connect: Callable[..., Any]) -> None:
    """Neither does a call of several requests wrap it in a group."""

    async def fail() -> str:
        raise KeyError("sealed")

    async with Wire(reply([])) as wire:
        client = await connect(wire, fail)
        with pytest.raises(KeyError):
            await client.balances(NAMES)


async def test_function_times_out(connect: Callable[..., Any]) -> None:
    """A timeout of the function's own is not taken for the deadline."""

    async def fail() -> str:
        raise TimeoutError("vault")

    async with Wire(reply([])) as wire:
        client = await connect(wire, fail)
        with pytest.raises(TimeoutError, match="vault"):
            await client.accounts()


@pytest.mark.parametrize("name", EVERY)
async def test_function_is_slow(name: str) -> None:
    """The deadline holds over the function too: the call was not sent."""

    async def slow() -> str:
        await asyncio.sleep(60.0)
        raise AssertionError

    async with (
        Wire(reply([])) as wire,
        TreadClient(slow, base_url=wire.url, retry=FAST, deadline_s=0.02) as client,
    ):
        with pytest.raises(NotSentError, match="token"):
            await EVERY[name](client)

    assert wire.requests == []


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "é", 5, None, b"x"])
async def test_function_returns_no_token(connect: Callable[..., Any], token: Any) -> None:
    """What cannot be a token is refused, and nothing is sent."""

    async def give() -> Any:
        return token

    async with Wire(reply([])) as wire:
        client = await connect(wire, give)
        with pytest.raises(UsageError, match="token"):
            await client.accounts()

    assert wire.requests == []


async def test_refused_in_the_middle(connect: Callable[..., Any]) -> None:
    """A 401 at the second attempt of a write whose first may have been applied stays unknown, if it stays."""
    steps = [reply(status=500), reply(status=401), reply(status=401), reply()]
    for ask in ABSOLUTE.values():
        async with Wire(steps) as wire:
            client = await connect(wire, Issuer())
            with pytest.raises(OutcomeUnknownError, match="HTTP 401") as caught:
                await ask(client)

        assert isinstance(caught.value.cause, AuthError)
        assert used(wire) == ["Token canary-1", "Token canary-1", "Token canary-2"]


async def test_replaced_in_the_middle(connect: Callable[..., Any]) -> None:
    """A repeat that is refused goes out once more with the next token, and ends as that one does."""
    steps = [reply(status=500), reply(status=401), reply()]
    for ask in ABSOLUTE.values():
        async with Wire(steps) as wire:
            client = await connect(wire, Issuer())
            await ask(client)

        assert used(wire) == ["Token canary-1", "Token canary-1", "Token canary-2"]
        assert client.stats.retries == {"HTTP 500": 1}
