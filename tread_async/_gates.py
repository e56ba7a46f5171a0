"""Waiting for the rate of a token: one timer for each token and event loop, one caller for each slot.

A caller holds nothing while it waits. A lane whose token has a rate gives out a slot only together with
the moment to send at, so that neither waits for the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from tread_async._rates import Budget, Registry, Source
from tread_async._slots import READ, WRITE, Lane, Slots

__all__ = ["Gate", "PacedLane", "Share"]

_TICK_S: Final = 0.0015  # uvloop counts in whole milliseconds: a timer that is early has to be set again


class Gate:
    """The lanes of one token on one event loop, in the order in which they may send."""

    __slots__ = ("_budget", "_for_one", "_timer", "_turn", "_wanting", "loop")

    def __init__(self, budget: Budget, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self._budget = budget
        self._turn = budget.turn()
        self._timer: asyncio.Handle | None = None
        self._for_one = False  # a request has been taken for the lane that is asked now
        # Lanes with a caller that only lacks the moment; writes and reads, as in `Slots`.
        self._wanting: tuple[dict[PacedLane, None], dict[PacedLane, None]] = ({}, {})

    def lets(self, lane: PacedLane, kind: int) -> bool:
        """Whether *lane* may send a request of *kind* now. If not, it is asked again when it may."""
        if self._for_one:
            self._for_one = False
            return True
        write = kind == WRITE
        if not any(self._wanting) and self._budget.take(self._turn, write=write):
            return True
        if lane not in self._wanting[kind]:
            self._wanting[kind][lane] = None
            if write or self._timer is None:
                self._set_timer()
        return False

    def refund(self) -> None:
        """A caller who was let through has not sent anything; the next need not wait."""
        self._budget.refund()
        self._set_timer()

    def leave(self, lane: PacedLane) -> None:
        """*lane* is closed."""
        for lanes in self._wanting:
            lanes.pop(lane, None)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not any(self._wanting):
            self._budget.rest(self._turn)
        elif (left_s := self._budget.left_s(self._turn, write=bool(self._wanting[WRITE]))) > 0:
            self._timer = self.loop.call_later(left_s + _TICK_S, self._open)
        else:
            self._timer = self.loop.call_soon(self._open)

    def _open(self) -> None:
        while any(self._wanting):
            lanes = self._wanting[WRITE] or self._wanting[READ]
            if not self._budget.take(self._turn, write=lanes is self._wanting[WRITE]):
                break
            lane = next(iter(lanes))
            del lanes[lane]
            self._for_one = True
            lane.ask()
            if self._for_one:  # its callers have given up, or all its slots are in use
                self._for_one = False
                self._budget.refund()
        self._set_timer()


class PacedLane(Lane):
    """The slots of a token that has a rate."""

    __slots__ = ("_gate",)

    def __init__(self, slots: Slots, most: int, gate: Gate) -> None:
        super().__init__(slots, most)
        self._gate = gate

    def take_now(self) -> bool:
        """Never: the lanes of a token have turns, and `take` does not wait where there are no others."""
        return False

    def ask(self) -> None:
        """Lets a caller send, if there still is one who can."""
        self._slots.enqueue(self)

    def leave(self) -> None:
        """Is asked no more."""
        self._gate.leave(self)

    def lets(self, kind: int) -> bool:
        return self._gate.lets(self, kind)

    def release(self, *, used: bool = True) -> None:
        if not used:
            self._gate.refund()
        super().release(used=used)


class Share:
    """What one client has to do with the others of its token: the rate, and a wait the server asked for.

    Belongs to the event loop it was made on.
    """

    __slots__ = ("__weakref__", "_budget", "_hold", "_registry", "gate", "lane", "loop", "requests_per_s")

    def __init__(
        self,
        registry: Registry,
        origin: str,
        source: Source,
        *,
        slots: Slots,
        most: int,
        requests_per_s: float | None,
    ) -> None:
        self.requests_per_s: float | None = requests_per_s
        self.gate: Gate | None = None
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._registry = registry
        self._budget = registry.budget(origin, source)
        self._hold: Callable[[float], None] | None = None
        if requests_per_s is None:
            self.lane: Lane = slots.lane(most)
        else:
            self.gate = self._common_gate()
            self.lane = PacedLane(slots, most, self.gate)
        self._budget.join(self)

    def _common_gate(self) -> Gate:
        others = [other.gate for other in self._budget.members if other.loop is self.loop]
        return next((gate for gate in others if gate is not None), None) or Gate(self._budget, self.loop)

    def listen(self, hold: Callable[[float], None]) -> None:
        """From now on calls *hold* with the seconds for which nothing may be sent; at once, if need be."""
        self._hold = hold
        self._tell()

    def hold(self, seconds: float) -> None:
        """Nothing is sent for so many seconds by any client of the token, with a rate or without."""
        self._budget.close_for(seconds)
        for member in self._budget.members:
            if member.loop is self.loop:
                member._tell()
            else:
                with contextlib.suppress(RuntimeError):  # its loop is closed, and it was not
                    member.loop.call_soon_threadsafe(member._tell)

    @property
    def held_s(self) -> float:
        """Seconds for which nothing may be sent still."""
        return self._budget.closed_s

    def _tell(self) -> None:
        if self._hold is not None and (left_s := self.held_s) > 0:
            self._hold(left_s)

    def leave(self) -> None:
        """The client is closed."""
        self._hold = None
        self._registry.leave(self._budget, self)
        if isinstance(self.lane, PacedLane):
            self.lane.leave()
