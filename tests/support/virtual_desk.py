"""Clients of one process in a time that passes at once, and who of their callers was let through when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest

from tests.support.virtual import VirtualLoop, in_no_time
from tread_async._gates import Share
from tread_async._rates import Registry
from tread_async._slots import Slots
from tread_async.secret import Secret

RATE: Final = 50.0
SLOT_S: Final = 1 / (0.97 * RATE)
TICK_S: Final = 0.0016


class Desk:
    """Clients of one process, and who of their callers was let through when."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.registry = Registry(loop.time)
        self.through: list[tuple[str, float]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def share(
        self, rate: float | None = RATE, *, most: int = 1000, slots: Slots | None = None, token: str = "t"
    ) -> Share:
        return Share(
            self.registry,
            "https://x:443",
            Secret(token),
            slots=slots or Slots(most),
            most=most,
            requests_per_s=rate,
        )

    def call(
        self, share: Share, name: str = "r", *, write: bool = False, takes_s: float = 0.0, used: bool = True
    ) -> asyncio.Task[None]:
        async def call() -> None:
            if not share.lane.take_now():
                await share.lane.take(write=write)
            try:
                if used:
                    self.through.append((name, self.loop.time()))
                    await asyncio.sleep(takes_s)
            finally:
                share.lane.release(used=used)

        task = asyncio.ensure_future(call())
        self.tasks.append(task)
        return task

    async def settled(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @property
    def names(self) -> str:
        return "".join(name for name, _ in self.through)

    @property
    def moments(self) -> list[float]:
        return [moment for _, moment in self.through]


def virtually(test: Callable[[Desk], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test on a loop of its own."""

    def run() -> None:
        async def main() -> None:
            await test(Desk())

        in_no_time(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def evenly(count: int, began: float = 0.0) -> list[Any]:
    """The moments of so many requests; a loop is a little late, and makes up for it."""
    about = began + TICK_S / 2
    return [pytest.approx(about + place * SLOT_S, abs=TICK_S / 2 + 1e-6) for place in range(count)]
