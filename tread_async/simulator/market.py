"""Seeded holdings, and what they are worth at one time step.

Money is an ``int`` count of 1e-8: exact, cheap, and deaf to whatever decimal context the caller has set.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

UNIT: Final = 10**8


def units(text: str) -> int:
    """``"2.5"`` -> 250000000; digits beyond the eighth decimal are cut off."""
    whole, _, part = text.partition(".")
    return int(whole + part[:8].ljust(8, "0"))


def money(amount: int) -> str:
    """250000000 -> ``"2.5"``, without trailing zeros or exponent."""
    whole, part = divmod(abs(amount), UNIT)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{part:08d}".rstrip("0") if part else f"{sign}{whole}"


UNIFIED: Final = frozenset({"BinancePM", "Bybit", "OKX", "OKXDEX", "OKXOTC", "Gate", "Bitget", "Deribit"})
QUOTES: Final = {"Hyperliquid": "USDC", "Deribit": "USDC", "Paradex": "USDC", "Coinbase": "USDC"}
PRICES: Final = {
    coin: units(price)
    for coin, price in {
        "ETH": "3012.45", "BTC": "91234.5", "SOL": "185.74", "PEPE": "0.00000498", "XRP": "2.1873",
        "BNB": "893.1", "DOGE": "0.14512", "ADA": "0.4218", "LINK": "13.472", "AVAX": "14.08",
        "LTC": "84.91", "DOT": "2.214", "SUI": "1.6123", "APT": "1.9014", "ARB": "0.2117",
        "OP": "0.3306", "NEAR": "1.7402", "ATOM": "2.3315", "UNI": "5.912", "AAVE": "187.44",
        "SHIB": "0.00000842", "WIF": "0.3921", "HYPE": "27.95", "TRX": "0.2811",
    }.items()
}  # fmt: skip
CONTRACT_SIZES: Final = {"BTC": units("0.01"), "ETH": units("0.1"), "PEPE": units("10000000")}


@dataclass(frozen=True, slots=True)
class Holding:
    """One row of an account; what does not change from one time step to the next."""

    symbol: str
    market_type: str
    wallet_type: str
    is_position: bool
    is_cash: bool
    margined: bool
    amount: str  # decimal text, as the cached call shows it
    size: str  # JSON number text, as the live call shows it
    notional: int
    profit: int
    funding: str  # JSON number text or null


class Row(NamedTuple):
    """One row at one time step. Money in units, ``None`` where the server says null."""

    holding: Holding
    amount: str
    size: str
    notional: int
    profit: int | None
    initial_margin: int | None
    maint_margin: int | None
    margin_balance: int | None


class Sheet(NamedTuple):
    rows: list[Row]
    equities: dict[str, int]


def number(text: str) -> str:
    """Decimal text as the JSON number that a float-minded server prints: ``"-181"`` -> ``-181.0``."""
    return text if "." in text else text + ".0"


@dataclass(frozen=True, slots=True)
class Book:
    """The holdings of one account and the pace at which they are re-priced."""

    key: int
    period_s: int
    phase_s: float
    lag_steps: int
    holdings: tuple[Holding, ...]

    def step(self, at: float) -> int:
        return int((at - self.phase_s) // self.period_s)

    def cached_at(self, now: float) -> float:
        """When the server's cache of this account was filled, seconds since the epoch."""
        step = self.step(now)
        return self.phase_s + (step - step % self.lag_steps) * self.period_s

    def sheet(self, at: float, leverage: Mapping[str, str]) -> Sheet:
        """The rows as they were at *at*, and the equity per market type."""
        moved = self._moved(self.step(at))
        profits = self._profits(moved)
        equities = self._equities(moved, sum(profits))
        # Venues repeat the account-wide figure on rows, so adding rows up would count it many times.
        balance = equities.get("unified", equities.get("perp", 0))
        margins = [
            _initial_margin(holding, notional, leverage)
            for holding, notional in zip(self.holdings, moved, strict=True)
        ]
        used = sum(margins)
        rows = []
        for holding, notional, profit, margin in zip(self.holdings, moved, profits, margins, strict=True):
            amount, size = holding.amount, holding.size
            if not holding.margined:
                rows.append(Row(holding, amount, size, notional, None, None, None, None))
                continue
            if holding.is_cash:
                amount = money(notional)
                size, profit, margin, maint = number(amount), sum(profits), used, used // 20
            else:
                maint = abs(notional) // 200 if holding.is_position else 0
            shown = None if holding.wallet_type == "futures" and holding.is_position else balance
            rows.append(Row(holding, amount, size, notional, profit, margin, maint, shown))
        return Sheet(rows, equities)

    def _moved(self, step: int) -> list[int]:
        noise = _mixed(self.key + step * 0x9E3779B97F4A7C15)
        moved = []
        for holding in self.holdings:
            noise = noise * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            millionths = (noise >> 51) - 4096  # 13 bits: at most 0.41 % either way
            if holding.is_cash:
                millionths //= 16
            moved.append(holding.notional + holding.notional * millionths // 1_000_000)
        return moved

    def with_equity(self, equity: int, at: float) -> Book:
        """The same positions, no other token, and as much cash as makes the equity so much at *at*."""
        if not self.holdings:
            raise ValueError("an account without any rows has no equity to set")
        cash, *others = [one if one.is_position else _none_of(one) for one in self.holdings]
        step = self.step(at)
        for _ in range(10):  # cash moves with prices too, by less than a thousandth
            book = replace(self, holdings=(cash, *others))
            moved = book._moved(step)
            lacking = equity - sum(book._equities(moved, sum(book._profits(moved))).values())
            cash = replace(cash, notional=cash.notional + lacking)
        return replace(self, holdings=(cash, *others))

    def _profits(self, moved: list[int]) -> list[int]:
        return [
            holding.profit + notional - holding.notional if holding.is_position else 0
            for holding, notional in zip(self.holdings, moved, strict=True)
        ]

    def _equities(self, moved: list[int], profit: int) -> dict[str, int]:
        if not self.holdings:
            return {"spot": 0}
        totals: dict[str, int] = {}
        for holding, notional in zip(self.holdings, moved, strict=True):
            if not holding.is_position:
                totals[holding.market_type] = totals.get(holding.market_type, 0) + notional
        market = self.holdings[0].market_type
        totals[market] += profit
        return totals


def _none_of(token: Holding) -> Holding:
    return replace(token, amount="0", size="0.0", notional=0)


def _mixed(seed: int) -> int:
    """Spread nearby integers over 64 bits (splitmix64), the same on every machine."""
    value = seed & (1 << 64) - 1
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    value = (value ^ value >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
    return value ^ value >> 31


def _initial_margin(holding: Holding, notional: int, leverage: Mapping[str, str]) -> int:
    if not holding.is_position:
        return 0
    return abs(notional) * UNIT // max(1, units(leverage[holding.symbol]))


def open_book(rng: random.Random, exchange: str, assets: int) -> Book:
    """Holdings that *exchange* could show: cash first, then positions and tokens in turn."""
    unified = exchange in UNIFIED
    wealth = rng.choice((1, 1, 1, 10, 1000))
    others = rng.sample(list(PRICES)[2:], len(PRICES) - 2)
    holdings = [_cash(rng, exchange, unified, wealth)] if assets else []
    for place in range(1, assets):
        turn, is_token = divmod(place - 1, 2)
        if not is_token:
            holdings.append(_position(rng, exchange, *_coin(["ETH", "BTC", *others], turn), unified, wealth))
        elif unified and turn == 0:
            holdings.append(_dust())
        else:
            holdings.append(_token(rng, *_coin([*others, "ETH"], turn), unified, wealth))
    return Book(
        key=rng.getrandbits(64),
        period_s=rng.randint(4, 10),
        phase_s=rng.uniform(0.0, 4.0),
        # Most caches are seconds old; about one account in sixteen is minutes behind.
        lag_steps=rng.randint(20, 48) if rng.random() < 1 / 16 else rng.randint(1, 2),
        holdings=tuple(holdings),
    )


def _coin(coins: list[str], turn: int) -> tuple[str, str]:
    """A coin for each turn; from the second lap on with a number, so that symbols stay different."""
    lap, at = divmod(turn, len(coins))
    return coins[at], str(lap + 1) if lap else ""


def _cash(rng: random.Random, exchange: str, unified: bool, wealth: int) -> Holding:
    notional = rng.randrange(2_000 * UNIT, 60_000 * UNIT) * wealth
    market, wallet = ("unified", "unified") if unified else ("perp", "futures")
    return Holding(
        QUOTES.get(exchange, "USDT"), market, wallet, False, True, True, "", "", notional, 0, "null"
    )


def _dust() -> Holding:
    # 1.7E-7 BTC is the vendor's own sample; Decimal prints such an exponent, and float another.
    text, worth = "1.7E-7", units("0.01529646")
    return Holding("BTC", "unified", "unified", False, False, True, text, "1.7e-07", worth, 0, "null")


def _token(rng: random.Random, coin: str, suffix: str, unified: bool, wealth: int) -> Holding:
    price = PRICES[coin]
    size = rng.randrange(10 * UNIT, 20_000 * UNIT) * wealth * UNIT // price
    market = "unified" if unified else "spot"
    amount, worth = money(size), size * price // UNIT
    return Holding(
        coin + suffix, market, market, False, False, unified, amount, number(amount), worth, 0, "null"
    )


def _position(
    rng: random.Random, exchange: str, coin: str, suffix: str, unified: bool, wealth: int
) -> Holding:
    price, sign = PRICES[coin], rng.choice((-1, 1))
    step = CONTRACT_SIZES.get(coin, UNIT) if exchange == "OKX" else UNIT // 100
    lots = max(1, rng.randrange(50 * UNIT, 40_000 * UNIT) * wealth * UNIT // (price * step))
    notional = sign * lots * step * price // UNIT
    # OKX counts in contracts, so size times price is not the notional there.
    amount = money(sign * lots * (UNIT if exchange == "OKX" else step))
    padded = f"{number(amount)}{'0' * 22}"[: amount.find(".") + 23] if exchange == "Bybit" else amount
    funding = f"{rng.uniform(-2.0, 2.0):.8f}" if rng.random() < 0.8 else "null"
    return Holding(
        symbol=f"{coin}{suffix}:PERP-{QUOTES.get(exchange, 'USDT')}",
        market_type="perp",
        wallet_type="unified" if unified else "futures",
        is_position=True,
        is_cash=False,
        margined=True,
        amount=padded,
        size=number(amount),
        notional=notional,
        profit=notional * rng.randint(-40_000, 40_000) // 1_000_000,
        funding=funding,
    )
