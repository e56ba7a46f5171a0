"""A simulator whose clock stands still, and one-request callers for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import pytest
from yarl import URL

from tread_async.simulator import Simulator

NOON = 1_800_000_000.0


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Ask: TypeAlias = Callable[..., Awaitable[Reply]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sim(clock: Clock) -> AsyncIterator[Simulator]:
    async with Simulator(seed=7, tokens=2, accounts=6, assets=4, clock=clock) as opened:
        yield opened


@pytest.fixture
def ask(sim: Simulator) -> Ask:
    """Sends one request on a connection of its own, so that aiohttp has nothing to repeat by itself."""

    async def one(
        method: str,
        target: str,
        data: object = ...,
        *,
        user: int = 0,
        auth: str | None = None,
        **options: Any,
    ) -> Reply:
        headers = {"Authorization": auth or f"Token {sim.tokens[user]}", **options.pop("headers", {})}
        if data is not ...:
            options["data" if isinstance(data, bytes) else "json"] = data
        url = URL(sim.url + target, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers, allow_redirects=False, **options) as got,
        ):
            return Reply(got.status, got.headers, await got.read())

    return one
