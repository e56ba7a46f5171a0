"""What a server heard when, and how many requests that is in a second."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from tests.support.samples import DONE
from tests.support.wire import Exchange, reply

ROWS: dict[str, Any] = {
    "/api/accounts/": [{"id": "id-x", "name": "x", "exchange": "Gate"}],
    "/api/balances/": {"x": {"exchange": "Gate", "assets": []}},
}


def most_in(moments: Iterable[float], seconds: float = 1.0) -> int:
    """How many of the moments at most lie within a window of so many seconds."""
    ordered = sorted(moments)
    return max(bisect.bisect_left(ordered, at + seconds) - place for place, at in enumerate(ordered))


def gaps(moments: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(moments)]


def never_early(moments: list[float], began: float, rate: float) -> bool:
    """Whether of requests that nobody had asked for before *began* none came sooner than the rate allows.

    A request may come late, if the machine stalls; but never early, however long anything takes.
    """
    soonest = [began + place / (0.97 * rate) - 0.015 for place in range(len(moments))]
    return all(moment >= least for moment, least in zip(sorted(moments), soonest, strict=True))


@contextlib.asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """The longest time for which the loop was held during the block, once it is over."""
    worst = [0.0]

    async def watch() -> None:
        while True:
            due = time.monotonic() + 0.002
            await asyncio.sleep(0.002)
            worst[0] = max(worst[0], time.monotonic() - due)

    watching = asyncio.create_task(watch())
    try:
        yield worst
    finally:
        watching.cancel()


class Log:
    """A step for a `Wire`, which knows one account of each token, and notes when each request came."""

    def __init__(self, *first: bytes) -> None:
        self.first = list(first)
        self.moments: dict[str, list[float]] = {}
        self.heard: list[tuple[str, str]] = []

    async def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        token = request.header("authorization")[0].removeprefix("Token ")
        self.moments.setdefault(token, []).append(time.monotonic())
        self.heard.append((token, request.method))
        answer = ROWS.get(request.target.partition("?")[0], DONE) if request.method == "GET" else DONE
        await exchange.send(self.first.pop(0) if self.first else reply(answer))
