"""Balances as they come from the server, for tests without one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tread_async import AccountKey, Balance, CachedAccount, CachedAsset


def row(symbol: str = "ETH:PERP-USDT", **fields: Any) -> CachedAsset:
    """A position, unless *fields* say otherwise; amounts may be texts."""
    amounts = {"amount": "1", "notional": "10", "unrealized_profit": "-1", "leverage": "5"}
    texts = {name: value for name, value in fields.items() if name in ("asset_type", "wallet_type")}
    amounts |= {name: value for name, value in fields.items() if name not in texts}
    exact = {name: None if value is None else Decimal(value) for name, value in amounts.items()}
    return CachedAsset(symbol=symbol, **({"asset_type": "position"} | texts | exact))


def balance(
    name: str = "main",
    *rows: CachedAsset,
    equity: str | None = "100",
    exchange: str | None = "OKX",
    age_s: float | None = 5.0,
    credential: str = "desk",
) -> Balance:
    """That of a cached answer."""
    wire = CachedAccount(
        account_name=name,
        account_id=f"id of {name}",
        assets=rows,
        exchange_name=exchange,
        equity=None if equity is None else Decimal(equity),
    )
    as_of_s = None if age_s is None else 1_800_000_000.0 - age_s
    return Balance(AccountKey(credential, name), wire, "cached", as_of_s, age_s)
