"""What the server knows: users, their accounts, and the changes made to them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from tread_async.simulator.market import UNIT, Book, open_book

EXCHANGES: Final = (
    "Binance", "Bybit", "OKX", "Gate", "Bitget", "Hyperliquid", "BinancePM", "OKXDEX", "OKXOTC", "Deribit",
    "Coinbase", "Aster", "Pacifica", "Paradex", "MockExchange",
)  # fmt: skip
NEED_PASSWORD: Final = frozenset({"OKX", "Coinbase", "Bitget"})
MARGIN_MODES: Final = ("ISOLATED", "CROSS", "CASH")
# One account in twelve is on Hyperliquid, whose perps are quoted in USDC.
USUAL: Final = (*EXCHANGES[:5], "BinancePM", *EXCHANGES[:5], "Hyperliquid")
ROLES: Final = ("main", "hedge", "mm", "carry", "basis", "treasury")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """The server's own truth about one account, as it was when you asked.

    ``leverage`` maps a pair to its leverage as plain decimal text, for example ``{"ETH:PERP-USDT": "10"}``.
    """

    id: str
    name: str
    exchange: str
    user_id: int
    username: str
    archived: bool
    margin_mode: str
    leverage: Mapping[str, str]
    created_at: str
    api_key: str


@dataclass(slots=True, eq=False, kw_only=True)
class Account:
    id: str
    name: str
    exchange: str
    user_id: int
    username: str
    created_at: str
    api_key: str
    book: Book
    leverage: dict[str, str]
    margin_mode: str = "CROSS"
    archived: bool = False
    vcefi_enabled: bool = False
    hides_created_at: bool = False
    hides_equity: bool = False
    vault_address: str | None = None
    credential_options: Mapping[str, object] = field(default_factory=dict)
    changed_at: float = float("-inf")
    version: int = 0
    # The last rendering of each kind with the key it is good for: accounts re-price every few seconds,
    # so a reply for a thousand of them is mostly a join.
    live: tuple[object, bytes] = (None, b"")
    cached: tuple[object, tuple[bytes, int | None]] = (None, (b"", None))
    listed: tuple[object, bytes] = (None, b"")

    def touch(self, at: float) -> None:
        """A change makes the server fetch the account anew, so its cache is never older than the change."""
        self.changed_at = at
        self.version += 1

    def cached_at(self, now: float) -> float:
        return max(self.book.cached_at(now), self.changed_at)

    def set_leverage(self, pair: str, leverage: Decimal, at: float) -> None:
        positions = [holding.symbol for holding in self.book.holdings if holding.is_position]
        if pair not in positions:
            raise ValueError(f"{self.name} has no position of {pair!r}: there are {', '.join(positions)}")
        self.leverage[pair] = f"{leverage.normalize():f}"
        self.touch(at)

    def set_equity(self, equity: Decimal, at: float) -> None:
        self.book = self.book.with_equity(int(equity * UNIT), at)
        self.touch(at)

    def record(self) -> AccountRecord:
        return AccountRecord(
            id=self.id,
            name=self.name,
            exchange=self.exchange,
            user_id=self.user_id,
            username=self.username,
            archived=self.archived,
            margin_mode=self.margin_mode,
            leverage=dict(self.leverage),
            created_at=self.created_at,
            api_key=self.api_key,
        )


class User:
    """One token and its accounts."""

    def __init__(self, seed: int, index: int, accounts: int | Sequence[str], assets: int) -> None:
        self.index = index
        self.id = 13 + index
        self.username = f"desk_{self.id}"
        self.token = random.Random(f"{seed}/token/{index}").randbytes(20).hex()
        self.accounts: list[Account] = []
        self._rng = random.Random(f"{seed}/user/{index}")
        self._assets = assets
        self._active: dict[str, Account] = {}
        self._by_id: dict[str, Account] = {}
        self._names: tuple[str, ...] | None = None
        self._ids: tuple[str, ...] | None = None
        for place, name in enumerate(self._first_names(accounts)):
            self._open_first(place, name)

    def _first_names(self, accounts: int | Sequence[str]) -> Iterable[str]:
        if not isinstance(accounts, int):
            return accounts
        return (
            f"{USUAL[place % len(USUAL)].lower()}-{self._rng.choice(ROLES)}-{place + 1:03d}"
            for place in range(accounts)
        )

    def _open_first(self, place: int, name: str) -> None:
        born = 1_741_000_000 + place * 7_301 + self._rng.random() * 7_000
        account = self.open(name, USUAL[place % len(USUAL)], self._rng.randbytes(12).hex(), born)
        account.changed_at = float("-inf")
        account.vcefi_enabled = place % 4 == 1
        account.hides_created_at = place % 3 == 2
        account.hides_equity = place % 40 == 39

    @property
    def active(self) -> Mapping[str, Account]:
        """Accounts that are not archived, by name, oldest first."""
        return self._active

    @property
    def names(self) -> tuple[str, ...]:
        """Their names; the same tuple until an account comes or goes, so a journal may keep it cheaply."""
        if self._names is None:
            self._names = tuple(self._active)
        return self._names

    @property
    def ids(self) -> tuple[str, ...]:
        if self._ids is None:
            self._ids = tuple(self._by_id)
        return self._ids

    def by_id(self, account_id: object) -> Account | None:
        """The account that is not archived and has this id."""
        return self._by_id.get(account_id) if isinstance(account_id, str) else None

    def find(self, account: str) -> Account:
        """The account that is not archived and has this name or id."""
        found = self._active.get(account) or self._by_id.get(account)
        if found is None:
            raise ValueError(f"there is no account {account!r}: there are {', '.join(self.names) or 'none'}")
        return found

    def open(self, name: str, exchange: str, api_key: str, at: float) -> Account:
        rng = random.Random(self._rng.getrandbits(64))
        book = open_book(rng, exchange, self._assets)
        account = Account(
            id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            name=name,
            exchange=exchange,
            user_id=self.id,
            username=self.username,
            created_at=datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            api_key=api_key,
            book=book,
            leverage={
                row.symbol: rng.choice(("3", "5", "10", "20")) for row in book.holdings if row.is_position
            },
            credential_options={"unified": True, "spot": True, "futures": True, "default": False},
            changed_at=at,
        )
        self.accounts.append(account)
        self._active[name] = self._by_id[account.id] = account
        self._names = self._ids = None
        return account

    def archive(self, account: Account, at: float) -> None:
        del self._active[account.name], self._by_id[account.id]
        account.name = f"{account.name}_archived_{uuid.UUID(int=self._rng.getrandbits(128), version=4)}"
        account.archived = True
        account.touch(at)
        self._names = self._ids = None
