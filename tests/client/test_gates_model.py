"""A rate beside a model: queues keep their order, the rate holds, and nobody who could send is forgotten."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.rates import gaps, most_in
from tests.support.virtual import in_no_time
from tests.support.virtual_desk import RATE, SLOT_S, TICK_S, Desk
from tread_async._slots import Slots


class Model:
    """Clients of one token with callers who come, give up and end, under a rate."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)
        slots = Slots(4)
        self.shares = [desk.share(most=most, slots=slots) for most in (1, 2, 3)] + [desk.share(most=2)]
        self.waiting: list[tuple[list[asyncio.Task[None]], ...]] = [([], []) for _ in self.shares]
        self.sending: dict[asyncio.Task[None], tuple[int, asyncio.Event]] = {}
        self.sent: list[float] = []
        self.served = self.overtaken = 0

    async def _call(self, place: int, write: bool, used: bool) -> None:
        task, lane = asyncio.current_task(), self.shares[place].lane
        assert task is not None
        queue = self.waiting[place][not write]
        await lane.take(write=write)
        self.overtaken += queue.index(task)
        queue.remove(task)
        self.served += 1
        try:
            if used:
                self.sent.append(self.desk.loop.time())
                self.sending[task] = place, asyncio.Event()
                await self.sending[task][1].wait()
        finally:
            self.sending.pop(task, None)
            lane.release(used=used)

    def come(self) -> None:
        place, write = self.chance.randrange(len(self.shares)), self.chance.random() < 0.4
        task = asyncio.ensure_future(self._call(place, write, self.chance.random() < 0.9))
        self.waiting[place][not write].append(task)

    def give_up(self) -> None:
        if queues := [queue for lane in self.waiting for queue in lane if queue]:
            queue = self.chance.choice(queues)
            queue.pop(self.chance.randrange(len(queue))).cancel()

    def end(self) -> None:
        if self.sending:
            self.chance.choice(list(self.sending.values()))[1].set()

    def hang(self) -> None:
        self.desk.loop.stand_still(self.chance.choice([0.001, 0.01, 0.014]))

    def could_send(self) -> bool:
        """Whether somebody waits who lacks nothing but a slot of the rate."""
        busy = [[place for place, _ in self.sending.values()].count(place) for place in range(4)]
        room = [sum(busy[:3]) < 4 and busy[place] < most for place, most in enumerate((1, 2, 3))]
        room.append(busy[3] < 2)
        return any(free and any(lane) for free, lane in zip(room, self.waiting, strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_random_callers(seed: int) -> None:
    """Through 600 ticks queues keep their order, the rate holds, and no slot passes while one could send."""

    async def main() -> None:
        model = Model(desk := Desk(), seed)
        steps = [model.come] * 6 + [model.end] * 6 + [model.give_up] * 2 + [model.hang]
        for _ in range(600):
            for step in model.chance.choices(steps, k=model.chance.choice([1, 1, 2, 4])):
                step()
            for _ in range(6):
                await asyncio.sleep(0)
            served, could = model.served, model.could_send()
            before = desk.loop.time()
            await asyncio.sleep(model.chance.choice([0.0, 0.003, SLOT_S + 0.002]))
            if could and desk.loop.time() - before > SLOT_S + TICK_S:
                assert model.served > served, "somebody is forgotten"
        while any(map(any, model.waiting)) or model.sending:
            model.end()
            await asyncio.sleep(0.01)

        assert model.overtaken == 0
        assert len(model.sent) > 150
        assert min(gaps(model.sent)) > SLOT_S - 0.0151
        assert most_in(model.sent) <= RATE

    in_no_time(main())
