"""Who sets the leverage of all accounts of a token, and what they say of each."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import aiohttp

from benchmarks.contenders import US
from benchmarks.contenders.aiohttp_tenacity import retried
from tread_async import ALL, Applied, NotApplied, SessionManager, Unknown, WriteOutcome

__all__ = ["LEVERAGE", "PAIR", "SETTERS", "Said", "Setter"]

LEVERAGE: Final = 5
PAIR: Final = "ETH:PERP-USDT"
BATCH: Final = 50
ONE_BY_ONE: Final = "aiohttp + tenacity, one by one"
IN_BATCHES: Final = f"aiohttp + tenacity, batches of {BATCH}"


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


async def by_hand(url: str, token: str, *, batch: int) -> dict[str, Said]:
    """A request for each batch of so many accounts, all at once, and again after every failure.

    What still fails counts as not applied, with all of its accounts.
    """
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Token {token}"}) as session:

        @retried
        async def asked(method: str, path: str, body: object = None) -> Any:
            async with session.request(method, path, json=body, raise_for_status=True) as reply:
                return await reply.json()

        async def set_all(account_ids: Sequence[str]) -> Said:
            body = {"leverage": str(LEVERAGE), "pair": PAIR, "account_ids": account_ids}
            try:
                await asked("POST", "/api/set_leverage/", body)
            except aiohttp.ClientError:
                return Said.NOT_APPLIED
            return Said.APPLIED

        accounts = {one["name"]: one["id"] for one in await asked("GET", "/api/accounts/")}
        names, ids = list(accounts), list(accounts.values())
        starts = range(0, len(ids), batch)
        said = await asyncio.gather(*[set_all(ids[start : start + batch]) for start in starts])
    return {name: said[place // batch] for place, name in enumerate(names)}


class Setter(NamedTuple):
    """Sets the leverage of all accounts of the token at a URL; and how."""

    set: Callable[[str, str], Awaitable[dict[str, Said]]]
    does: str


_REPEATS: Final = "at most five attempts after any failure, wait_random_exponential(multiplier=1, max=60)"

SETTERS: Final = {
    US: Setter(
        ours,
        "batches that are halved when they are refused, down to single accounts; retries within a deadline"
        " and a retry budget, and reads back",
    ),
    ONE_BY_ONE: Setter(partial(by_hand, batch=1), f"one request for each account, all at once; {_REPEATS}"),
    IN_BATCHES: Setter(
        partial(by_hand, batch=BATCH),
        f"{BATCH} accounts in a request, all at once; {_REPEATS}; one account that is refused leaves all of"
        " its batch not applied",
    ),
}
