"""Never run: mypy reads it as a user's program, so that the public types stay what they are."""

from __future__ import annotations

import ssl
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_type

from tread_async import (
    Account,
    AccountBalances,
    ApiError,
    CachedBalances,
    ClientStats,
    RetryPolicy,
    Secret,
    TreadClient,
    TreadError,
)


async def fetch_token() -> str:
    return "token"


async def use(context: ssl.SSLContext) -> None:
    TreadClient("token")
    TreadClient(Secret("token"))
    TreadClient(fetch_token, retry=RetryPolicy(attempts=2), ssl=context, proxy="http://proxy:3128")
    TreadClient(b"token")  # type: ignore[arg-type]
    async with TreadClient("token", base_url="http://127.0.0.1:1", deadline_s=5) as tread:
        assert_type(tread, TreadClient)
        assert_type(await tread.balances(), dict[str, AccountBalances])
        assert_type(await tread.balances(["a"], deadline_s=1), dict[str, AccountBalances])
        cached = await tread.cached_balances(("a", "b"))
        assert_type(cached, CachedBalances)
        assert_type(cached.balances[0].as_of, datetime | None)
        assert_type(cached.balances[0].assets[0].amount, Decimal)
        assert_type(cached.balances[0].equity, Decimal | None)
        assert_type(await tread.accounts(include_archived=True), tuple[Account, ...])
        created = await tread.create_account(name="a", exchange="OKX", api_key="k", api_secret=Secret("s"))
        assert_type(created, Account)
        await tread.update_account(created.id, margin_mode="CROSS")
        assert_type(await tread.archive_account("a", expect_id=created.id), Account)
        await tread.set_leverage(5, pair="ETH:PERP-USDT", account_ids=[created.id])
        await tread.set_leverage(Decimal("2.5"), pair="ETH:PERP-USDT", account_ids={created.id})
        await tread.set_leverage(2.5, pair="ETH:PERP-USDT", account_ids=[])  # type: ignore[arg-type]
        await tread.set_leverage("5", pair="ETH:PERP-USDT")  # type: ignore[call-arg]
        assert_type(await tread.request("GET", "/api/x/", params={"a": 1}), Any)
        assert_type(tread.stats, ClientStats)


def read(error: TreadError) -> None:
    assert_type(error.attempts, int)
    if isinstance(error, ApiError):
        assert_type(error.status, int)
        assert_type(error.errors, tuple[str, ...])
        assert_type(error.retry_after_s, float | None)
