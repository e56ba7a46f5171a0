"""Who may send, beside a model: never more than the limits, and nobody who could send is left waiting."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.support.passing import pass_for
from tread_async._slots import Slots

HOUR = 3600.0


async def settled() -> None:
    """Lets everything that is ready have its turn."""
    for _ in range(3):
        await asyncio.sleep(0)


class Model:
    """Some lanes, with callers who come, give up and end; and what is known of them from outside."""

    MOST, MOST_OF_LANE = 4, (1, 2, 3)

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        slots = Slots(self.MOST)
        self.lanes = [slots.lane(most) for most in self.MOST_OF_LANE]
        self.sending: list[list[asyncio.Task[None]]] = [[] for _ in self.lanes]
        # For each lane the writes and the reads that wait, in the order in which they came.
        self.waiting: list[tuple[list[asyncio.Task[None]], ...]] = [([], []) for _ in self.lanes]
        self.ends: dict[asyncio.Task[None], asyncio.Event] = {}
        self.overtaken: set[asyncio.Task[None]] = set()
        self.served = [0 for _ in self.lanes]
        self.opened: set[int] = set()

    async def _call(self, place: int, write: bool) -> None:
        task = asyncio.current_task()
        assert task is not None
        lane, queue = self.lanes[place], self.waiting[place][not write]
        if not lane.take_now():
            await lane.take(write=write)
        self.overtaken.update(queue[: queue.index(task)])
        queue.remove(task)
        self.served[place] += 1
        self.sending[place].append(task)
        try:
            await self.ends[task].wait()
        finally:
            self.sending[place].remove(task)
            lane.release()

    def come(self) -> None:
        place, write = self.chance.randrange(len(self.lanes)), self.chance.random() < 0.4
        task = asyncio.create_task(self._call(place, write))
        self.ends[task] = asyncio.Event()
        self.waiting[place][not write].append(task)

    def give_up(self) -> None:
        if queues := [queue for lane in self.waiting for queue in lane if queue]:
            queue = self.chance.choice(queues)
            task = queue.pop(self.chance.randrange(len(queue)))
            task.cancel()

    def end(self) -> None:
        if sending := [task for tasks in self.sending for task in tasks]:
            self.ends[self.chance.choice(sending)].set()

    def hold(self) -> None:
        self.chance.choice(self.lanes).hold(asyncio.get_running_loop().time() + HOUR)

    def open(self) -> None:
        place = self.chance.randrange(len(self.lanes))
        self.opened.add(place)
        pass_for(self.lanes[place], 2 * HOUR)

    async def step(self, *steps: Callable[[], None]) -> None:
        """Takes *steps* in one tick, and looks at what came of them."""
        held = {place for place, lane in enumerate(self.lanes) if lane.held_until}
        served = list(self.served)
        self.opened.clear()
        self.overtaken.clear()
        for step in steps:
            step()
        await settled()

        assert not [place for place in held - self.opened if served[place] != self.served[place]]
        assert not [
            task for lane in self.waiting for queue in lane for task in queue if task in self.overtaken
        ]
        counts = [len(tasks) for tasks in self.sending]
        assert sum(counts) <= self.MOST
        assert all(count <= most for count, most in zip(counts, self.MOST_OF_LANE, strict=True))
        for place, lane in enumerate(self.lanes):
            could = sum(counts) < self.MOST and counts[place] < self.MOST_OF_LANE[place]
            assert lane.held_until or not could or not any(self.waiting[place]), "somebody is forgotten"


@pytest.mark.parametrize("seed", range(12))
async def test_random_callers(seed: int) -> None:
    """Through 400 ticks the limits hold, queues keep their order, and nobody waits without a reason."""
    model = Model(seed)
    steps = [model.come] * 6 + [model.end] * 5 + [model.give_up] * 3 + [model.hold, model.open]
    for _ in range(400):
        await model.step(*model.chance.choices(steps, k=model.chance.choice([1, 1, 2, 4])))
    while any(lane.held_until for lane in model.lanes):
        await model.step(model.open)
    while any(model.sending) or any(map(any, model.waiting)):
        await model.step(model.end)

    assert min(model.served) > 20
    free = [lane for lane in model.lanes for _ in iter(lane.take_now, False)]
    assert len(free) == model.MOST
