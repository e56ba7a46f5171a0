"""Who sets the leverage of all accounts of a token, and what they say of each."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp

from benchmarks.contenders import TENACITY, US
from benchmarks.contenders.aiohttp_tenacity import retried
from tread_async import ALL, Applied, NotApplied, SessionManager, Unknown, WriteOutcome

__all__ = ["LEVERAGE", "PAIR", "SETTERS", "Said"]

LEVERAGE: Final = 5
PAIR: Final = "ETH:PERP-USDT"


class Said(enum.Enum):
    """What a caller is told of one account."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNKNOWN = "unknown"


_SAID: Final[dict[type[WriteOutcome], Said]] = {
    Applied: Said.APPLIED,
    NotApplied: Said.NOT_APPLIED,
    Unknown: Said.UNKNOWN,
}


async def ours(url: str, token: str) -> dict[str, Said]:
    """A manager, which reads back."""
    async with SessionManager({"desk": token}, base_url=url) as desk:
        report = await desk.set_leverage(LEVERAGE, pair=PAIR, accounts=ALL, verify=True)
    return {key.name: _SAID[type(outcome)] for key, outcome in report.outcomes.items()}


async def by_hand(url: str, token: str) -> dict[str, Said]:
    """One request for each account, and again after every failure; what still fails counts as not applied."""
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Token {token}"}) as session:

        @retried
        async def asked(method: str, path: str, body: object = None) -> Any:
            async with session.request(method, path, json=body, raise_for_status=True) as reply:
                return await reply.json()

        async def set_one(account_id: str) -> Said:
            body = {"leverage": str(LEVERAGE), "pair": PAIR, "account_ids": [account_id]}
            try:
                await asked("POST", "/api/set_leverage/", body)
            except aiohttp.ClientError:
                return Said.NOT_APPLIED
            return Said.APPLIED

        accounts = {one["name"]: one["id"] for one in await asked("GET", "/api/accounts/")}
        said = await asyncio.gather(*[set_one(one) for one in accounts.values()])
    return dict(zip(accounts, said, strict=True))


SETTERS: Final[dict[str, Callable[[str, str], Awaitable[dict[str, Said]]]]] = {US: ours, TENACITY: by_hand}
