"""A token function is asked once more after a 401, and the same request goes out once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, DONE, GOOD, METHODS, ONCE, READS, write_script
from tests.support.tokens import REFUSED, Issuer, only, refused, used
from tests.support.wire import Exchange, Wire, reply
from tread_async import AuthError, ServerError

AGAIN = READS | ABSOLUTE


@pytest.mark.parametrize("name", AGAIN)
async def test_the_same_request_goes_out_with_the_next_token(connect: Callable[..., Any], name: str) -> None:
    """Where a function gives tokens a 401 costs one more request, the same with another token; no error."""
    issuer = Issuer("old", "new")
    async with Wire([REFUSED, reply(GOOD[name])]) as wire:
        client = await connect(wire, issuer)
        await AGAIN[name](client)
        stats = client.stats

    assert (used(wire), issuer.asked) == (["old", "new"], 2)
    assert len({(sent.method, sent.target, sent.body) for sent in wire.requests}) == 1
    assert (stats.requests_sent, stats.retries) == (2, {})


@pytest.mark.parametrize("name", ONCE)
async def test_what_acts_is_not_sent_again(connect: Callable[..., Any], name: str) -> None:
    """What creates or archives ends with the 401, and the next call asks the function."""
    issuer = Issuer("old", "new")
    async with Wire(write_script(name, REFUSED, reply(DONE))) as wire:
        client = await connect(wire, issuer)
        error = await refused(client, f"{name} (once)")
        asked, sent = issuer.asked, len(wire.requests)
        await client.request("GET", "/api/x")

    assert (error.status, error.attempts, asked) == (401, 1, 1)
    assert wire.count(METHODS[name]) == 1
    assert (set(used(wire)[:sent]), used(wire)[sent:]) == ({"old"}, ["new"])


async def test_a_row_is_interrupted_by_an_answer(connect: Callable[..., Any]) -> None:
    """A function whose tokens live for a moment each is asked as often as that takes, and never latched."""
    issuer = Issuer(*"abcdef")
    async with Wire([reply([]), REFUSED] * 5) as wire:
        client = await connect(wire, issuer)
        for _ in range(5):
            await client.accounts()

    assert used(wire) == list("aabbccdde")
    assert issuer.asked == 5


async def test_many_at_once(connect: Callable[..., Any]) -> None:
    """Calls that are refused together share one question, and each goes out once more."""
    issuer = Issuer("a", "b")
    async with Wire(only("b")) as wire:
        client = await connect(wire, issuer, max_in_flight=8)
        await asyncio.gather(*[client.accounts() for _ in range(8)])

    assert issuer.asked == 2
    assert sorted(used(wire)) == ["a"] * 8 + ["b"] * 8


async def test_many_refused_at_once(connect: Callable[..., Any]) -> None:
    """Calls that are refused together with every token end with the 401, after one question more."""
    issuer = Issuer("a", "b", "c")
    async with Wire(REFUSED) as wire:
        client = await connect(wire, issuer, max_in_flight=8)
        ended = await asyncio.gather(*[client.accounts() for _ in range(8)], return_exceptions=True)

    assert {type(error) for error in ended} == {AuthError}
    assert issuer.asked == 2
    assert "c" not in used(wire)


async def test_many_refused_at_once_with_the_only_token(connect: Callable[..., Any]) -> None:
    """A slow function that has no other token hears one question for all of them."""
    issuer = Issuer("a")

    async def slowly() -> str:
        await asyncio.sleep(0.005)
        return issuer()

    async def all_at_once(exchange: Exchange) -> None:
        await wire.until(requests=8)
        await exchange.send(REFUSED)

    async with Wire(all_at_once) as wire:
        client = await connect(wire, slowly, max_in_flight=8)
        ended = await asyncio.gather(*[client.accounts() for _ in range(8)], return_exceptions=True)

    assert {type(error) for error in ended} == {AuthError}
    assert (issuer.asked, used(wire)) == (2, ["a"] * 8)


async def test_the_function_fails_after_a_401(connect: Callable[..., Any]) -> None:
    """Then its own error is raised, and the next call asks it again."""
    tokens = iter(["a", ServerError(500, "the vault is down"), "b"])

    def issue() -> str:
        given = next(tokens)
        if isinstance(given, Exception):
            raise given
        return given

    async with Wire(only("b")) as wire:
        client = await connect(wire, issue)
        with pytest.raises(ServerError, match="vault"):
            await client.accounts()
        await client.accounts()

    assert used(wire) == ["a", "b"]
