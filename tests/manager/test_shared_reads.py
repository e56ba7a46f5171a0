"""What a read must not share, and what an outage that lasts costs."""

from __future__ import annotations

import asyncio
import string
import traceback

import msgspec
import pytest

from tests.support.desks import FOUR_TRIES, desk, keys
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import FAST
from tread_async import AccountKey, AuthError, SessionManager, TreadError

NAMES = [f"n{number:02}" for number in range(40)]
KEYS = keys("a", NAMES)
BATCH_TRIES, PROBES = 2, 3


def user(letter: str = "a", **options: object) -> User:
    accounts = [Held(name=f"{name}-{letter}" if letter != "a" else name) for name in NAMES]
    return User(token=f"canary-{letter}", accounts=accounts, **options)  # type: ignore[arg-type]


async def test_an_outage_that_lasts() -> None:
    """No read costs more than the first, and when it is over, one read costs one request again."""
    some = user(refuses={"balances": 500})
    counts = []
    async with FleetServer(some) as server, desk(server) as manager:
        for _ in range(6):
            some.seen.clear()
            await manager.balances(KEYS)
            counts.append(some.count())
        some.refuses = {}
        await manager.balances(KEYS)
        some.seen.clear()
        snapshot = await manager.balances(KEYS)

    assert max(counts) == counts[0] == BATCH_TRIES + PROBES * FOUR_TRIES.attempts
    assert snapshot.complete
    assert some.count() == 1


async def test_a_host_out_of_reach() -> None:
    """A connection that is refused is tried as often as a batch is, and never for a part of it."""
    async with FleetServer(user()) as server:
        pass
    async with desk(server) as manager:
        snapshot = await manager.balances(KEYS)
        stats = manager.stats["a"]

    assert snapshot.counts["failed"] == len(KEYS)
    assert stats.retries == {"NotSentError": BATCH_TRIES - 1}
    assert stats.requests_sent == snapshot.requests_sent == 0


@pytest.mark.parametrize("tokens", [1, 3])
async def test_bare_names_of_a_manager_just_opened(tokens: int) -> None:
    """Names that only the lists can explain cost one listing for each token, and then one request too."""
    users = [user(letter) for letter in string.ascii_lowercase[:tokens]]
    names = [one.name for some in users for one in some.accounts]
    async with FleetServer(*users) as server, desk(server) as manager:
        found = await asyncio.gather(*[manager.balance(name) for name in names])

    assert [(some.count("accounts"), some.count("balances")) for some in users] == [(1, 1)] * tokens
    assert [balance.key.name for balance in found] == names


async def test_a_listing_whose_caller_is_cancelled() -> None:
    """The others who wait for the same listing have one made in its place, and are one request still."""
    gate = asyncio.Event()
    some = user(gate=gate)
    async with FleetServer(some) as server, desk(server) as manager:
        calls = [asyncio.create_task(manager.balance(name)) for name in NAMES]
        await server.until(1)
        calls[0].cancel()
        gate.set()
        found = await asyncio.gather(*calls[1:])

    assert (some.count("accounts"), some.count("balances")) == (2, 1)
    assert [balance.key for balance in found] == KEYS[1:]


async def test_an_answer_from_before_the_search() -> None:
    """While one account is searched for, what another had before is not given to whoever asks later."""
    some = User(token="canary-a", accounts=[Held(name="n00", amount="1"), Held(name="n01", live="hang")])
    retry = msgspec.structs.replace(FAST, attempts=1, attempt_timeout_s=0.25)
    async with FleetServer(some) as server, desk(server, retry=retry) as manager:
        bulk = asyncio.create_task(manager.balances(KEYS[:2]))
        await server.until(3)
        while not manager.stats["a"].bytes_received:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        some.accounts[0].amount = "2"
        later = await manager.balance(KEYS[0])
        snapshot = await bulk

    assert later.rows[0].amount == 2
    assert snapshot.ok[KEYS[0]].rows[0].amount == 1


@pytest.mark.parametrize("in_flight", [True, False])
async def test_a_bulk_read_with_a_short_deadline(in_flight: bool) -> None:
    """One who has much more time does not join it, in flight or about to start: it would end too early."""
    gate = asyncio.Event()
    some = user(gate=gate)
    async with FleetServer(some) as server, desk(server) as manager:
        bulk = asyncio.create_task(manager.balances(KEYS[:2], deadline_s=0.05))
        if in_flight:
            await server.until(1)
        call = asyncio.create_task(manager.balance(KEYS[0], deadline_s=5))
        snapshot = await bulk
        gate.set()
        found = await call

    assert found.key == KEYS[0]
    assert snapshot.counts["failed"] == 2
    assert len(some.filters()) == 2
    assert set(some.filters()) == {("n00", "n01"), ("n00",)}  # the network says which comes first


async def test_errors_that_are_shared() -> None:
    """Each caller has an error of its own: its traceback does not have the frames of the others."""

    async def ask(manager: SessionManager, key: AccountKey) -> tuple[TreadError, int]:
        with pytest.raises(AuthError) as caught:
            await manager.balance(key)
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
        return caught.value, frames.count("ask")

    some = user(refuses={"balances": 401})
    async with FleetServer(some) as server, desk(server) as manager:
        found = await asyncio.gather(*[ask(manager, key) for key in KEYS])

    assert some.count() == 1
    assert {str(error) for error, _ in found} == {str(found[0][0])}
    assert [frames for _, frames in found] == [1] * len(KEYS)
