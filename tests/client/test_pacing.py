"""Long work in short steps: the loop is let go, one thing is worked on at a time, the result is the same."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.support.samples import ONE_TRY, READS
from tests.support.wire import TOKEN, Wire, reply
from tread_async import DecodeError, TreadClient
from tread_async._codec.endpoints import ACCOUNTS, BALANCES, CACHED_BALANCES, Endpoint
from tread_async._pacing import IN_ONE_GO_BYTES, Pace

STEP_S = 0.001


class Work:
    """Steps that take a millisecond each, and what became of them."""

    def __init__(self, count: int, log: list[str], name: str = "a", error: Exception | None = None) -> None:
        self.log = log
        self.closed = False
        self._count, self._name, self._error = count, name, error

    def steps(self) -> Generator[None, None, str]:
        try:
            for _ in range(self._count):
                until = time.perf_counter() + STEP_S
                while time.perf_counter() < until:
                    pass
                self.log.append(self._name)
                yield
            if self._error is not None:
                raise self._error
            return self._name
        finally:
            self.closed = True


async def ticking(log: list[str]) -> None:
    """Writes down each turn of the loop."""
    while True:
        log.append(".")
        await asyncio.sleep(0)


async def test_the_loop_is_let_go() -> None:
    """Between steps of a millisecond each everybody else has a turn."""
    log: list[str] = []
    ticker = asyncio.create_task(ticking(log))
    found = await Pace().through(Work(10, log).steps())
    ticker.cancel()

    assert found == "a"
    assert "aa" not in "".join(log)
    assert log.count("a") == 10


def once(job: Callable[[], Any]) -> Generator[None, None, Any]:
    """*job* as the one thing to do."""
    yield
    return job()


async def test_short_steps_are_taken_together() -> None:
    """Steps that take no time cost no turn of the loop each."""
    log: list[str] = []
    ticker = asyncio.create_task(ticking(log))

    def steps() -> Generator[None, None, int]:
        for _ in range(1000):
            yield
        return 7

    found = await Pace().through(steps())
    ticker.cancel()

    assert found == 7
    assert len(log) < 100


async def test_one_thing_at_a_time() -> None:
    """What comes meanwhile waits until the first is done, in the order in which it came."""
    log: list[str] = []
    pace = Pace()
    jobs: list[Any] = [pace.through(Work(3, log, name).steps()) for name in "ab"]
    jobs += [pace.through(once(lambda: log.append("c"))), pace.through(Work(2, log, "d").steps())]
    await asyncio.gather(*jobs)

    assert "".join(log) == "aaabbbcdd"


@pytest.mark.parametrize("count", [0, 3])
async def test_an_error_is_raised_as_it_is(count: int) -> None:
    """The error of a step reaches the caller, and the next in line is let in."""
    log: list[str] = []
    pace, failure = Pace(), KeyError("x")
    with pytest.raises(KeyError) as caught:
        await pace.through(Work(count, log, error=failure).steps())

    assert caught.value is failure
    assert await pace.through(once(lambda: "next")) == "next"


async def test_cancelled_between_two_steps() -> None:
    """The steps are ended, no other is taken, and the next in line is let in."""
    log: list[str] = []
    pace, work = Pace(), Work(1000, log)
    task = asyncio.create_task(pace.through(work.steps()))
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    taken = len(log)

    assert work.closed
    assert await pace.through(once(lambda: "next")) == "next"
    assert 0 < len(log) == taken < 10


async def test_cancelled_in_line() -> None:
    """Work that was still waiting for its turn is ended without a step, and holds up nobody."""
    log: list[str] = []
    pace, waiting = Pace(), Work(5, log, "b")
    generator = waiting.steps()
    first = asyncio.create_task(pace.through(Work(3, log).steps()))
    second = asyncio.create_task(pace.through(generator))
    third = asyncio.create_task(pace.through(once(lambda: log.append("c"))))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)

    assert second.cancelled()
    assert generator.gi_frame is None
    assert "".join(log) == "aaac"


NAMES = [f"desk-{number:04d}" for number in range(600)]
ROWS = [{"symbol": "USDT", "size": 1.5, "amount": "1.50"}] * 3
ANSWERS: dict[Endpoint[Any], Callable[[list[str]], Any]] = {
    BALANCES: lambda names: {name: {"exchange": "Gate", "assets": ROWS} for name in names},
    CACHED_BALANCES: lambda names: {
        "balances": [{"account_name": name, "account_id": name, "assets": ROWS} for name in names]
    },
    ACCOUNTS: lambda names: [
        {"id": name, "name": name, "exchange": "Gate", "username": "x" * 80} for name in names
    ],
}
EACH = pytest.mark.parametrize("endpoint", ANSWERS, ids=lambda endpoint: endpoint.name)


@EACH
async def test_a_large_answer(endpoint: Endpoint[Any]) -> None:
    """An answer that is decoded in steps is the one that is decoded at once, down to its last account."""
    body = json.dumps(ANSWERS[endpoint](NAMES)).encode()
    async with (
        Wire(reply(body)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        found = await READS[endpoint.name](client)

    assert len(body) > IN_ONE_GO_BYTES
    assert found == endpoint.decode(body)


@EACH
async def test_what_is_wrong_with_a_large_answer(endpoint: Endpoint[Any]) -> None:
    """The error of a large answer is that of a small one: its path, and whether a repeat may help."""
    texts = []
    for names in (NAMES, NAMES[:1]):
        body = json.dumps(ANSWERS[endpoint](names)).encode()
        for spoilt in (body.replace(b'"assets"', b'"x"', 1).replace(b'"id"', b'"x"', 1), body[:-1]):
            async with (
                Wire(reply(spoilt)) as wire,
                TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
            ):
                with pytest.raises(DecodeError) as caught:
                    await READS[endpoint.name](client)
                texts.append((str(caught.value), caught.value.malformed))

    assert texts[:2] == texts[2:]
    assert [malformed for _, malformed in texts[:2]] == [False, True]
