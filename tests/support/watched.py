"""A fleet that is watched in a time that passes at once, and when it was polled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import patch

from tests.support.desks import desk
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.virtual import in_no_time
from tread_async import SessionManager, Update, Updates

__all__ = ["polls", "read", "three", "user", "watching"]

Test = Callable[[SessionManager], Coroutine[Any, Any, None]]


def user(name: str = "a", *accounts: Held, **fields: Any) -> User:
    """A token with *accounts*, or with one called x."""
    return User(token=f"canary-{name}", accounts=list(accounts) or [Held(name="x")], **fields)


def three(**fields: Any) -> User:
    """A token with the accounts x, y and z."""
    return user("a", *[Held(name=name) for name in "xyz"], **fields)


def watching(*users: User, test: Test, **options: Any) -> None:
    """Runs *test* with a manager of *users*' tokens, where both clocks go on together."""

    async def main() -> None:
        clock, noon = asyncio.get_running_loop().time, time.time()
        with patch("time.time", lambda: noon + clock()):
            async with FleetServer(*users) as server, desk(server, **options) as manager:
                await test(manager)

    in_no_time(main(), arrives_s=0.001)


def polls(user: User, endpoint: str = "cached_balances") -> list[float]:
    """When *user* was polled, by the loop's clock, the first time left out: it has no beat of the grid."""
    return [seen.at for seen in user.seen if seen.endpoint == endpoint][1:]


async def read(updates: Updates, count: int) -> list[Update]:
    """The next *count* updates. They are overdue after a while."""
    async with asyncio.timeout(3600):
        return [await anext(updates) for _ in range(count)]
