"""A second request for a cached read that is slower than most; the first answer counts. Off by default.

For reads of the cache alone: a live read asks the exchanges, and a write is never sent twice. The second
request goes out after the 95th percentile of the last reads, for at most one read in twenty, and pays the
retry budget. (Dean and Barroso, The Tail at Scale, 2013.)
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from tread_async._budget import RetryBudget
from tread_async._policy import Cause
from tread_async._together import shielded
from tread_async.errors import TreadError

__all__ = ["Hedging"]

T = TypeVar("T")

_SAMPLES: Final = 200
_FEWEST_SAMPLES: Final = 50
_SHORTEST_DELAY_S: Final = 0.25
_ONE_IN: Final = 20
_FOR_REPEATS: Final = 50  # of the budget: what fails comes before what is slow


class Hedging:
    """How long reads take, and how many were asked twice."""

    def __init__(self, budget: RetryBudget) -> None:
        self._budget = budget
        self._took_s: deque[float] = deque(maxlen=_SAMPLES)
        self._hedged: deque[bool] = deque(maxlen=_SAMPLES)  # whether each of the last was

    def took(self, seconds: float) -> None:
        """Notes how long an answer took, from sending to its last byte."""
        self._took_s.append(seconds)

    def delay_s(self) -> float | None:
        """After how long a second request is worth it; ``None`` while too little is known."""
        if len(self._took_s) < _FEWEST_SAMPLES:
            return None
        return max(_SHORTEST_DELAY_S, sorted(self._took_s)[len(self._took_s) * 19 // 20])

    async def first_of(
        self, ask: Callable[[], Coroutine[None, None, T]], *, has_left: Callable[[], bool]
    ) -> T:
        """The first answer to *ask*, called again if the first request has left and takes too long."""
        self._hedged.append(False)
        delay_s = self.delay_s()
        if delay_s is None:
            return await ask()
        first = asyncio.create_task(ask())
        asked = {first}
        try:
            await asyncio.wait(asked, timeout=delay_s)
            if first.done():
                return first.result()
            # One that queues is not slow: a second would queue behind it.
            if has_left() and self._may_hedge():
                asked.add(asyncio.create_task(ask()))
            return await _first_good(asked)
        finally:
            await _end(asked)

    def _may_hedge(self) -> bool:
        if (sum(self._hedged) + 1) * _ONE_IN > len(self._hedged) or self._budget.left <= _FOR_REPEATS:
            return False
        self._budget.pay(Cause.LOST)
        self._hedged[-1] = True
        return True


async def _first_good(asked: set[asyncio.Task[T]]) -> T:
    """The answer of the first that has one; where none has, the error of the last."""
    while True:
        done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        good = [one for one in done if not isinstance(one.exception(), TreadError)]
        if good or not asked:
            return (good or list(done))[0].result()


async def _end(asked: set[asyncio.Task[T]]) -> None:
    """Cancels and awaits those that are under way: their connections are closed when this returns."""
    if late := [one for one in asked if not one.done()]:
        for one in late:
            one.cancel()
        with shielded():
            await asyncio.wait(late)
    for one in asked:
        if not one.cancelled():
            one.exception()  # which nobody wants to know any more
