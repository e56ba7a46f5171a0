"""An event loop whose time passes only when everything is done that could be done before."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: the time that it would have waited has passed at once.

    Only what is on its way over a socket of this process takes *arrives_s*, which are not counted.
    """

    def __init__(self, arrives_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self._arrives_s = arrives_s

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing would ever happen")
        if timeout > 0 and self._arrives_s and (arrived := super().select(self._arrives_s)):
            return arrived
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock begins at 0 and is exact."""

    def __init__(self, arrives_s: float = 0.0) -> None:
        self._skipping = _Skipping(arrives_s)
        self.timers_set = self.steps = 0
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now

    def stand_still(self, seconds: float) -> None:
        """As if something had held the loop for so long."""
        self._skipping.now += seconds

    def call_at(self, *args: Any, **options: Any) -> asyncio.TimerHandle:
        self.timers_set += 1
        return super().call_at(*args, **options)

    def call_soon(self, *args: Any, **options: Any) -> asyncio.Handle:
        self.steps += 1
        return super().call_soon(*args, **options)


def in_no_time(main: Coroutine[Any, Any, T], *, arrives_s: float = 0.0) -> T:
    """Runs *main* on a `VirtualLoop`; what is sent arrives within *arrives_s*."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(arrives_s)) as runner:
        return runner.run(main)
