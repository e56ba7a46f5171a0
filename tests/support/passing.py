"""Time that passes without anybody having to wait for it."""

from __future__ import annotations

from tread_async import TreadClient
from tread_async._slots import Lane


def pass_for(lane: Lane, seconds: float) -> None:
    """As if so many seconds had passed, for a lane that the server asked to wait."""
    if lane.held_until:
        lane.close()
        lane._held_until -= seconds
        lane._open()


def untimed(client: TreadClient, *, chance: float = 1.0) -> list[float]:
    """Where the waits of *client* are written down, which take no time; *chance* is each draw."""
    calls, waits = client._calls, list[float]()
    assert calls is not None

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        pass_for(calls._transport._lane, seconds)

    calls._sleep, calls._chance = sleep, lambda: chance
    return waits
