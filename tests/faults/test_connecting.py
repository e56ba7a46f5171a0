"""Connections that are refused, or that end just before a request: nothing is lost, nothing sent twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.passing import untimed
from tests.support.samples import ABSOLUTE, ARCHIVED, DONE, EVERY, LISTED, READS, REQUESTS, create, well
from tests.support.wire import Exchange, Wire, reply
from tread_async import TreadClient

WAITS = {"set_leverage": [0.5, 1.0]}  # the longest draws of its policy; those of all others are shorter


def listens_after(client: TreadClient, waits: int, listen: Callable[[], Any]) -> list[float]:
    """Lets a server come up in one of the waits of *client*, which are written down and take no time."""
    written = untimed(client)
    assert client._calls is not None
    sleep = client._calls._sleep

    async def comes_up(seconds: float) -> None:
        await sleep(seconds)
        if len(written) == waits:
            await listen()

    client._calls._sleep = comes_up
    return written


@pytest.mark.fault("F01")
@pytest.mark.parametrize("name", EVERY)
async def test_refused_twice(connect: Callable[..., Any], name: str, unused_tcp_port: int) -> None:
    """Any call that is refused twice succeeds at its third attempt, after the waits of its policy."""
    wire = Wire(well, port=unused_tcp_port)
    async with AsyncExitStack() as stack:
        client = await connect(wire, retry=None)
        waits = listens_after(client, 2, lambda: stack.enter_async_context(wire))
        await EVERY[name](client)

    assert waits == WAITS.get(name, [0.25, 0.5])
    assert client.stats.retries == {"NotSentError": 2}
    assert len(wire.requests) == client.stats.requests_sent == REQUESTS.get(name, 1)


@pytest.mark.fault("F01", "I1")
async def test_an_archive_refused_after_the_name_was_looked_up(connect: Callable[..., Any]) -> None:
    """Where the connection of the DELETE itself is refused it is made again, and one DELETE arrives."""

    async def last_for_now(exchange: Exchange) -> None:
        wire.refuse()
        await exchange.send(reply([LISTED]))

    async with Wire({"GET": [last_for_now, reply([ARCHIVED])], "DELETE": reply(DONE)}) as wire:
        client = await connect(wire, retry=None)
        waits = listens_after(client, 2, wire.listen)
        gone = await client.archive_account("old")

    assert gone.archived
    assert waits == [0.25, 0.5]
    assert [request.method for request in wire.requests] == ["GET", "DELETE", "GET"]


@pytest.mark.fault("F32")
@pytest.mark.parametrize("name", READS)
async def test_a_read_on_a_connection_that_has_just_ended(connect: Callable[..., Any], name: str) -> None:
    """A read whose kept connection the server ends in the same moment is repeated once, and answered."""
    async with Wire(well) as wire:
        client = await connect(wire)
        await READS[name](client)
        wire.shut_down()
        await READS[name](client)

    assert client.stats.retries == {"TransportError": 1}
    assert [request.connection for request in wire.requests] == [1, 2]


@pytest.mark.fault("F32", "I1")
@pytest.mark.parametrize("name", ["create_account", *ABSOLUTE])
async def test_a_write_when_the_kept_connection_has_just_ended(
    connect: Callable[..., Any], name: str
) -> None:
    """A write has a connection of its own, not that of an earlier write: it goes out once, unrepeated."""
    async with Wire(well) as wire:
        client = await connect(wire)
        await ABSOLUTE["update_account"](client)
        await client.accounts()
        wire.shut_down()
        await (create(client) if name == "create_account" else ABSOLUTE[name](client))

    writes = [request.connection for request in wire.requests if request.method != "GET"]
    assert writes == [1, 3]
    assert client.stats.retries == {}
