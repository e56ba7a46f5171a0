"""Where and when a client may be used; everywhere else a `UsageError`, and nothing is sent."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.support.samples import EVERY
from tests.support.wire import TOKEN, Wire, reply
from tread_async import TreadClient, UsageError
from tread_async.simulator import Simulator

FORKED = """
import asyncio, os, sys
from tread_async import TreadClient, UsageError
from tread_async.simulator import Simulator

def outcome(exit_code):
    return os.waitstatus_to_exitcode(os.waitpid(exit_code, 0)[1])

async def main():
    async with Simulator(accounts=2) as sim, TreadClient(sim.tokens[0], base_url=sim.url) as client:
        await client.balances()
        child = os.fork()
        if not child:
            code = 1
            try:
                if sys.argv[1] == "same loop":
                    await client.balances()
                else:
                    asyncio._set_running_loop(None)
                    asyncio.run(client.balances())
            except UsageError:
                code = 0
            except BaseException as error:
                print(repr(error), flush=True)
            finally:
                os._exit(code)
        assert outcome(child) == 0, "the child got no UsageError"
        assert len(await client.balances()) == 2
        assert sim.journal.count() == 2

asyncio.run(main())
"""

FORKED_WHILE_LOCKED = """
import asyncio, os, signal, sys, threading
from tread_async import TreadClient
from tread_async._rates import RATES
from tread_async.simulator import Simulator

def hold(lock, held, over):
    with lock:
        held.set()
        over.wait()

async def use(client, sim):
    await client.close()
    async with TreadClient(sim.tokens[0], base_url=sim.url, requests_per_s=100) as own:
        assert len(await own.balances()) == 2

def in_the_child(client, sim):
    code = 1
    try:
        asyncio._set_running_loop(None)
        asyncio.run(use(client, sim))
        code = 0
    finally:
        os._exit(code)

async def ended(child):
    waiting = asyncio.create_task(asyncio.to_thread(os.waitpid, child, 0))
    if not (await asyncio.wait({waiting}, timeout=10))[0]:
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode((await waiting)[1])

async def main():
    async with (
        Simulator(accounts=2) as sim,
        TreadClient(sim.tokens[0], base_url=sim.url, requests_per_s=100) as client,
    ):
        [budget] = RATES._budgets.values()
        held, over = threading.Event(), threading.Event()
        lock = {"registry": RATES, "budget": budget}[sys.argv[1]]._lock
        thread = threading.Thread(target=hold, args=(lock, held, over))
        thread.start()
        held.wait()
        try:
            child = os.fork()
            if not child:
                in_the_child(client, sim)
            assert await ended(child) == 0, "the child hung or failed"
            assert not lock.acquire(blocking=False), "the parent's lock was not held until the end"
        finally:
            over.set()
            thread.join()
        assert len(await client.balances()) == 2

asyncio.run(main())
"""


async def never_waits(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Fails unless the coroutine ends with a `UsageError` at its first step."""
    try:
        coroutine.send(None)
    except UsageError:
        return
    finally:
        coroutine.close()
    raise AssertionError("it waited for something")


@pytest.mark.fault("F44", "I15")
@pytest.mark.parametrize("name", EVERY)
async def test_before_opening(sim: Simulator, name: str) -> None:
    """Not opened, every method refuses before it waits for anything."""
    client = TreadClient(sim.tokens[0], base_url=sim.url)
    with pytest.raises(UsageError, match="async with"):
        _ = client.stats
    await never_waits(EVERY[name](client))  # type: ignore[arg-type]

    assert sim.journal.requests == []


@pytest.mark.fault("F44", "I15")
@pytest.mark.parametrize("name", EVERY)
async def test_after_closing(sim: Simulator, name: str) -> None:
    """Closed, every method refuses; the counters can still be read."""
    async with TreadClient(sim.tokens[0], base_url=sim.url) as client:
        pass
    await never_waits(EVERY[name](client))  # type: ignore[arg-type]

    assert client.stats.requests_sent == 0
    assert sim.journal.requests == []


async def test_opened_twice(sim: Simulator, client: TreadClient) -> None:
    """A client is opened once, neither again while open nor after closing; the open one works on."""
    with pytest.raises(UsageError, match="once"):
        await client.__aenter__()
    assert len(await client.accounts()) == 6
    await client.close()
    with pytest.raises(UsageError, match="once"):
        await client.__aenter__()


async def test_closed_without_opening() -> None:
    """Closing what was never opened is nothing: it can still be opened."""
    client = TreadClient(TOKEN)
    await client.close()
    async with client:
        assert client.stats.requests_sent == 0


def in_a_thread(make: Any) -> BaseException | None:
    """What a coroutine raises on an event loop of another thread."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(make())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@pytest.mark.fault("F44")
@pytest.mark.parametrize("name", EVERY)
async def test_from_another_loop(sim: Simulator, client: TreadClient, name: str) -> None:
    """On the loop of another thread every method refuses, and nothing is sent."""

    async def ask() -> None:
        await EVERY[name](client)

    error = in_a_thread(ask)

    assert isinstance(error, UsageError), repr(error)
    assert "another event loop" in str(error)
    assert sim.journal.requests == []


@pytest.mark.fault("F44")
@pytest.mark.parametrize("name", ["balances", "create_account (once)"])
async def test_without_a_loop(sim: Simulator, client: TreadClient, name: str) -> None:
    """Driven by something that is not asyncio, such as trio, a method refuses."""
    raised: list[BaseException] = []

    def drive() -> None:
        coroutine: Any = EVERY[name](client)
        try:
            coroutine.send(None)
        except BaseException as error:
            raised.append(error)
        finally:
            coroutine.close()

    thread = threading.Thread(target=drive)
    thread.start()
    thread.join()

    assert isinstance(raised[0], UsageError), repr(raised)
    assert sim.journal.requests == []


def test_opened_without_a_loop() -> None:
    """Neither can it be opened there."""
    opening: Any = TreadClient(TOKEN).__aenter__()
    with pytest.raises(UsageError):
        opening.send(None)
    opening.close()


@pytest.mark.fault("F44")
@pytest.mark.parametrize("where", ["same loop", "new loop"])
def test_after_a_fork(where: str) -> None:
    """A child process refuses to use its parent's connections; the parent's client works on."""
    run = subprocess.run(
        [sys.executable, "-c", FORKED, where], capture_output=True, text=True, timeout=30, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("held", ["registry", "budget"])
def test_forked_while_another_thread_holds_a_lock(held: str) -> None:
    """The child has no such thread: it closes its parent's client and sends at a rate of its own."""
    run = subprocess.run(
        [sys.executable, "-c", FORKED_WHILE_LOCKED, held],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr


def test_made_without_a_loop() -> None:
    """A client is made anywhere, such as in a module, and makes neither loop nor task nor socket."""
    client = TreadClient(TOKEN, base_url="https://example.com")

    assert repr(client) == "<TreadClient https://example.com not open>"


async def test_nothing_before_use() -> None:
    """Opening a client makes no connection and no task."""
    async with Wire(reply()) as wire:
        before = asyncio.all_tasks()
        async with TreadClient(TOKEN, base_url=wire.url):
            assert asyncio.all_tasks() == before
            await asyncio.sleep(0.001)
        assert wire.connections == 0
