"""Seeded replies of realistic shape, as bytes."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Sequence

from tread_async.simulator import Simulator


def replies(*, accounts: int, assets: int = 10) -> tuple[bytes, bytes]:
    """The live and the cached reply of one token, from the simulator."""
    paths = ("/api/balances/", "/api/sor/get_cached_account_balance")
    live, cached = asyncio.run(_answers(accounts, assets, paths))
    return live, cached


def listing(*, accounts: int) -> bytes:
    """The list of one token's accounts, from the simulator."""
    return asyncio.run(_answers(accounts, 10, ("/api/accounts/",)))[0]


async def _answers(accounts: int, assets: int, paths: Sequence[str]) -> list[bytes]:
    async with Simulator(seed=7, accounts=accounts, assets=assets, clock=lambda: 1_790_000_000.0) as sim:
        return [await asyncio.to_thread(fetched, sim.url + path, sim.tokens[0]) for path in paths]


def fetched(url: str, token: str) -> bytes:
    """The body of a GET, read by the standard library."""
    request = urllib.request.Request(url, headers={"Authorization": f"Token {token}"})
    with urllib.request.urlopen(request) as reply:
        body = reply.read()
    assert isinstance(body, bytes)
    return body


def small_cached_reply(target_bytes: int) -> bytes:
    """A cached reply of one account, of about *target_bytes*."""
    body = b""
    for assets in range(1, 20):
        body = replies(accounts=1, assets=assets)[1]
        if len(body) >= target_bytes:
            break
    json.loads(body)
    return body
