"""Callers of one shared request: who leaves takes nothing from the others, and what fails fails for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from tests.support.desks import NOTHING, desk, left_behind
from tests.support.fleet_accounts import HANG, Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tread_async import (
    AccountKey,
    Balance,
    DeadlineExceededError,
    DecodeError,
    IncompleteSnapshotError,
    RetryPolicy,
    ServerError,
    SessionManager,
)

X, Y, Z = (AccountKey("a", name) for name in "xyz")


@pytest.fixture
async def user() -> User:
    return User(token="canary-t", accounts=[Held(name=name) for name in "xyz"], gate=asyncio.Event())


@pytest.fixture
async def wire(user: User) -> AsyncIterator[FleetServer]:
    async with FleetServer(user) as opened:
        yield opened


@pytest.fixture
async def manager(wire: FleetServer) -> AsyncIterator[SessionManager]:
    async with desk(wire, retry=ONE_TRY, max_in_flight=4) as opened:
        yield opened


def started(manager: SessionManager, *asked: AccountKey, **options: Any) -> list[asyncio.Task[Balance]]:
    return [asyncio.create_task(manager.balance(key, **options)) for key in asked]


def open_gate(user: User) -> None:
    assert user.gate is not None
    user.gate.set()


@pytest.mark.fault("I12")
@pytest.mark.parametrize("when", ["at once", "before it is sent", "on the wire"])
async def test_one_is_cancelled(wire: FleetServer, manager: SessionManager, user: User, when: str) -> None:
    """A caller that is cancelled, even the one who began the request, takes nothing from the others."""
    tasks = started(manager, X, Y, Z)
    if when == "before it is sent":
        await asyncio.sleep(0)
    elif when == "on the wire":
        await wire.until(requests=1)
    tasks[0].cancel()
    open_gate(user)
    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one) for one in ended] == [asyncio.CancelledError, Balance, Balance]
    assert wire.count() == 1


async def test_all_are_cancelled(wire: FleetServer, manager: SessionManager, user: User) -> None:
    """When nobody waits any more the request is dropped, and its slot is free for the next call."""
    tasks = started(manager, X, Y, Z)
    await wire.until(requests=1)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    await wire.until_idle()
    open_gate(user)

    assert [type(one) for one in ended] == [asyncio.CancelledError] * 3
    assert left_behind(manager) == NOTHING
    assert (await manager.balance(X)).key == X
    assert wire.count() == 2


async def test_all_are_cancelled_and_another_comes(
    wire: FleetServer, manager: SessionManager, user: User
) -> None:
    """A caller who comes in the tick in which the last one left is not given a request that is dropped."""
    (task,) = started(manager, X)
    await wire.until(requests=1)
    task.cancel()
    await asyncio.sleep(0)
    (late,) = started(manager, X)
    open_gate(user)

    assert (await late).key == X
    assert task.cancelled()


@pytest.mark.fault("F36")
async def test_cancelled_at_every_tick(wire: FleetServer, manager: SessionManager, user: User) -> None:
    """However many ticks a caller has had, cancelling it leaves nothing, and its neighbour is served."""
    open_gate(user)
    for ticks in range(60):
        one, two = started(manager, X, Y)
        for _ in range(ticks):
            await asyncio.sleep(0)
        one.cancel()
        async with asyncio.timeout(5.0):
            assert (await two).key == Y
        await asyncio.gather(one, return_exceptions=True)
        if not one.cancelled():
            break

    assert not one.cancelled()  # it had its answer by then
    assert left_behind(manager) == NOTHING


async def test_an_anyio_scope(wire: FleetServer, manager: SessionManager, user: User) -> None:
    """A caller under an anyio scope that is cancelled leaves as any other does."""
    tasks = started(manager, Y)
    with anyio.move_on_after(0.02) as scope:
        await manager.balance(X)
    open_gate(user)

    assert scope.cancelled_caught
    assert (await tasks[0]).key == Y
    assert wire.count() == 1


async def test_short_deadline(wire: FleetServer, manager: SessionManager, user: User) -> None:
    """A caller with little time gives up alone; those with more get the answer of the same request."""
    (short,) = started(manager, X, deadline_s=0.03)
    (long,) = started(manager, X, deadline_s=30.0)
    with pytest.raises(DeadlineExceededError):
        await short
    assert not long.done()
    open_gate(user)

    assert (await long).key == X
    assert wire.count() == 1


async def test_long_deadline_after_a_short_one(
    wire: FleetServer, manager: SessionManager, user: User
) -> None:
    """A request that ends too soon for a caller is not joined: it would fail for want of the other's time."""
    (short,) = started(manager, X, deadline_s=0.2)
    await wire.until(requests=1)
    (long,) = started(manager, X, deadline_s=30.0)
    await wire.until(requests=2)
    with pytest.raises(DeadlineExceededError):
        await short
    open_gate(user)

    assert (await long).key == X


async def test_an_error_reaches_every_caller(manager: SessionManager, user: User) -> None:
    """A token that is refused fails each caller with the same error."""
    open_gate(user)
    user.refuses = {"balances": 503}
    ended = await asyncio.gather(*started(manager, X, Y, Z, X), return_exceptions=True)

    assert [(type(one), one.status) for one in ended] == [(ServerError, 503)] * 4  # type: ignore[union-attr]


async def test_an_error_of_one_account(manager: SessionManager, user: User) -> None:
    """What is wrong with one account is raised to those who asked for it, and to nobody else."""
    open_gate(user)
    user.accounts[1].live, user.accounts[2].live = "undecodable", "missing"
    ended = await asyncio.gather(*started(manager, X, Y, Z), return_exceptions=True)

    assert [type(one) for one in ended] == [Balance, DecodeError, IncompleteSnapshotError]


async def test_the_good_do_not_wait_for_the_bad(wire: FleetServer, user: User) -> None:
    """Where one account spoils the request, the others are served while it is still being looked for."""
    open_gate(user)
    user.accounts[1].live = "hang"
    async with desk(wire, retry=RetryPolicy(attempts=3, attempt_timeout_s=0.1, base_s=0.001)) as manager:
        x, y, z = started(manager, X, Y, Z)
        assert [(await one).key for one in (x, z)] == [X, Z]
        assert not y.done()
        with pytest.raises(DeadlineExceededError):
            await y


async def test_no_answer_at_all(wire: FleetServer, manager: SessionManager, user: User) -> None:
    """When the server does not answer, every caller has its error by its own deadline."""
    user.refuses = {"balances": HANG}
    open_gate(user)
    began = asyncio.get_running_loop().time()
    ended = await asyncio.gather(*started(manager, X, Y, Z, deadline_s=0.05), return_exceptions=True)

    assert [type(one) for one in ended] == [DeadlineExceededError] * 3
    assert asyncio.get_running_loop().time() - began < 5.0
    await wire.until_idle()
