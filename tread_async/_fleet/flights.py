"""Reads that are under way, and all who wait for them.

A flight is one read of one token and source, in a task of its own, so that a caller who is cancelled
does not take it away from the others. It ends when it is done, or when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from tread_async._codec.endpoints import Endpoint
from tread_async._deadlines import Deadlines
from tread_async._fleet.lines import Line
from tread_async._fleet.reading import Reading
from tread_async._together import shielded
from tread_async.balance import Source
from tread_async.errors import ClientClosedError, DeadlineExceededError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Outcome

__all__ = ["Flight", "Flights"]

_JOINS_WITH: Final = 0.5  # of the time that the caller would give


class Flight:
    """One read, and its readers. With *gathers* it takes more accounts until it starts."""

    def __init__(self, reading: Reading, deadlines: Deadlines, *, gathers: bool) -> None:
        self.reading = reading
        self._deadlines = deadlines
        self.task: asyncio.Task[None] | None = None
        self._gathers = gathers
        self._started_at: float | None = None
        self._readers = 0
        self._waiting: dict[str, list[asyncio.Future[Outcome]]] = {}
        reading.settled = self._settled

    async def fly(self) -> None:
        """The body of the task."""
        self._started_at = asyncio.get_running_loop().time()
        await self.reading.run()

    def takes(self, key: AccountKey, deadline: float, not_before: float | None) -> bool:
        """Whether it brings *key*, in time for a caller with *deadline*."""
        reading = self.reading
        if self.task is None or self.task.cancelling():
            return False
        if self._started_at is None:
            if self._gathers:
                reading.wanted.setdefault(key.name, key)
                reading.deadline = max(reading.deadline, deadline)
                return True
        elif not_before is not None and self._started_at < not_before:
            return False
        if key.name not in reading.wanted or key.name in reading.outcomes:  # what is settled grows old
            return False
        now = asyncio.get_running_loop().time()
        return reading.deadline - now >= _JOINS_WITH * (deadline - now)

    def _settled(self, found: Mapping[str, Outcome]) -> None:
        for name in found.keys() & self._waiting.keys():
            for future in self._waiting.pop(name):
                if not future.done():
                    future.set_result(found[name])

    def ended(self, task: asyncio.Task[None]) -> None:
        """Hands an error of ours to those who wait; nobody is left without an answer."""
        self.reading.settled = None  # or the two would keep each other until the garbage is collected
        waiting = [future for futures in self._waiting.values() for future in futures if not future.done()]
        self._waiting.clear()
        if not waiting:
            return
        problem = None if task.cancelled() else task.exception()
        if problem is None:
            problem = ClientClosedError("the manager was closed during the call")
        for future in waiting:
            future.set_exception(problem)

    async def outcome(self, name: str, deadline: float) -> Outcome:
        """The outcome of one account, as soon as it is settled."""
        if name in self.reading.outcomes:
            return self.reading.outcomes[name]
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(future)
        self._readers += 1
        scope = self._deadlines.scope(deadline)
        try:
            async with scope:
                return await future
        except TimeoutError:
            return Failed(DeadlineExceededError("no answer in time"))
        finally:
            self._deadlines.leave(scope)
            self._readers -= 1
            self.leave_if_unused()

    async def done(self, *, within_s: float | None = None) -> Reading:
        """The whole read, or what there is of it after *within_s*."""
        task = self.task
        if task is None:
            raise RuntimeError("the flight has no task")
        self._readers += 1
        try:
            await asyncio.wait({task}, timeout=within_s)
        finally:
            self._readers -= 1
            if self.leave_if_unused():
                with shielded():  # its connections are closed when we return
                    await asyncio.wait({task})
        if task.done() and not task.cancelled() and (problem := task.exception()) is not None:
            raise problem
        return self.reading

    def leave_if_unused(self) -> bool:
        """Ends a flight that nobody waits for; whether it has still to end."""
        if self._readers or self.task is None or self.task.done():
            return False
        self.task.cancel()
        return True


class Flights:
    """All flights of a manager."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._flying: dict[tuple[str, Source], list[Flight]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines = Deadlines()

    def launch(
        self,
        line: Line,
        source: Source,
        wanted: dict[str, AccountKey],
        deadline: float,
        *,
        gathers: bool = False,
        endpoint: Endpoint[Any] | None = None,
    ) -> Flight:
        """A new read, which others may join; of *endpoint*, which decodes in a way of its own."""
        reading = Reading(line, source, wanted, self._base_url, deadline, endpoint)
        flight = Flight(reading, self._deadlines, gathers=gathers)
        flight.task = asyncio.get_running_loop().create_task(flight.fly())
        flying = self._flying.setdefault((line.name, source), [])
        flying.append(flight)
        self._tasks.add(flight.task)

        def landed(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            flying.remove(flight)
            flight.ended(task)

        flight.task.add_done_callback(landed)
        return flight

    def joined(
        self, line: Line, source: Source, key: AccountKey, deadline: float, not_before: float | None
    ) -> Flight:
        """The flight that brings *key*: one under way, one that is about to start, or a new one."""
        for flight in self._flying.get((line.name, source), ()):
            if flight.takes(key, deadline, not_before):
                return flight
        return self.launch(line, source, {key.name: key}, deadline, gathers=True)

    async def land(self, within_s: float) -> None:
        """Waits for all to end; those that do not in time are cancelled."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=within_s)
            for task in late:
                task.cancel()
        self._deadlines.rest()
