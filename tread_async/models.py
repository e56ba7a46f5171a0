"""What the server says, as frozen structs.

Two families stay apart because the server keeps them apart: live rows (`Asset`, JSON numbers,
``size`` and ``market_type``) and cached rows (`CachedAsset`, decimal strings, ``amount`` and
``wallet_type``). Names are the API's own. Amounts are `decimal.Decimal`, exact to the last digit
of the wire. ``None`` means that the server sent null or nothing; it never stands for zero.

Fields with a closed list of values are plain text, so that a value unknown today decodes; the
known ones are members of `MarketType`, `AssetType` and `MarginMode`, which compare equal to it.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from tread_async._amounts import Amount, RepeatedAmount
from tread_async._texts import Repeated

__all__ = [
    "Account",
    "AccountBalances",
    "Asset",
    "AssetType",
    "CachedAccount",
    "CachedAsset",
    "CachedBalances",
    "Equity",
    "MarginMode",
    "MarketType",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MarketType(enum.StrEnum):
    """Known values of ``market_type``."""

    SPOT = "spot"
    PERP = "perp"
    UNIFIED = "unified"
    FUTURE = "future"
    OPTION = "option"


class AssetType(enum.StrEnum):
    """Known values of ``asset_type``."""

    TOKEN = "token"  # noqa: S105 - the API's word for a coin, not a credential
    POSITION = "position"


class MarginMode(enum.StrEnum):
    """Known values of ``margin_mode``; the first three can be set on an account."""

    ISOLATED = "ISOLATED"
    CROSS = "CROSS"
    CASH = "CASH"
    SPOT_ISOLATED = "SPOT_ISOLATED"


# gc=False throughout: decoded trees cannot form cycles, and scanning 100,000 rows would hold the loop.


class Asset(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One token or position of an account, as ``GET /api/balances/`` sends it.

    The side of a position is the sign of ``size``, which may count contracts: ``notional / size``
    is not a price. ``margin_balance`` repeats a figure of the whole account; never sum it. A
    position's ``leverage`` of 0 means that the exchange did not say.
    """

    symbol: Repeated
    size: Amount
    notional: Amount | None = None
    market_type: Repeated | None = None
    asset_type: Repeated | None = None
    unrealized_profit: Amount | None = None
    initial_margin: Amount | None = None
    maint_margin: Amount | None = None
    margin_balance: RepeatedAmount | None = None
    leverage: Amount | None = None
    notional_pct_total: Amount | None = None


class AccountBalances(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The live rows of one account."""

    exchange: Repeated
    assets: tuple[Asset, ...]


class CachedAsset(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One token or position of an account, as the cached call sends it.

    ``amount`` is negative for a short position. ``margin_balance`` may repeat a figure of the whole
    account; never sum it. ``wallet_type`` here is a wallet of the exchange (spot, unified, ...).
    """

    symbol: Repeated
    amount: Amount
    margin_balance: RepeatedAmount | None = None
    unrealized_profit: Amount | None = None
    notional: Amount | None = None
    wallet_type: Repeated | None = None
    asset_type: Repeated | None = None
    funding_fee: Amount | None = None
    borrowed: Amount | None = None
    initial_margin: Amount | None = None
    maint_margin: Amount | None = None
    leverage: Amount | None = None
    margin_mode: Repeated | None = None


class Equity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The equity of one account in one market."""

    total_equity: RepeatedAmount
    market_type: Repeated | None = None


class CachedAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The cached rows of one account. Key by ``account_id``: several users may share names.

    ``transfers`` are as sent, since their shape is not documented.
    """

    account_name: str
    account_id: str
    assets: tuple[CachedAsset, ...]
    exchange_name: Repeated | None = None
    equity: RepeatedAmount | None = None
    equities: tuple[Equity, ...] | None = None
    timestamp_millis: int | None = None
    user_id: int | str | None = None
    username: str | None = None
    created_at: str | None = None
    vcefi_enabled: bool | None = None
    transfers: tuple[Any, ...] | None = None

    @property
    def as_of(self) -> datetime | None:
        """When the server read these balances from the exchange (UTC), by the server's clock."""
        if self.timestamp_millis is None:
            return None
        try:
            return _EPOCH + timedelta(milliseconds=self.timestamp_millis)
        except OverflowError:
            return None


class CachedBalances(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer of the cached call.

    ``errors`` speak of accounts whose balances could not be read, as the server sent them (their
    shape is not documented), with every text made safe to show. Not empty means that ``balances`` is
    not everything.
    """

    balances: tuple[CachedAccount, ...]
    errors: tuple[Any, ...] = ()


class Account(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One exchange account of the token's user.

    ``api_key`` comes in clear; ``api_secret`` and ``password`` come masked and must never be sent
    back. The repr shows none of them, nor ``vault_address`` and ``egress_ip``. ``wallet_type`` here
    is the chain of a connected wallet.
    """

    id: str
    name: str
    exchange: str
    user: int | str | None = None
    username: str | None = None
    margin_mode: str | None = None
    created_at: str | None = None
    credential_options: dict[str, Any] | None = None
    vcefi_enabled: bool | None = None
    archived: bool | None = None
    wallet_type: str | None = None
    wallet_provider: str | None = None
    vault_address: str | None = None
    egress_ip: str | None = None
    api_key: str | None = None
    api_secret: str | None = None
    password: str | None = None

    @property
    def created(self) -> datetime | None:
        """``created_at`` as an aware time in UTC, or ``None`` where it is not one."""
        return parse_time(self.created_at)

    def __repr__(self) -> str:
        return (
            f"Account(id={self.id!r}, name={self.name!r}, exchange={self.exchange!r}, "
            f"margin_mode={self.margin_mode!r}, archived={self.archived!r})"
        )

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in ("id", "name", "exchange", "margin_mode", "archived")]


def parse_time(text: str | None) -> datetime | None:
    """An ISO 8601 time with a zone, as UTC; ``None`` for anything else."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
