"""Who may send: writes first, every token in turn, and nobody while the server asks to wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.passing import pass_for
from tests.support.samples import ONE_TRY
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import TreadClient
from tread_async._slots import Lane, Slots

HOUR = 3600.0


async def settled() -> None:
    """Lets everything that is ready have its turn."""
    for _ in range(3):
        await asyncio.sleep(0)


class Queue:
    """Callers of some lanes, in the order in which they were let through."""

    def __init__(self) -> None:
        self.through: list[str] = []

    def join(self, lane: Lane, name: str, *, write: bool = False) -> asyncio.Task[None]:
        async def wait() -> None:
            await lane.take(write=write)
            self.through.append(name)

        return asyncio.create_task(wait())


class Held:
    """Takes every slot that a lane has free, and gives them back one by one."""

    def __init__(self, *lanes: Lane) -> None:
        self.taken = [lane for lane in lanes for _ in iter(lane.take_now, False)]

    async def back(self, count: int = 1) -> None:
        for _ in range(count):
            self.taken.pop(0).release()
        await settled()


def free_in(lane: Lane) -> int:
    """How many requests *lane* could send now."""
    return len(Held(lane).taken)


@pytest.mark.fault("F37", "I11")
async def test_a_caller_cancelled_in_the_tick_of_its_turn() -> None:
    """A slot that was given to one who is cancelled in the same tick goes to the next, a thousand times."""
    queue, lane = Queue(), Slots(1).lane(1)
    held = Held(lane)
    for place in range(1000):
        first, second = queue.join(lane, "cancelled"), queue.join(lane, f"{place}")
        await asyncio.sleep(0)
        held.taken.pop().release()
        first.cancel()
        await asyncio.wait_for(second, 5)
        held.taken.append(lane)
        with pytest.raises(asyncio.CancelledError):
            await first

    assert queue.through == [f"{place}" for place in range(1000)]
    held.taken.pop().release()
    assert free_in(lane) == 1


async def test_cancelled_before_its_turn() -> None:
    """A caller who gave up is passed over, and takes nothing with it."""
    queue, lane = Queue(), Slots(2).lane(2)
    held = Held(lane)
    callers = [queue.join(lane, name) for name in "abc"]
    await settled()
    callers[1].cancel()
    await held.back(2)

    assert queue.through == ["a", "c"]
    assert callers[1].cancelled()
    assert free_in(lane) == 0


async def test_writes_first() -> None:
    """Of all that waits the writes are let through first, of whichever token, then the reads."""
    queue, slots = Queue(), Slots(2)
    one, two = slots.lane(2), slots.lane(2)
    held = Held(one)
    for name, lane, write in [("r1", one, False), ("r2", two, False), ("w1", two, True), ("w2", one, True)]:
        queue.join(lane, name, write=write)
    await settled()
    held.taken += [two, one, one, two]
    await held.back(4)

    assert queue.through == ["w1", "w2", "r1", "r2"]


async def test_lanes_take_turns() -> None:
    """A token with a long queue does not keep one with a short queue waiting."""
    queue, slots = Queue(), Slots(1)
    lanes = {name: slots.lane(1) for name in "abc"}
    held = Held(lanes["a"])
    for name, count in [("a", 4), ("b", 2), ("c", 1)]:
        for _ in range(count):
            queue.join(lanes[name], name)
    await settled()
    while len(queue.through) < 7:
        await held.back()
        held.taken.append(lanes[queue.through[-1]])

    assert "".join(queue.through) == "abcabaa"


async def test_nobody_barges_in() -> None:
    """Who comes when a slot has just been given back does not take it from one who waits for it."""
    queue, lane = Queue(), Slots(1).lane(1)
    held = Held(lane)
    queue.join(lane, "waiting")
    await settled()
    held.taken.pop().release()

    assert not lane.take_now()
    await settled()
    assert queue.through == ["waiting"]


async def test_a_full_lane_leaves_the_rest_to_others() -> None:
    """A token at its own limit keeps nobody else from what is free."""
    slots = Slots(4)
    full, other = slots.lane(1), slots.lane(9)
    held = Held(full)
    queue = Queue()
    waiting = [queue.join(full, "full", write=True) for _ in range(3)]
    await settled()

    assert free_in(other) == 3
    await held.back()
    assert queue.through == ["full"]
    for task in waiting:
        task.cancel()


@pytest.mark.parametrize("milliseconds", [0, 3, 20])
async def test_hold(milliseconds: int) -> None:
    """A lane that is held lets nobody through before the moment, then all; other lanes do not notice."""
    loop, slots = asyncio.get_running_loop(), Slots(3)
    lane, other = slots.lane(2), slots.lane(2)
    held = Held(lane)
    through: list[tuple[str, float]] = []

    async def wait(name: str, write: bool) -> None:
        await lane.take(write=write)
        through.append((name, loop.time()))

    callers = [asyncio.create_task(wait("r", False)), asyncio.create_task(wait("w", True))]
    await settled()
    until = loop.time() + milliseconds / 1000
    lane.hold(until)
    for one in held.taken:
        one.release()

    assert (lane.held_until, lane.take_now(), other.take_now()) == (until, False, True)
    await asyncio.wait_for(asyncio.gather(*callers), 5)
    assert [name for name, _ in through] == ["w", "r"]
    assert min(moment for _, moment in through) >= until
    assert lane.held_until == 0.0


async def test_the_latest_moment_counts() -> None:
    """A shorter wait asked for later does not shorten a longer one, and a longer one takes its place."""
    lane, now = Slots(1).lane(1), asyncio.get_running_loop().time()
    lane.hold(now + 2 * HOUR)
    lane.hold(now + HOUR)
    first = lane.held_until
    lane.hold(now + 3 * HOUR)
    pass_for(lane, 2.5 * HOUR)

    assert (first, lane.held_until) == (now + 2 * HOUR, pytest.approx(now + HOUR / 2))
    assert not lane.take_now()
    pass_for(lane, HOUR)
    assert lane.take_now()


async def test_held_slots_come_back() -> None:
    """What is given back while a lane is held is free for others, and for the lane when it opens."""
    slots = Slots(2)
    lane, other = slots.lane(2), slots.lane(2)
    held = Held(lane)
    lane.hold(asyncio.get_running_loop().time() + HOUR)
    queue = Queue()
    queue.join(lane, "held")
    await held.back()

    assert (free_in(other), queue.through) == (1, [])
    pass_for(lane, 2 * HOUR)
    await held.back()
    assert queue.through == ["held"]


async def test_close_drops_the_timer() -> None:
    """A lane that is not used any more leaves nothing with the loop, and does not open."""
    loop, lane = asyncio.get_running_loop(), Slots(1).lane(1)
    timers: list[Any] = []
    for seconds in (0.001, 0.002):
        lane.hold(loop.time() + seconds)
        timers.append(lane._timer)
    lane.close()
    lane.close()
    await asyncio.sleep(0.006)

    assert [timer.cancelled() for timer in timers] == [True, True]
    assert not lane.take_now()


async def test_a_write_of_a_client_overtakes_its_reads() -> None:
    """Of the calls that queue in a client a write is sent first, and the reads in their order."""
    go = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await go.wait()
        await exchange.send(reply([]))

    async with (
        Wire([held, reply(), reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, max_in_flight=1) as client,
    ):
        calls: list[Any] = [client.accounts()]
        calls += [client.request("GET", f"/api/{number}") for number in range(3)]
        calls += [client.update_account("id-1", margin_mode="CROSS")]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await wire.until(requests=1)
        go.set()
        await asyncio.gather(*tasks)

    targets = [request.target for request in wire.requests]
    assert [wire.requests[1].method, *targets[2:]] == ["PUT", "/api/0", "/api/1", "/api/2"]
