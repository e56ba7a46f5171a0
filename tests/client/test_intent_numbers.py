"""Which of several wishes is the newest, also where one says later than it came what it is about."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable
from contextlib import ExitStack

import pytest

from tread_async import NotSentError
from tread_async._intents import LOST_FOR_S, Intent, Intents, Key

A, B, C = (("leverage", name) for name in "abc")


async def waited(turn: Awaitable[None]) -> None:
    await turn


async def sent(intent: Intent) -> bool:
    """Whether *intent* may send now; if not, its caller hears why."""
    if not intent.superseded:
        async with intent.turn(waited):
            return True
    with pytest.raises(NotSentError, match="a newer call sets the same; this one was not sent") as caught:
        async with intent.turn(waited):
            raise AssertionError
    assert caught.value.permanent
    return False


def kept(intents: Intents) -> int:
    """Of how many keys something is remembered."""
    return len(intents._held) + len(intents._idle)


async def test_the_newest_declared_wins() -> None:
    """Of two wishes that are declared at once the later one is sent, and the older one is not."""
    intents = Intents()
    with intents.declared([A, B]) as older, intents.declared([B, C]) as newer:
        outcome = [await sent(newer), await sent(older)]
        superseded = [older.superseded, newer.superseded]

    assert outcome == [True, False]
    assert superseded == [True, False]
    assert kept(intents) == 0


async def test_the_number_counts_and_not_the_order_of_declaring() -> None:
    """A wish that came first stays the older one, although it says last what it is about."""
    intents = Intents()
    with intents.expected() as early, intents.declared([A]) as newer, intents.declared([A], early) as older:
        outcome = [await sent(older), await sent(newer)]

    assert outcome == [False, True]
    assert kept(intents) == 0


async def test_a_newer_one_that_has_ended_counts_too() -> None:
    """While an older wish is still to be declared, it is remembered what newer ones have set."""
    intents = Intents()
    with intents.expected() as early:
        for _ in range(3):
            with intents.declared([A]) as newer:
                assert await sent(newer)
        with intents.declared([B]):
            pass
        with intents.declared([A, C], early) as older:
            outcome = [await sent(older), await sent(older.part([A])), await sent(older.part([C]))]

    assert outcome == [False, False, True]
    assert kept(intents) == 0


async def test_one_that_came_later_need_not_hear_of_what_ended() -> None:
    """A wish that is expected after another one has ended is the newer of the two."""
    intents = Intents()
    with intents.expected():
        with intents.declared([A]):
            pass
        with intents.expected() as later, intents.declared([A], later) as newest:
            outcome = await sent(newest)

    assert outcome is True
    assert kept(intents) == 0


async def test_parts() -> None:
    """A part of a wish gives way where a newer one is about one of its own keys, and only there."""
    intents = Intents()
    with intents.declared([C, B, A]) as whole, intents.declared([B]):
        parts = {key: whole.part([key]) for key in (A, B, C)}
        outcome = {key: await sent(part) for key, part in parts.items()}
        gives_way = {key: whole.gives_way(key) for key in (A, B, C)}

        assert await sent(whole.part([C, A]))
        assert not await sent(whole.part([C, B]))
    assert outcome == {A: True, B: False, C: True}
    assert gives_way == {A: False, B: True, C: False}


async def test_parts_of_one_wish_take_turns() -> None:
    """Two parts that share a key are not under way at once, whatever the order in which they name it."""
    intents = Intents()
    now = peak = 0

    async def send(intent: Intent) -> None:
        nonlocal now, peak
        async with intent.turn(waited):
            now, peak = now + 1, max(peak, now + 1)
            await asyncio.sleep(0)
            now -= 1

    with intents.declared([A, B, C]) as one, intents.declared([A, B, C]) as newest:
        parts = [newest.part(keys) for keys in itertools.permutations([A, B, C])]
        await asyncio.wait_for(asyncio.gather(*map(send, parts)), 5)

    assert (peak, one.superseded) == (1, True)


async def test_what_may_arrive_late() -> None:
    """Keys of an attempt that was lost are known to every later call, and forgotten after a while."""
    intents = Intents()
    with intents.declared([A, B, C]) as one:
        one.part([A, B]).note_lost()
    with intents.declared([A, B, C]) as later:
        first = [later.may_arrive_late(key) for key in (A, B, C)]
        intents._lost._until = {key: until - LOST_FOR_S - 1 for key, until in intents._lost._until.items()}
        second = [later.may_arrive_late(key) for key in (A, B, C)]
        later.part([C]).note_lost()

    assert (first, second) == ([True, True, False], [False] * 3)
    assert intents._lost._until.keys() == {C}


def test_nothing_is_kept_of_calls_that_ended() -> None:
    """The memory of intents is as large as the calls in flight."""
    intents = Intents()
    with intents.declared([A, B]), intents.declared([B]):
        during = len(intents._held)

    assert (during, kept(intents)) == (2, 0)


def test_nothing_is_kept_after_an_error() -> None:
    """Neither of a wish whose keys were never known, nor of one that failed."""
    intents = Intents()
    with pytest.raises(KeyError), intents.expected() as number, intents.declared([A], number):
        raise KeyError
    with pytest.raises(KeyError), intents.expected():
        raise KeyError

    assert kept(intents) == 0
    assert intents._expected == set()


def test_calls_that_overlap_for_ever_do_not_fill_the_memory() -> None:
    """What is remembered for an older call goes with it, although the next one has begun meanwhile."""
    intents, most = Intents(), 0
    with ExitStack() as previous:
        for number in range(500):
            with ExitStack() as stack:
                place = stack.enter_context(intents.expected())
                with intents.declared([("leverage", f"{number}"), A], place):
                    most = max(most, kept(intents))
                previous.close()
                previous.push(stack.pop_all())

    assert most < 10
    assert kept(intents) == 0


@pytest.mark.parametrize("seed", range(20))
def test_random_overlaps(seed: int) -> None:
    """However calls overlap, each is superseded if and only if a newer call was about one of its keys."""
    chance = random.Random(seed)
    intents, place = Intents(), 0
    newest: dict[Key, int] = {}
    expected: list[tuple[int, ExitStack]] = []
    declared: list[tuple[int, list[Key], Intent, ExitStack]] = []
    for _ in range(300):
        what = chance.random()
        keys = chance.sample([A, B, C], chance.randint(1, 3))
        if what < 0.25:
            stack, place = ExitStack(), place + 1
            expected.append((stack.enter_context(intents.expected()), stack))
        elif what < 0.6 and (expected or what < 0.35):
            if what < 0.35:  # one that is declared at once
                number, stack, place = None, ExitStack(), place + 1
            else:
                number, stack = expected.pop(chance.randrange(len(expected)))
            intent = stack.enter_context(intents.declared(keys, number))
            declared.append((number or place, keys, intent, stack))
            newest |= {key: max(number or place, newest.get(key, 0)) for key in keys}
        elif declared:
            declared.pop(chance.randrange(len(declared)))[3].close()
        for number, keys, intent, _ in declared:
            assert intent.superseded == any(newest[key] > number for key in keys)
            assert [intent.gives_way(key) for key in keys] == [newest[key] > number for key in keys]
    for *_, stack in [*expected, *declared]:
        stack.close()

    assert kept(intents) == 0
