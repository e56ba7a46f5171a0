"""Waiting for a rate, in a time that passes at once: whose turn it is, and what that costs."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.rates import gaps
from tests.support.virtual_desk import SLOT_S, TICK_S, Desk, evenly, virtually
from tread_async._gates import Gate, PacedLane
from tread_async._slots import Slots


@virtually
async def test_one_after_the_other(desk: Desk) -> None:
    """Calls that come at once are sent evenly from the first, in their order."""
    share = desk.share()
    for name in "abcdefghij":
        desk.call(share, name)
    await desk.settled()

    assert desk.names == "abcdefghij"
    assert desk.moments == evenly(10)


@virtually
async def test_a_write_behind_many_reads(desk: Desk) -> None:
    """A write that comes when 500 reads queue is sent within two slots."""
    share = desk.share()
    for _ in range(500):
        desk.call(share)
    await asyncio.sleep(10.5 * SLOT_S)
    came = desk.loop.time()
    desk.call(share, "w", write=True)
    await desk.settled()

    [sent] = [moment for name, moment in desk.through if name == "w"]
    assert sent - came <= 2 * SLOT_S
    assert desk.moments == evenly(501)


@virtually
async def test_a_write_behind_the_reads_of_others(desk: Desk) -> None:
    """Also where the reads are those of other clients and managers of the token."""
    shares = [desk.share() for _ in range(4)]
    for place in range(500):
        desk.call(shares[place % 3])
    await asyncio.sleep(10.5 * SLOT_S)
    came = desk.loop.time()
    desk.call(shares[3], "w", write=True)
    desk.call(shares[0], "v", write=True)
    await desk.settled()

    writes = [(name, moment) for name, moment in desk.through if name != "r"]
    assert [name for name, _ in writes] == ["w", "v"]
    assert writes[0][1] - came <= 2 * SLOT_S
    assert writes[1][1] - came <= 3 * SLOT_S
    assert desk.moments == evenly(502)


@virtually
async def test_no_burst_after_a_pause(desk: Desk) -> None:
    """Whoever comes when nobody has waited for long does not send faster for it."""
    share = desk.share()
    for count in (1, 3, 3):
        for _ in range(count):
            desk.call(share)
        await desk.settled()
        await asyncio.sleep(10.0)

    assert desk.moments[1:4] == evenly(3, began=10.0)
    assert gaps(desk.moments[4:]) == [pytest.approx(SLOT_S, abs=TICK_S)] * 2


@virtually
async def test_nobody_barges_in(desk: Desk) -> None:
    """Who comes when a slot is due does not take it from one who waits for it."""
    one, two = desk.share(), desk.share()
    for _ in range(3):
        desk.call(one, "a")
    await asyncio.sleep(0)
    desk.loop.stand_still(1.05 * SLOT_S)
    desk.call(two, "b")
    await desk.settled()

    assert desk.names == "aaba"


@virtually
async def test_a_write_on_another_loop(desk: Desk) -> None:
    """A write that comes to one loop is sent before the reads of another whose turn it would be."""
    one, two = desk.share(), desk.share()
    two.lane = PacedLane(Slots(9), 9, Gate(two._budget, desk.loop))  # as if it were on a loop of its own
    for share, name in [(one, "a"), (two, "b")]:
        for _ in range(5):
            desk.call(share, name)
    await asyncio.sleep(4.5 * SLOT_S)
    before = desk.names
    turn = one if before[-1] == "b" else two
    desk.call(two if turn is one else one, "w", write=True)
    await desk.settled()

    assert sorted(before) == sorted("aabba") or sorted(before) == sorted("aabbb")
    assert desk.names[len(before)] == "w"


@virtually
async def test_lanes_take_turns(desk: Desk) -> None:
    """A client with a long queue does not keep one with a short queue waiting."""
    for name, count in [("a", 6), ("b", 2), ("c", 1)]:
        share = desk.share()
        for _ in range(count):
            desk.call(share, name)
    await desk.settled()

    assert desk.names == "aabcabaaa"


@virtually
async def test_one_wake_up_for_each_slot(desk: Desk) -> None:
    """For every request one timer is set and one caller woken, however many queue."""
    shares = [desk.share() for _ in range(3)]
    for place in range(300):
        desk.call(shares[place % 3])
    await asyncio.sleep(0)
    timers, steps = desk.loop.timers_set, desk.loop.steps
    await desk.settled()

    assert desk.moments == evenly(300)
    assert desk.loop.timers_set - timers == 298  # the first went at once, and the second has its timer
    assert desk.loop.steps - steps < 300 * 6


@virtually
async def test_a_quick_rate(desk: Desk) -> None:
    """More requests in a second than a loop has ticks are sent all the same, and no more than the rate."""
    share = desk.share(5000.0)
    for _ in range(5000):
        desk.call(share)
    await desk.settled()

    assert desk.moments[-1] == pytest.approx(5000 / (0.97 * 5000), abs=0.01)


@virtually
async def test_who_gives_up(desk: Desk) -> None:
    """Callers who are cancelled while they queue take no slot with them, the only one that waits neither."""
    share = desk.share()
    calls = [desk.call(share, name) for name in "abcdefghij"]
    await asyncio.sleep(SLOT_S / 2)
    for place in (1, 2, 3, 5, 8):
        calls[place].cancel()
    await desk.settled()
    left = desk.call(share, "x")
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.sleep(2 * SLOT_S)
    began = desk.loop.time()
    desk.call(share, "y")
    await desk.settled()

    assert desk.names == "aeghjy"
    assert desk.moments == [*evenly(5), pytest.approx(began)]


@virtually
async def test_who_gives_up_in_the_tick_of_its_turn(desk: Desk) -> None:
    """A slot that was given to one who is cancelled in the same tick goes to the next at once."""
    share = desk.share()
    first = desk.call(share, "a")
    await desk.settled()
    gone, after = desk.call(share, "b"), desk.call(share, "c")
    opened = Gate._open

    def opening(gate: Gate) -> None:
        opened(gate)
        gone.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gate, "_open", opening)
        await desk.settled()

    assert (first.cancelled(), gone.cancelled(), after.cancelled()) == (False, True, False)
    assert desk.names == "ac"
    assert desk.moments == evenly(2)


@virtually
async def test_what_is_not_sent(desk: Desk) -> None:
    """Calls that find out in their turn that they must not be sent, as after a 401, all do so at once."""
    share = desk.share()
    for _ in range(100):
        desk.call(share, used=False)
    await desk.settled()
    took_s = desk.loop.time()
    desk.call(share)
    await desk.settled()

    assert (took_s, desk.moments) == (0.0, [0.0])


@virtually
async def test_slots_in_use(desk: Desk) -> None:
    """While every slot is in use the rate waits with its callers, and there is no burst when one is free."""
    share = desk.share(most=2)
    for _ in range(8):
        desk.call(share, takes_s=1.0)
    await desk.settled()

    starts = desk.moments[::2]
    assert starts == [pytest.approx(place * 1.0, abs=0.01) for place in range(4)]
    assert gaps(desk.moments)[::2] == [pytest.approx(SLOT_S, abs=TICK_S)] * 4


@virtually
async def test_a_waiting_caller_holds_no_slot(desk: Desk) -> None:
    """Who waits for the rate of one token keeps nobody of another from sending."""
    slots = Slots(1)
    slow, other = desk.share(0.1, slots=slots), desk.share(None, slots=slots, token="u")
    for _ in range(3):
        desk.call(slow)
    await asyncio.sleep(1.0)
    desk.call(other, "x")
    await desk.settled()

    assert desk.names == "rxrr"
    assert desk.through[1] == ("x", 1.0)


@virtually
async def test_two_lanes_of_one_manager(desk: Desk) -> None:
    """Two credentials with the same token share their rate, too."""
    slots = Slots(32)
    for share in [desk.share(slots=slots, most=8) for _ in range(2)]:
        for _ in range(5):
            desk.call(share)
    await desk.settled()

    assert desk.moments == evenly(10)


@virtually
async def test_a_client_without_a_rate(desk: Desk) -> None:
    """It is not paced, and what it sends is not counted."""
    paced, free = desk.share(), desk.share(None)
    for _ in range(3):
        desk.call(paced)
        desk.call(free, "f")
    await desk.settled()

    assert [moment for name, moment in desk.through if name == "f"] == [0.0] * 3
    assert [moment for name, moment in desk.through if name == "r"] == evenly(3)


@virtually
async def test_asked_to_wait(desk: Desk) -> None:
    """When the server asks to wait nobody's caller is let through before, and then evenly from the first."""
    shares = [desk.share(), desk.share(), desk.share(None)]
    for share in shares:
        share.listen(lambda seconds, lane=share.lane: lane.hold(desk.loop.time() + seconds))  # type: ignore[misc]
    for place in range(6):
        desk.call(shares[place % 2])
    await asyncio.sleep(0)
    shares[0].hold(7.0)
    held = [share.lane.held_until for share in shares]
    desk.call(shares[2], "f")
    await desk.settled()

    assert held == [7.0] * 3  # at once: whoever had his turn in the same tick would still send
    assert desk.moments[0] == 0.0
    assert [moment for name, moment in desk.through if name == "f"] == [7.0]
    assert [moment for name, moment in desk.through[1:] if name == "r"] == evenly(5, began=7.0)


@virtually
async def test_a_client_that_is_closed(desk: Desk) -> None:
    """Its lane is asked no more, and the others go on; the last one leaves no timer behind."""
    one, two = desk.share(), desk.share()
    for _ in range(2):
        desk.call(one, "a")
        desk.call(two, "b")
    await asyncio.sleep(SLOT_S / 2)
    one.leave()
    await asyncio.sleep(10 * SLOT_S)
    names = desk.names
    desk.call(two, "b")
    desk.call(two, "b")
    await asyncio.sleep(0)
    two.leave()
    waiting = [handle for handle in desk.loop._scheduled if not handle._cancelled]  # type: ignore[attr-defined]
    for task in desk.tasks:
        task.cancel()

    assert names == "abb"
    assert waiting == []


@virtually
async def test_news_for_a_client_that_is_closed(desk: Desk) -> None:
    """What another thread tells it when it has just been closed is not heard, and sets no timer."""
    share, told = desk.share(None), []
    share.listen(told.append)
    share._budget.close_for(60.0)
    desk.loop.call_soon_threadsafe(share._tell)
    share.leave()
    await asyncio.sleep(0)

    assert told == []
