"""By hand: httpx and pydantic."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pydantic

from benchmarks.contenders.one_by_one import OneByOne, Target

__all__ = ["Reply", "opened"]

MOST_AT_ONCE = 256


class _Asset(pydantic.BaseModel):
    symbol: str
    amount: Decimal
    margin_balance: Decimal | None = None
    unrealized_profit: Decimal | None = None
    notional: Decimal | None = None
    wallet_type: str | None = None
    asset_type: str | None = None
    funding_fee: Decimal | None = None
    borrowed: Decimal | None = None
    initial_margin: Decimal | None = None
    maint_margin: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: str | None = None


class _Equity(pydantic.BaseModel):
    total_equity: Decimal
    market_type: str | None = None


class _Account(pydantic.BaseModel):
    account_name: str
    account_id: str
    assets: list[_Asset]
    exchange_name: str | None = None
    equity: Decimal | None = None
    equities: list[_Equity] | None = None
    timestamp_millis: int | None = None


class Reply(pydantic.BaseModel):
    """The cached balances of a token."""

    balances: list[_Account]
    errors: list[Any] | None = None


class _ByHand(OneByOne):
    def __init__(self, url: str, tokens: str, client: httpx.AsyncClient) -> None:
        super().__init__(url, tokens)
        self._client = client

    async def read(self, target: Target) -> object:
        headers = {"Authorization": f"Token {target.token}"}
        reply = await self._client.get(self.url + target.path, headers=headers)
        reply.raise_for_status()
        return Reply.model_validate_json(reply.content)


@contextlib.asynccontextmanager
async def opened(url: str, tokens: str) -> AsyncIterator[_ByHand]:
    """One client, with as many connections as are wanted."""
    limits = httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        yield _ByHand(url, tokens, client)
