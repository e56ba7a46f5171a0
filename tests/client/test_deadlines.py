"""The deadline holds over everything: queue, connection, headers, body, repeats."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, EVERY, ONE_TRY, READS, Ask, create, write_script
from tests.support.wire import TOKEN, Step, Wire, drip, reply, stall
from tread_async import (
    DeadlineExceededError,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    TransportError,
    TreadClient,
    TreadError,
    UsageError,
)

SOON_S = 0.04
SLACK_S = 0.1
PATIENT = RetryPolicy(attempt_timeout_s=60.0, base_s=0.001)


class Stopwatch:
    """Fails where the block took longer than the deadline and its slack."""

    def __enter__(self) -> None:
        self._start = asyncio.get_running_loop().time()

    def __exit__(self, *_: object) -> None:
        assert asyncio.get_running_loop().time() - self._start < SOON_S + SLACK_S


SLOW: dict[str, Step] = {
    "no answer": stall,
    "drip of headers": drip(b"HTTP/1.1 200 OK\r\n" + b"X-Pad: 1\r\n" * 100, 0.002),
    "drip of a body": drip(reply(b" " * 5000), 0.002),
}


async def timed_out(server: str, ask: Ask) -> tuple[Wire, TransportError]:
    """A call that *server* does not answer in time, and that it did receive.

    On a stalled machine the time can be up before the request leaves. Such a run says nothing of a
    slow server: it is checked for what it is, and made again.
    """
    for _ in range(5):
        async with (
            Wire(SLOW[server]) as wire,
            TreadClient(TOKEN, base_url=wire.url, retry=PATIENT, deadline_s=SOON_S) as client,
        ):
            with pytest.raises(TransportError) as caught, Stopwatch():
                await ask(client)
        if wire.requests:
            return wire, caught.value
        assert type(caught.value) in (NotSentError, DeadlineExceededError)
    raise AssertionError("five requests in a row did not leave in time")


@pytest.mark.fault("F02", "F31", "I6")
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("server", SLOW)
async def test_read(name: str, server: str) -> None:
    """A read without a whole answer in time ends with the deadline, though bytes keep coming."""
    wire, error = await timed_out(server, READS[name])

    assert type(error) is DeadlineExceededError
    assert len(wire.requests) == error.attempts == 1
    assert str(error)


@pytest.mark.fault("F31", "I2", "I6")
@pytest.mark.parametrize("name", ABSOLUTE)
@pytest.mark.parametrize("server", SLOW)
async def test_write(name: str, server: str) -> None:
    """A write that was sent and not answered in time is unknown."""
    wire, error = await timed_out(server, ABSOLUTE[name])

    assert type(error) is OutcomeUnknownError
    assert len(wire.requests) == 1


async def test_deadline_of_the_call() -> None:
    """A call's own deadline takes the place of the client's."""
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=PATIENT, deadline_s=60.0) as client,
    ):
        with pytest.raises(DeadlineExceededError), Stopwatch():
            await client.balances(deadline_s=SOON_S)


@pytest.mark.fault("F02")
async def test_attempt_timeout() -> None:
    """An attempt ends by its own timeout, and the next one gets a time of its own."""
    policy = RetryPolicy(attempt_timeout_s=SOON_S, base_s=0.001)
    async with (
        Wire([stall, reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=policy) as client,
    ):
        with Stopwatch():
            assert await client.accounts() == ()

    assert len(wire.requests) == 2


@pytest.mark.fault("I6")
async def test_queue() -> None:
    """Waiting for a slot counts: a read that never got one timed out, a write was not sent."""
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, max_in_flight=1) as client,
    ):
        first = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        with pytest.raises(DeadlineExceededError, match="slot"), Stopwatch():
            await client.accounts(deadline_s=SOON_S)
        with pytest.raises(NotSentError) as caught, Stopwatch():
            await create(client, deadline_s=SOON_S)
        first.cancel()

    assert len(wire.requests) == client.stats.requests_sent == 1
    assert not isinstance(caught.value, OutcomeUnknownError)


async def test_attempt_timeout_starts_with_the_slot() -> None:
    """The time in the queue does not count against the attempt."""
    policy = RetryPolicy(attempts=1, attempt_timeout_s=0.2)

    async def slow(exchange: Any) -> None:
        await asyncio.sleep(0.12)  # twice that is waited for by the last
        await exchange.send(reply([]))

    async with (
        Wire(slow) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=policy, max_in_flight=1) as client,
    ):
        answers = await asyncio.gather(*[client.accounts() for _ in range(3)])

    assert answers == [(), (), ()]


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """A port whose connections are neither taken nor refused."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
        for one in waiting:
            one.close()


async def test_connecting(full_backlog: int) -> None:
    """A write whose time is up before there is a connection was not sent."""
    async with TreadClient(TOKEN, base_url=f"http://127.0.0.1:{full_backlog}") as client:
        with pytest.raises(TreadError) as of_write, Stopwatch():
            await create(client, deadline_s=SOON_S)
        with pytest.raises(TreadError) as of_read, Stopwatch():
            await client.accounts(deadline_s=SOON_S)

    assert type(of_write.value) is NotSentError
    assert type(of_read.value) in (NotSentError, DeadlineExceededError)


@pytest.mark.parametrize("deadline_s", [0, -1, float("nan"), float("inf"), True, "1", 86_400])
async def test_bad_deadline(deadline_s: Any) -> None:
    """A deadline that is none is refused by every method, and nothing is sent."""
    given = {"deadline_s": deadline_s}
    async with Wire(reply()) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        for refused in (
            client.balances(**given),
            client.cached_balances(**given),
            client.accounts(**given),
            client.request("GET", "/x", **given),
            client.update_account("1", margin_mode="CASH", **given),
            client.set_leverage(5, pair="A-B", account_ids=["1"], **given),
            create(client, **given),
            client.archive_account("a", **given),
        ):
            with pytest.raises(UsageError, match="deadline_s"):
                await refused

    assert wire.requests == []


@pytest.mark.parametrize("name", ["create_account", "archive_account"])
async def test_one_deadline_for_write_and_listing(name: str) -> None:
    """The deadline covers the listing after the write too; the write that was acknowledged is unknown."""
    before = [] if name == "create_account" else [reply([{"id": "1", "name": "old", "exchange": "x"}])]
    script = write_script(name, reply()) | {"GET": [*before, stall]}
    async with (
        Wire(script) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=PATIENT, deadline_s=SOON_S) as client,
    ):
        with pytest.raises(OutcomeUnknownError, match="the server said that it is done"), Stopwatch():
            await EVERY[f"{name} (once)"](client)
