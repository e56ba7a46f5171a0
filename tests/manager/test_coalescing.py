"""Single balances that are asked for at once share requests, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest

from tests.support.desks import desk
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tread_async import AccountKey, Balance, SessionManager

COUNT = 50


def accounts(start: int) -> list[Held]:
    return [Held(name=f"x{n}", id=f"id-{start + n}", amount=f"{start + n}.5") for n in range(COUNT)]


@pytest.fixture
async def wire() -> AsyncIterator[FleetServer]:
    """Two tokens, with 50 accounts of the same names each."""
    async with FleetServer(
        User(token="canary-t", accounts=accounts(0)), User(token="canary-u", accounts=accounts(100))
    ) as opened:
        yield opened


@pytest.fixture
async def manager(wire: FleetServer) -> AsyncIterator[SessionManager]:
    async with desk(wire, retry=ONE_TRY) as opened:
        yield opened


def keys_of(credential: str) -> list[AccountKey]:
    return [AccountKey(credential, f"x{n}") for n in range(COUNT)]


async def gathered(manager: SessionManager, asked: list[Any], **options: Any) -> list[Balance]:
    return await asyncio.gather(*[manager.balance(each, **options) for each in asked])


async def in_a_task_group(manager: SessionManager, asked: list[Any], **options: Any) -> list[Balance]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(manager.balance(each, **options)) for each in asked]
    return [task.result() for task in tasks]


async def in_an_anyio_group(manager: SessionManager, asked: list[Any], **options: Any) -> list[Balance]:
    found: dict[int, Balance] = {}

    async def one(place: int, each: Any) -> None:
        found[place] = await manager.balance(each, **options)

    async with anyio.create_task_group() as group:
        for place, each in enumerate(asked):
            group.start_soon(one, place, each)
    return [found[place] for place in range(len(asked))]


WAYS = pytest.mark.parametrize("way", [gathered, in_a_task_group, in_an_anyio_group])


def check(found: list[Balance], start: int = 0) -> None:
    """Every caller has the balance it asked for."""
    assert [balance.key.name for balance in found] == [f"x{n}" for n in range(COUNT)]
    assert [balance.rows[0].amount for balance in found] == [Decimal(f"{start + n}.5") for n in range(COUNT)]


@WAYS
async def test_one_request(wire: FleetServer, manager: SessionManager, way: Callable[..., Any]) -> None:
    """Fifty tasks that ask for fifty accounts of a token in one tick send one request, for all of them."""
    found = await way(manager, keys_of("a"))

    check(found)
    assert wire.count() == 1
    assert wire.users[0].filters() == [tuple(f"x{n}" for n in range(COUNT))]


@WAYS
async def test_one_request_for_each_token(
    wire: FleetServer, manager: SessionManager, way: Callable[..., Any]
) -> None:
    """A hundred tasks over two tokens send two, and nobody gets what is another's of the same name."""
    found = await way(manager, keys_of("a") + keys_of("b"))

    check(found[:COUNT])
    check(found[COUNT:], 100)
    assert [user.count() for user in wire.users] == [1, 1]


@pytest.mark.parametrize("spelled", ["credential/name", "id"])
async def test_other_spellings(wire: FleetServer, manager: SessionManager, spelled: str) -> None:
    """It does not matter how they are named. What needs the lists to be understood lists each token once."""
    asked = [str(key) if spelled == "credential/name" else f"id-{n}" for n, key in enumerate(keys_of("a"))]
    check(await gathered(manager, asked))

    assert wire.count("balances") == 1
    assert wire.count("accounts") == (0 if spelled == "credential/name" else 2)


async def test_names_that_are_listed(wire: FleetServer, manager: SessionManager) -> None:
    """Once the lists are known, names that need them are shared from the first tick, too."""
    await manager.accounts()
    check(await gathered(manager, [f"id-{n}" for n in range(COUNT)]))

    assert (wire.count("balances"), wire.count("accounts")) == (1, 2)


