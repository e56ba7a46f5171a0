"""Who may send now: so many requests at once over everything, so many for each token, writes first.

The queue is ours, in front of the connection pool: a call that waits here holds nothing, costs one
future, and is woken once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

__all__ = ["READ", "WRITE", "Lane", "Slots"]

WRITE: Final = 0
READ: Final = 1


class Slots:
    """At most *most* requests at once over all lanes. Belongs to the event loop it is used on."""

    __slots__ = ("_ready", "free")

    def __init__(self, most: int) -> None:
        self.free: int = most
        # Lanes with a caller that only lacks one of `free`; in turn, so that no token waits for another.
        self._ready: tuple[deque[Lane], deque[Lane]] = (deque(), deque())

    @property
    def wanted(self) -> bool:
        """Whether a lane waits for its turn."""
        return any(self._ready)

    def lane(self, most: int) -> Lane:
        """A lane of its own for one token, with at most *most* requests at once."""
        return Lane(self, most)

    def enqueue(self, lane: Lane) -> None:
        """Lets *lane* have its turn, if somebody waits in it, and gives out what is free."""
        for kind in (WRITE, READ):
            if lane.waiting[kind] and not lane.queued[kind]:
                lane.queued[kind] = True
                self._ready[kind].append(lane)
            ready = self._ready[kind]
            while self.free and ready:
                first = ready.popleft()
                # One that cannot take a slot now comes back when it can: see `release`, `_open` and `Gate`.
                first.queued[kind] = first.give(kind) and bool(first.waiting[kind])
                if first.queued[kind]:
                    ready.append(first)


class Lane:
    """The slots of one token. Closed while the server asks it to wait; nobody else waits with it."""

    __slots__ = ("_free", "_held_until", "_slots", "_timer", "queued", "waiting")

    def __init__(self, slots: Slots, most: int) -> None:
        self._slots = slots
        self._free = most
        self._held_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.queued: list[bool] = [False, False]
        self.waiting: tuple[deque[asyncio.Future[None]], deque[asyncio.Future[None]]] = (deque(), deque())

    @property
    def held_until(self) -> float:
        """The moment before which nothing is sent (the loop's clock); 0 where nobody asked to wait."""
        return self._held_until

    def take_now(self) -> bool:
        """Takes a slot if one is free. Whoever waits has been given what was free before."""
        slots = self._slots
        if self._free and slots.free and not self._held_until:
            self._free -= 1
            slots.free -= 1
            return True
        return False

    async def take(self, *, write: bool) -> None:
        """Waits for a slot; writes are served before reads."""
        future = asyncio.get_running_loop().create_future()
        self.waiting[WRITE if write else READ].append(future)
        self._slots.enqueue(self)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it was given one in the same tick
                self.release(used=False)
            raise

    def give(self, kind: int) -> bool:
        """Hands a slot to the first caller of *kind* who still wants one; whether there was one."""
        waiting = self.waiting[kind]
        while waiting and waiting[0].done():  # cancelled meanwhile
            waiting.popleft()
        if not waiting or not self._free or self._held_until or not self.lets(kind):
            return False
        self._free -= 1
        self._slots.free -= 1
        waiting.popleft().set_result(None)
        return True

    def lets(self, kind: int) -> bool:
        """Whether a caller of *kind* who could have a slot may send now. Without a rate: always."""
        return True

    def release(self, *, used: bool = True) -> None:
        """Gives a slot back, with which nothing was sent unless it was *used*."""
        self._free += 1
        self._slots.free += 1
        if self._slots.wanted or any(self.waiting):
            self._slots.enqueue(self)

    def hold(self, until: float) -> None:
        """Sends nothing before *until*, on the loop's clock. A later moment given before stays."""
        if until > self._held_until:
            self._held_until = until
            self.close()
            self._timer = asyncio.get_running_loop().call_at(until, self._open)

    def close(self) -> None:
        """Drops the timer, so that nothing of a lane that is not used any more stays with the loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _open(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._held_until:  # uvloop counts in whole milliseconds
            self._timer = loop.call_at(self._held_until, self._open)
            return
        self._held_until, self._timer = 0.0, None
        self._slots.enqueue(self)
