"""Any snapshot, for property tests: every kind of outcome, live and cached rows, amounts of any size."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from tread_async import (
    AccountBalances,
    AccountError,
    AccountKey,
    Asset,
    AuthError,
    Balance,
    CachedAccount,
    CachedAsset,
    Failed,
    Missing,
    Ok,
    Outcome,
    ServerError,
    Snapshot,
    Stale,
    TreadError,
)

__all__ = ["AMOUNTS", "amounts", "snapshots"]

TEXTS: Final = st.sampled_from(["BTC", "ETH:PERP-USDT", "é\x9b‮", "交易😀", "a/b", ""])
KEYS: Final = st.builds(AccountKey, st.sampled_from(["desk", "other"]), TEXTS | st.text("abc", max_size=2))
ERRORS: Final[st.SearchStrategy[TreadError]] = st.sampled_from(
    [ServerError(500, "broke"), AuthError(401, "no \x1b[31m"), AccountError("é" * 600)]
)
SAID: Final = st.sampled_from([("no",), ({"account": "x", "n": Decimal("1.50")}, ["y"]), (None, 3)])


def amounts(*, digits: int = 60, lowest: int = -40, highest: int = 40) -> st.SearchStrategy[Decimal]:
    """Of at most so many *digits*, the first of which stands for 10 to *lowest*, ..., *highest*."""

    def made(negative: bool, figures: int, first: int) -> Decimal:
        text = str(figures)
        return Decimal((negative, tuple(map(int, text)), first - len(text) + 1 if figures else 0))

    return st.builds(
        made, st.booleans(), st.integers(0, 10**digits - 1), st.integers(lowest, highest)
    ) | st.sampled_from([Decimal(text) for text in ("0", "-0", "1.50", "1E+1", "0.10", "-0.000")])


AMOUNTS: Final = amounts()


def _balances(of: st.SearchStrategy[Decimal]) -> st.SearchStrategy[Balance]:
    maybe = st.none() | of
    words = st.none() | TEXTS
    common: dict[str, Any] = {"symbol": TEXTS, "notional": maybe, "leverage": maybe, "margin_balance": maybe}
    common |= {"initial_margin": maybe, "asset_type": st.sampled_from([None, "token", "position"])}
    live = st.builds(
        AccountBalances,
        exchange=TEXTS,
        assets=st.lists(st.builds(Asset, size=of, market_type=words, **common), max_size=3).map(tuple),
    )
    cached = st.builds(
        CachedAccount,
        account_name=TEXTS,
        account_id=TEXTS,
        exchange_name=words,
        equity=maybe,
        assets=st.lists(st.builds(CachedAsset, amount=of, borrowed=maybe, **common), max_size=3).map(tuple),
    )
    moments = st.none() | st.sampled_from([0.0, 1_800_000_000.125, 1e15]) | st.floats(0, 4e9)
    ages = st.none() | st.floats(0, 1e6)
    return st.builds(Balance, KEYS, live, st.just("live"), moments, ages) | st.builds(
        Balance, KEYS, cached, st.just("cached"), moments, ages
    )


def snapshots(of: st.SearchStrategy[Decimal] = AMOUNTS) -> st.SearchStrategy[Snapshot]:
    """With amounts *of* a strategy."""
    balances = _balances(of)
    stale = balances.map(Stale)
    outcomes: st.SearchStrategy[Outcome] = (
        balances.map(Ok) | stale | st.builds(Failed, ERRORS, st.none() | stale) | st.builds(Missing)
    )
    tokens = st.sampled_from(["desk", "other"])
    return st.builds(
        Snapshot,
        outcomes=st.dictionaries(KEYS, outcomes, max_size=5),
        unexpected=st.lists(KEYS, max_size=2).map(tuple),
        duplicates=st.lists(KEYS, max_size=1).map(tuple),
        errors=st.dictionaries(tokens, SAID, max_size=1),
        unlisted=st.dictionaries(tokens, ERRORS, max_size=1),
        requests_sent=st.integers(0, 9),
        of_all=st.booleans(),
    )