async def test_same_account(wire: FleetServer, manager: SessionManager) -> None:
    """Callers of the same account are served by one row."""
    found = await gathered(manager, [AccountKey("a", "x7")] * 20)

    assert {id(balance.wire) for balance in found} == {id(found[0].wire)}
    assert wire.users[0].filters() == [("x7",)]


async def test_every_account_of_a_listed_token(wire: FleetServer, manager: SessionManager) -> None:
    """When the callers want every account there is, no names are sent at all."""
    await manager.accounts()
    check(await gathered(manager, keys_of("a")))

    assert wire.users[0].filters() == [None]


async def test_the_same_in_turn(wire: FleetServer, manager: SessionManager) -> None:
    """A call after the answer is a new request: nothing is kept."""
    key = AccountKey("a", "x0")
    first = await manager.balance(key)
    wire.users[0].accounts[0].amount = "77"
    second = await manager.balance(key)

    assert (first.rows[0].amount, second.rows[0].amount) == (Decimal("0.5"), 77)
    assert wire.count() == 2


async def test_sources_do_not_mix(wire: FleetServer, manager: SessionManager) -> None:
    """Live and cached callers of one account in one tick get what they asked for, by two requests."""
    key = AccountKey("a", "x0")
    live, cached = await asyncio.gather(manager.balance(key), manager.balance(key, source="cached"))

    assert (live.source, cached.source) == ("live", "cached")
    assert (wire.count("balances"), wire.count("cached_balances")) == (1, 1)


async def test_a_caller_of_another_loop_tick(wire: FleetServer, manager: SessionManager) -> None:
    """An account that a request under way does not have in it is asked for at once by another."""
    gate = wire.users[0].gate = asyncio.Event()
    first = asyncio.create_task(manager.balance(AccountKey("a", "x0")))
    await wire.until(requests=1)
    second = asyncio.create_task(manager.balance(AccountKey("a", "x1")))
    await wire.until(requests=2)
    gate.set()

    assert [(await task).key.name for task in (first, second)] == ["x0", "x1"]
    assert wire.users[0].filters() == [("x0",), ("x1",)]


@pytest.mark.parametrize("kind", ["balance", "snapshot"])
async def test_joins_what_is_under_way(wire: FleetServer, manager: SessionManager, kind: str) -> None:
    """A caller joins a request under way that has its account in it, a snapshot's too."""
    gate = wire.users[0].gate = asyncio.Event()
    key = AccountKey("a", "x0")
    ask: Awaitable[Any] = manager.balance(key) if kind == "balance" else manager.balances(keys_of("a"))
    first = asyncio.ensure_future(ask)
    await wire.until(requests=1)
    late = [asyncio.create_task(manager.balance(key)) for _ in range(5)]
    await asyncio.sleep(0.005)
    gate.set()
    found = await asyncio.gather(*late)
    await first

    assert {balance.key for balance in found} == {key}
    assert wire.count() == 1


async def test_not_before(wire: FleetServer, manager: SessionManager) -> None:
    """With *not_before*, a request that was begun earlier is not shared; one that was begun later is."""
    now = asyncio.get_running_loop().time
    gate = wire.users[0].gate = asyncio.Event()
    key = AccountKey("a", "x0")
    before = now()
    first = asyncio.create_task(manager.balance(key))
    await wire.until(requests=1)
    shares = asyncio.create_task(manager.balance(key, not_before=before))
    await asyncio.sleep(0.005)
    assert wire.count() == 1
    fresh = [asyncio.create_task(manager.balance(key, not_before=now())) for _ in range(3)]
    await wire.until(requests=2)
    gate.set()
    found = await asyncio.gather(first, shares, *fresh)

    assert wire.count() == 2
    assert found[0].wire is found[1].wire
    assert found[2].wire is found[3].wire is found[4].wire is not found[0].wire
