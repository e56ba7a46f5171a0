"""A rate of each token, which a manager shares with whoever else in the process uses the token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.desks import desk, errors, kinds
from tests.support.rates import Log, lag, most_in
from tests.support.samples import ONE_TRY, PAIR
from tests.support.wire import TOKEN, Wire, reply
from tread_async import NotSentError, RateLimitedError, SessionManager, UsageError

MINUTE = reply(status=429, Retry_After="60")
ONE_IN_AN_HOUR = 1 / 3600
TOKENS = (TOKEN, f"{TOKEN}-b")
RATE = 50.0


@pytest.mark.parametrize("rate", [0, -1, float("nan"), True, "5", 10_001])
def test_what_is_no_rate(rate: Any) -> None:
    """A rate that cannot work is refused with one sentence when the manager is made."""
    with pytest.raises(UsageError, match="requests_per_s is a number"):
        SessionManager({"a": TOKEN}, requests_per_s=rate)


async def busy(seconds: float, connect: Callable[..., Any]) -> tuple[list[float], float]:
    """When the requests of two clients and a manager came, which all had more of them than may be sent.

    And for how long at most they were held up on their way: all is on one loop.
    """
    async with Wire(log := Log(), tokens=TOKENS) as wire, lag() as held_s:
        clients = [await connect(wire, TOKEN, requests_per_s=RATE) for _ in range(2)]
        async with desk(wire, requests_per_s=RATE) as manager:
            asks: list[Any] = [client.accounts() for client in clients for _ in range(40)]
            asks += [manager.balances(["a/x"]) for _ in range(40)]
            calls = [asyncio.ensure_future(ask) for ask in asks]
            await asyncio.sleep(seconds)
            await manager.balances(["b/x"], deadline_s=0.5)  # another token waits for none of this
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
    return log.moments[TOKEN], held_s[0]


async def test_never_above_and_hardly_below(connect: Callable[..., Any]) -> None:
    """By the server's own log no second has more than the rate, and 95 % of it is used.

    On a stalled machine slots pass unused, and such a run is made again: it may be slow, never quick.
    """
    used: list[float] = []
    while max(used, default=0.0) < 0.95:
        assert len(used) < 4, f"of the rate are used {used}"
        moments, held_s = await busy(1.5, connect)
        assert most_in(moments, 1.0 - max(0.0, held_s - 0.01)) <= RATE
        used.append((len(moments) - 1) / (moments[-1] - moments[0]) / RATE)


async def test_each_token_has_its_own(connect: Callable[..., Any]) -> None:
    """The rate of a manager is that of each token; where one has to wait for it the other does not."""
    async with Wire(log := Log(), tokens=TOKENS) as wire:
        client = await connect(wire, TOKENS[1], requests_per_s=ONE_IN_AN_HOUR)
        await client.accounts()
        async with desk(wire, requests_per_s=1000, retry=ONE_TRY) as manager:
            snapshot = await manager.balances(deadline_s=0.1)

    assert kinds(snapshot) == {"a/x": "Ok"}
    assert list(snapshot.unlisted) == ["b"]
    assert {token: len(moments) for token, moments in log.moments.items()} == {TOKEN: 2, TOKENS[1]: 1}


@pytest.mark.parametrize("rate", [None, 1000])
async def test_another_client_is_asked_to_wait(connect: Callable[..., Any], rate: float | None) -> None:
    """A ``Retry-After`` of a client holds that token of managers, reads and writes, and no other token."""
    async with Wire(log := Log(), tokens=TOKENS) as wire, desk(wire, retry=ONE_TRY) as manager:
        client = await connect(wire, retry=ONE_TRY, requests_per_s=rate)
        await manager.balances()
        log.first.append(MINUTE)
        with pytest.raises(RateLimitedError):
            await client.accounts()
        before = len(log.heard)
        snapshot = await manager.balances()
        report = await manager.set_leverage(5, pair=PAIR, accounts=["a/x"])
        later = len(log.heard) - before

    assert kinds(snapshot) == {"a/x": "Failed", "b/x": "Ok"}
    error = errors(report)["a/x"]
    assert isinstance(error, NotSentError)
    assert error.retry_after_s == pytest.approx(60, abs=5)
    assert later == 1


async def test_a_manager_is_asked_to_wait(connect: Callable[..., Any]) -> None:
    """What a manager is told holds clients of the token and another manager that knows the token."""
    async with Wire(Log(MINUTE), tokens=TOKENS[:1]) as wire:
        client = await connect(wire)
        async with desk(wire, retry=ONE_TRY) as one, desk(wire, retry=ONE_TRY) as two:
            with pytest.raises(RateLimitedError):
                await one.balance("a/x")
            for ask in (client.accounts(), two.balance("a/x")):
                with pytest.raises(NotSentError, match="asked this token to wait"):
                    await ask

    assert len(wire.requests) == 1


async def test_a_token_function_of_a_manager(connect: Callable[..., Any]) -> None:
    """A function that a client uses too is one token, although a manager says whose errors it raises."""

    def token() -> str:
        return TOKEN

    async with Wire(Log(MINUTE)) as wire:
        client = await connect(wire, token, retry=ONE_TRY)
        async with SessionManager({"a": token}, base_url=wire.url, retry=ONE_TRY) as manager:
            with pytest.raises(RateLimitedError):
                await manager.balance("a/x")
            with pytest.raises(NotSentError, match="asked this token to wait"):
                await client.accounts()


async def test_a_write_overtakes_the_reads_of_others(connect: Callable[..., Any]) -> None:
    """A write of a manager is among the next two requests, behind hundreds of reads of a client."""
    async with Wire(log := Log(), tokens=TOKENS[:1]) as wire:
        client = await connect(wire, requests_per_s=20)
        async with desk(wire, requests_per_s=20) as manager:
            await manager.accounts()
            reads = [asyncio.create_task(client.accounts()) for _ in range(500)]
            await wire.until(requests=2)
            before = len(log.heard)
            report = await manager.set_leverage(5, pair=PAIR, accounts=["a/x"], verify=False)
            after = [method for _, method in log.heard[before:]]
            for read in reads:
                read.cancel()

    assert report.ok
    assert "POST" in after[:2]


async def test_closing_a_manager(connect: Callable[..., Any]) -> None:
    """Closing ends what waits for the rate, and leaves the client that shares it as it is."""
    async with Wire(Log(), tokens=TOKENS[:1]) as wire:
        client = await connect(wire, requests_per_s=20)
        async with desk(wire, requests_per_s=20) as manager:
            await manager.accounts()
            waiting = [asyncio.create_task(manager.balances(["a/x"])) for _ in range(10)]
            last = asyncio.create_task(client.accounts())
            await asyncio.sleep(0.005)
            async with asyncio.timeout(1.0):
                await manager.close()
                ended = await asyncio.gather(*waiting, return_exceptions=True)
        await last

    assert {type(error).__name__ for error in ended} == {"ClientClosedError"}
    assert 2 <= len(wire.requests) <= 3
