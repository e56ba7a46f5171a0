"""Long work in short steps, so that the event loop is never held."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import chain, islice
from typing import Final, TypeVar

__all__ = ["IN_ONE_GO_BYTES", "Pace", "in_one_go", "in_parts"]

T = TypeVar("T")

IN_ONE_GO_BYTES: Final = 64 * 1024  # decoded in half a millisecond; more is worked through in steps
_STINT_S: Final = 0.001
_STARTS_A_TURN: Final = 4


class Pace:
    """Works in stints of about a millisecond, on one thing at a time.

    Twenty answers that come at once would otherwise each take a stint in every turn of the loop.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._started = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._counted = False

    async def turn(self) -> None:
        """Lets a few callers go on in each turn of the loop: sending takes a third of a millisecond."""
        if self._started < _STARTS_A_TURN and not self._turns:
            self._started += 1
            self._count_anew()
            return
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        self._count_anew()
        await turn

    def _count_anew(self) -> None:
        if not self._counted:
            self._counted = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._counted, self._started = False, 0
        while self._turns and self._started < _STARTS_A_TURN:
            turn = self._turns.popleft()
            if not turn.done():  # its caller has not been cancelled
                turn.set_result(None)
                self._started += 1
        if self._turns:
            self._count_anew()

    async def through(self, steps: Generator[None, None, T]) -> T:
        """What *steps* return; the loop is let go between them."""
        clock = time.perf_counter
        try:
            async with self._lock:
                until = clock() + _STINT_S
                while True:
                    next(steps)
                    if clock() > until:
                        await asyncio.sleep(0)
                        until = clock() + _STINT_S
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()


def in_one_go(steps: Generator[None, None, T]) -> T:
    """What *steps* return, for a caller whose loop may be held."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        result: T = end.value
        return result


def in_parts(things: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """All of *things*, at most so many at a time; each part is to be used up before the next."""
    iterator = iter(things)
    for first in iterator:
        yield chain((first,), islice(iterator, most - 1))
