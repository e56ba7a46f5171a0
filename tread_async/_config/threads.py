"""Work that waits for something other than the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

__all__ = ["READINGS", "Reading", "Readings"]

T = TypeVar("T")


class Reading(Generic[T]):
    """Work in a thread of its own, which a program that ends does not wait for.

    Args:
        work: It raises nothing. Frames hold what it returns, whose repr shows no secret.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._lock = threading.Lock()
        self._waiters: set[asyncio.Future[T]] = set()
        self._found: list[T] = []
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    @property
    def ended(self) -> bool:
        return bool(self._found)

    async def result(self) -> T:
        """What the work returns. Any number may wait, on any event loops, and be cancelled."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._found:
                return self._found[0]
            self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _run(self, work: Callable[[], T]) -> None:
        found = work()
        with self._lock:
            self._found.append(found)
            waiters = [*self._waiters]
        for waiter in waiters:
            with contextlib.suppress(RuntimeError):  # its event loop is closed
                waiter.get_loop().call_soon_threadsafe(_settle, waiter, found)


def _settle(waiter: asyncio.Future[T], found: T) -> None:
    if not waiter.done():
        waiter.set_result(found)


class Readings:
    """What is being read. Who asks for the same meanwhile joins, so that what hangs holds one thread."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """In a child that was forked there are none of the threads, and one of them may hold the lock."""
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Reading[Any]] = {}

    async def result(self, of: Hashable, work: Callable[[], T]) -> T:
        """What *work* returns, or the one that is under way *of* the same."""
        with self._lock:
            reading = self._under_way.get(of)
            if reading is None or reading.ended:
                reading = self._under_way[of] = Reading(work)
        found: T = await reading.result()
        return found


READINGS: Final = Readings()

if hasattr(os, "register_at_fork"):  # pragma: no branch - on Windows nothing forks
    os.register_at_fork(after_in_child=READINGS.renew)
