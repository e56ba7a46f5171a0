"""Time that passes without anybody having to wait for it."""

from __future__ import annotations

from tread_async._slots import Lane


def pass_for(lane: Lane, seconds: float) -> None:
    """As if so many seconds had passed, for a lane that the server asked to wait."""
    if lane.held_until:
        lane.close()
        lane._held_until -= seconds
        lane._open()
