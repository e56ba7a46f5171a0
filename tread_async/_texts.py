"""Texts that repeat, kept once: most rows name one of a few symbols, wallets and modes.

A text of its own takes more than half the memory of an amount, and a row has three.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

__all__ = ["Repeated"]

_MOST: Final = 10_000
_LONGEST: Final = 64
# The commonest, which are found without being made. Any other takes a tenth of a microsecond more.
_WORDS: Final = (
    "token", "position", "spot", "perp", "unified", "future", "futures", "option", "ISOLATED", "CROSS",
    "CASH", "SPOT_ISOLATED", "Binance", "BinancePM", "Bybit", "OKX", "OKXDEX", "OKXOTC", "Gate",
    "Bitget", "Deribit", "Coinbase", "Hyperliquid", "Aster", "Pacifica", "Paradex",
)  # fmt: skip
_COINS: Final = (
    "BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "LINK", "AVAX", "LTC", "DOT", "SUI", "APT", "ARB",
    "OP", "NEAR", "ATOM", "UNI", "AAVE", "SHIB", "WIF", "HYPE", "TRX", "PEPE", "TON", "BCH", "XLM",
    "HBAR", "ETC", "FIL", "ICP", "INJ", "SEI", "TIA", "LDO", "ENA", "ONDO", "WLD", "JUP", "RENDER",
    "TAO", "FET", "BONK", "CRV", "MKR",
)  # fmt: skip


class _Seen(dict[str, str]):
    """Text to the text that was seen first, in C where it was."""

    def __missing__(self, text: str) -> str:
        if len(text) <= _LONGEST:
            if len(self) >= _MOST:
                self.clear()  # a server that never repeats itself must not fill the memory
            self[text] = text
        return text


if TYPE_CHECKING:
    Repeated = str
else:

    class Repeated(enum.Enum):
        """Marks a `str` field whose texts repeat. What it holds is a plain text.

        msgspec looks the values of an enum up by their bytes, and asks `_missing_` for what others mean.
        """

        USDT = "USDT"

    Repeated._value2member_map_ = {
        text: text
        for text in (
            *_WORDS,
            *("USDT", "USDC", "USD", "FDUSD", "USDE", "DAI"),
            *_COINS,
            *(f"{coin}:PERP-{quote}" for coin in _COINS for quote in ("USDT", "USDC")),
        )
    }
    Repeated._missing_ = _Seen().__getitem__
