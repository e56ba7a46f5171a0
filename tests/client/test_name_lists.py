"""Lists of names: split by bytes, run at once, merged in order; names that no list can hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from tests.support.samples import FAST, ONE_TRY
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import RetryPolicy, ServerError, TreadClient, UsageError
from tread_async.simulator import Simulator

NAMES = [f"desk-{number:04d}-{'x' * 40}" for number in range(200)]
ODD = ["a/b", "naïve ✓", "100% & more", "user/name", "a+b", "q?x#y", "'\"<>"]


def asked(target: str) -> list[str]:
    return dict(parse_qsl(urlsplit(target).query))["account_names"].split(",")


def rows(names: list[str]) -> dict[str, Any]:
    return {name: {"exchange": "Gate", "assets": []} for name in names}


async def test_long_list_is_split(connect: Callable[..., Any]) -> None:
    """A list above 4 KiB of URL becomes several requests, none longer, that name each account once."""
    async with Simulator(accounts=NAMES, assets=2) as sim:
        client = await connect(sim)
        found = await client.balances(list(reversed(NAMES)))
        cached = await client.cached_balances(NAMES)
        url = sim.url

    assert list(found) == list(reversed(NAMES))
    assert [account.account_name for account in cached.balances] == NAMES
    for endpoint in ("balances", "cached_balances"):
        targets = [one for one in sim.journal.requests if one.endpoint == endpoint]
        assert len(targets) == 3
        assert max(len(url + one.path + "?" + one.query) for one in targets) <= 4096
        assert sorted(name for one in targets for name in one.accounts) == NAMES
    assert client.stats.requests_sent == 6


async def test_parts_run_at_once(connect: Callable[..., Any]) -> None:
    """All parts are on the server before the first is answered; a late first part stays first."""
    every = asyncio.Event()

    async def when_all_are_here(exchange: Exchange) -> None:
        if len(wire.requests) == 3:
            every.set()
        await every.wait()
        if exchange.request.connection == 1:
            await asyncio.sleep(0.01)
        await exchange.send(reply(rows(asked(exchange.request.target))))

    async with Wire(when_all_are_here) as wire:
        client = await connect(wire)
        found = await client.balances(NAMES)

    assert list(found) == NAMES
    assert wire.connections == 3


@pytest.mark.parametrize("most", [1, 2])
async def test_parts_keep_to_the_limit(connect: Callable[..., Any], most: int) -> None:
    """No more parts are on the wire than ``max_in_flight``, which later parts wait for."""
    now = peak = 0

    async def measure(exchange: Exchange) -> None:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0.002)
        now -= 1
        await exchange.send(reply(rows(asked(exchange.request.target))))

    async with Wire(measure) as wire:
        client = await connect(wire, max_in_flight=most)
        found = await client.balances(NAMES)

    assert len(found) == 200
    assert peak == most
    assert wire.connections == most


async def test_first_failure_ends_all(connect: Callable[..., Any]) -> None:
    """When one part fails for good the others are given up, and its own error is raised."""

    async def fail_the_second(exchange: Exchange) -> None:
        if asked(exchange.request.target)[0] == NAMES[0]:
            await exchange.reader.read()  # until the client hangs up
        else:
            await exchange.send(reply(status=500))

    async with Wire(fail_the_second) as wire:
        client = await connect(wire, retry=ONE_TRY)
        with pytest.raises(ServerError):
            await client.balances(NAMES)


async def test_only_the_failed_part_is_repeated(sim: Simulator, connect: Callable[..., Any]) -> None:
    """A part that fails is asked again by itself."""
    async with Simulator(accounts=NAMES, assets=1) as many:
        many.fail(endpoint="balances", nth=2, status=500)
        client = await connect(many)
        found = await client.balances(NAMES)

    assert list(found) == NAMES
    assert many.journal.count("balances") == 4
    assert client.stats.retries == {"HTTP 500": 1}


@pytest.mark.trap(2)
async def test_name_with_a_comma(connect: Callable[..., Any]) -> None:
    """A list cannot name it: everything is fetched once, and only the names asked are returned."""
    async with Simulator(accounts=["a,b", "a", "b"], assets=1) as sim:
        client = await connect(sim)
        live = await client.balances(["b", "a,b"])
        cached = await client.cached_balances(["a,b"])

    assert list(live) == ["b", "a,b"]
    assert [account.account_name for account in cached.balances] == ["a,b"]
    assert [request.query for request in sim.journal.requests] == ["", ""]


async def test_odd_names(connect: Callable[..., Any]) -> None:
    """Slashes, blanks, signs and letters beyond ASCII reach the server as they are."""
    async with Simulator(accounts=ODD, assets=1) as sim:
        client = await connect(sim)
        live = await client.balances(ODD)
        cached = await client.cached_balances(ODD)

    assert list(live) == ODD
    assert [account.account_name for account in cached.balances] == ODD
    for request in sim.journal.requests:
        assert unquote(request.query) == "account_names=" + ",".join(ODD)
        assert request.query.isascii()


async def test_answer_with_strangers(connect: Callable[..., Any]) -> None:
    """Accounts nobody asked for are not in the result of a filtered call."""
    async with Wire(reply(rows(["stranger", "b", "a"]))) as wire:
        client = await connect(wire)
        found = await client.balances(["a", "b"])

    assert list(found) == ["a", "b"]


@pytest.mark.trap(3)
@pytest.mark.parametrize("names", [[], (), iter(())])
async def test_empty_filter(client: TreadClient, sim: Simulator, names: Any) -> None:
    """An empty list never means all: it is refused, and nothing is sent."""
    for ask in (client.balances, client.cached_balances):
        with pytest.raises(UsageError, match="empty"):
            await ask(names)
    with pytest.raises(UsageError, match="empty"):
        await client.set_leverage(5, pair="ETH-USDT", account_ids=names)

    assert sim.journal.requests == []
    assert client.stats.requests_sent == 0


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "x" * 2000, 5, None, "\ud800"])
async def test_bad_name(client: TreadClient, sim: Simulator, name: Any) -> None:
    """A name that cannot be one is refused before anything is sent, and not repeated in the error."""
    for ask in (lambda: client.balances([name]), lambda: client.archive_account(name)):
        with pytest.raises(UsageError) as caught:
            await ask()
        assert not (isinstance(name, str) and name.strip() and name in str(caught.value))

    assert sim.journal.requests == []


async def test_policy_applies_to_each_part() -> None:
    """The number of attempts is one part's, not the list's."""
    policy = RetryPolicy(attempts=2, base_s=FAST.base_s, cap_s=FAST.cap_s)
    async with (
        Wire(reply(status=500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=policy, max_in_flight=1) as client,
    ):
        with pytest.raises(ServerError) as caught:
            await client.balances(NAMES)

    assert caught.value.attempts == 2
