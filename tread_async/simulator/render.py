"""Accounts as JSON text, in the three shapes the API shows them.

Amounts go from exact integers to decimal text; no float is made on the way.
"""

from __future__ import annotations

import json
from typing import Final

from tread_async.simulator.market import UNIT, Row, money, number
from tread_async.simulator.state import Account

MASK: Final = "*" * 20
LIVE_ROW: Final = (
    '{"symbol":"%s","size":%s,"notional":%s,"market_type":"%s","asset_type":"%s","unrealized_profit":%s,'
    '"initial_margin":%s,"maint_margin":%s,"margin_balance":%s,"leverage":%s,"notional_pct_total":%s}'
)
CACHED_ROW: Final = (
    '{"symbol":"%s","amount":"%s","margin_balance":%s,"unrealized_profit":%s,"notional":"%s",'
    '"wallet_type":"%s","asset_type":"%s","funding_fee":%s,"borrowed":null,"initial_margin":%s,'
    '"maint_margin":%s,"leverage":%s,"margin_mode":%s}'
)
CACHED_ACCOUNT: Final = (
    '{"exchange_name":%s,"account_name":%s,"user_id":%d,"assets":[%s],"equities":[%s],"equity":%s,'
    '"account_id":"%s","timestamp_millis":%d,"username":%s,"transfers":[],"vcefi_enabled":%s%s}'
)
EQUITY: Final = '{"total_equity":"%s","market_type":"%s"}'


def live_member(account: Account, now: float) -> bytes:
    """``"name":{"exchange":...,"assets":[...]}``, one member of the live reply; amounts are numbers."""
    rows = account.book.sheet(now, account.leverage).rows
    totals: dict[str, int] = {}
    for row in rows:
        market = row.holding.market_type
        totals[market] = totals.get(market, 0) + abs(row.notional)
    assets = ",".join([_live_row(row, totals, account) for row in rows])
    head = f'{json.dumps(account.name)}:{{"exchange":{json.dumps(account.exchange)},"assets":['
    return f"{head}{assets}]}}".encode()


def _live_row(row: Row, totals: dict[str, int], account: Account) -> str:
    holding = row.holding
    share = abs(row.notional) * 10**6 // (totals[holding.market_type] or 1)
    return LIVE_ROW % (
        holding.symbol,
        row.size,
        number(money(row.notional)),
        holding.market_type,
        "position" if holding.is_position else "token",
        _number(row.profit),
        _number(row.initial_margin),
        _number(row.maint_margin),
        _number(row.margin_balance),
        number(account.leverage[holding.symbol]) if holding.is_position else "null",
        number(money(share * UNIT // 10**6)),
    )


def cached_object(account: Account, taken_at: float, timestamp_millis: int) -> tuple[bytes, int | None]:
    """One element of the cached reply's ``balances``; amounts are decimal strings. And its equity."""
    sheet = account.book.sheet(taken_at, account.leverage)
    equity = None if account.hides_equity else sum(sheet.equities.values())
    text = CACHED_ACCOUNT % (
        json.dumps(account.exchange),
        json.dumps(account.name),
        account.user_id,
        ",".join([_cached_row(row, account) for row in sheet.rows]),
        ",".join([EQUITY % (money(total), market) for market, total in sheet.equities.items()]),
        _text(equity),
        account.id,
        timestamp_millis,
        json.dumps(account.username),
        "true" if account.vcefi_enabled else "false",
        "" if account.hides_created_at else f',"created_at":"{account.created_at}"',
    )
    return text.encode(), equity


def _cached_row(row: Row, account: Account) -> str:
    holding = row.holding
    shows_mode = holding.is_position and account.exchange == "OKX"
    return CACHED_ROW % (
        holding.symbol,
        row.amount,
        _text(row.margin_balance),
        _text(row.profit),
        money(row.notional),
        holding.wallet_type,
        "position" if holding.is_position else "token",
        holding.funding,
        _text(row.initial_margin),
        _text(row.maint_margin),
        f'"{account.leverage[holding.symbol]}"' if holding.is_position else "null",
        f'"{account.margin_mode}"' if shows_mode else "null",
    )


def account_object(account: Account) -> bytes:
    """One element of the accounts list. The secret parts are masked, the API key is not."""
    shown = {
        "id": account.id,
        "name": account.name,
        "user": account.user_id,
        "username": account.username,
        "exchange": account.exchange,
        "margin_mode": account.margin_mode,
        "created_at": account.created_at,
        "credential_options": account.credential_options,
        "vcefi_enabled": account.vcefi_enabled,
        "archived": account.archived,
        "wallet_type": None,
        "wallet_provider": None,
        "vault_address": account.vault_address,
        "egress_ip": None,
        "api_key": account.api_key,
        "api_secret": MASK,
        "password": MASK,
    }
    return json.dumps(shown, separators=(",", ":")).encode()


def _number(amount: int | None) -> str:
    return "null" if amount is None else number(money(amount))


def _text(amount: int | None) -> str:
    return "null" if amount is None else f'"{money(amount)}"'
