"""What is refused on this side costs nothing: no request, no connection, no slot; its value is not echoed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.samples import PAIR, create, well
from tests.support.wire import Wire
from tread_async import TreadClient, UsageError

CANARY = "unsaid-7531"
LONG = CANARY * 1000


def leverage(client: TreadClient, value: Any, ids: Any = ("id-1",), pair: Any = PAIR) -> Awaitable[Any]:
    return client.set_leverage(value, pair=pair, account_ids=ids)


REFUSED: dict[str, Callable[[TreadClient], Awaitable[Any]]] = {
    "name with a newline": lambda client: client.balances([f"{CANARY}\nX: y"]),
    "name with a terminal sequence": lambda client: client.cached_balances([f"{CANARY}\x1b[31m"]),
    "name of 10 KB": lambda client: client.balances([LONG]),
    "name with half a pair": lambda client: client.balances([f"{CANARY}\ud800"]),
    "no names": lambda client: client.balances([]),
    "no ids": lambda client: leverage(client, 5, []),
    "NaN": lambda client: leverage(client, float("nan")),
    "zero": lambda client: leverage(client, 0),
    "below zero": lambda client: leverage(client, -1),
    "exponent": lambda client: leverage(client, "1e3"),
    "no pair": lambda client: leverage(client, 5, pair=""),
    "id with a newline": lambda client: leverage(client, 5, [f"{CANARY}\r\n"]),
    "account with a newline": lambda client: create(client, name=f"{CANARY}\n"),
    "account of 10 KB": lambda client: create(client, name=LONG),
    "key with NUL": lambda client: create(client, api_key=f"{CANARY}\x00"),
    "secret with a newline": lambda client: create(client, api_secret=f"{CANARY}\n"),
    "archive of 10 KB": lambda client: client.archive_account(LONG),
    "update of nothing": lambda client: client.update_account(CANARY),
    "path elsewhere": lambda client: client.request("GET", f"//{CANARY}/x"),
}


@pytest.mark.fault("F43", "I15")
@pytest.mark.parametrize("what", REFUSED)
async def test_refused(connect: Callable[..., Any], what: str) -> None:
    """Refused at its first step, while every slot is taken; what was given is not repeated."""
    go = asyncio.Event()

    async def held(exchange: Any) -> None:
        await go.wait()
        await well(exchange)

    async with Wire(held) as wire:
        client = await connect(wire, max_in_flight=1)
        waiting = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        before = client.stats
        call: Any = REFUSED[what](client)
        with pytest.raises(UsageError) as caught:
            call.send(None)  # a call that waited for anything would not raise
        assert client.stats == before
        go.set()
        await waiting
        await client.accounts()

    assert CANARY not in f"{caught.value} {caught.value!r}"
    assert len(str(caught.value)) < 300
    assert (len(wire.requests), wire.connections) == (2, 1)


@pytest.mark.fault("F43")
async def test_a_name_with_a_comma_asks_for_everything(connect: Callable[..., Any]) -> None:
    """It cannot stand in a comma list: everything is asked for, and only that name is given back."""
    async with Wire(well) as wire:
        client = await connect(wire)
        assert await client.balances(["a,b"]) == {}
        assert list(await client.balances(["a,b", "a"])) == ["a"]

    assert [request.target for request in wire.requests] == ["/api/balances/"] * 2


@pytest.mark.fault("F43", "I15")
@pytest.mark.parametrize(
    "base_url",
    [
        f"http://{CANARY}.example", f"https://user:{CANARY}@example.com", f"https://example.com/../{CANARY}",
        f"https://example.com/%2e%2e/{CANARY}", f"https://example.com?{CANARY}", f"ftp://{CANARY}",
    ],
)  # fmt: skip
async def test_a_base_url_that_would_lead_elsewhere(base_url: str) -> None:
    """A server that cannot be meant is refused when the client is made."""
    with pytest.raises(UsageError) as caught:
        TreadClient("token", base_url=base_url)

    assert CANARY not in f"{caught.value} {caught.value!r}"


@pytest.mark.fault("F43", "I15")
@pytest.mark.parametrize("spoilt", ["\r\nX: y", "\n", "\x00", " ", "\u00e9", "\t"])
async def test_a_token_that_cannot_stand_in_a_header(spoilt: str) -> None:
    """Neither given, nor made by a function, does it reach the wire or a message."""
    with pytest.raises(UsageError) as given:
        TreadClient(CANARY + spoilt)
    async with Wire(well) as wire, TreadClient(lambda: CANARY + spoilt, base_url=wire.url) as client:
        with pytest.raises(UsageError) as made:
            await client.accounts()

    assert CANARY not in f"{given.value!r} {made.value!r}"
    assert (wire.connections, client.stats.requests_sent) == (0, 0)
