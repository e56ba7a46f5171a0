"""What a line of the table says of an account, which accounts have one, their order, and what is marked."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.balances import balance, row
from tread_async import (
    AccountBalances,
    AccountKey,
    Asset,
    Balance,
    CachedAsset,
    Failed,
    Missing,
    Ok,
    Outcome,
    ServerError,
    Snapshot,
    Stale,
)
from tread_async.cli.watch_choice import Choice, Sort
from tread_async.cli.watch_lines import Board, Line, figures_of

BROKEN = ServerError(500, "something\x1b[31m [red]broke[/]")
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=18)
KNOWN = st.none() | AMOUNTS
TYPES = st.sampled_from(["position", "position", "position", "token", None])
ROWS = st.builds(
    CachedAsset,
    symbol=st.sampled_from(["ETH:PERP-USDT", "eth:perp-usdt", "BTC"]),
    amount=AMOUNTS,
    notional=KNOWN,
    unrealized_profit=KNOWN,
    leverage=KNOWN.map(lambda amount: amount and abs(amount)),
    asset_type=TYPES,
)


def snapshot(outcomes: dict[str, Outcome], **more: Any) -> Snapshot:
    return Snapshot(outcomes={AccountKey("desk", name): one for name, one in outcomes.items()}, **more)


def lines(outcomes: dict[str, Outcome], **choice: Any) -> list[Line]:
    return Board(Choice(**choice)).lines(snapshot(outcomes))


def names(found: list[Line]) -> str:
    return "".join(line.key.name for line in found)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=6))
@example([row(leverage="0"), row(leverage="5")])
@example([row(notional="1", unrealized_profit="0"), row(asset_type=None)])
def test_a_sum_is_exact_or_not_known(rows: list[CachedAsset]) -> None:
    """Over the positions; not known where one does not say, or where a row may be one."""
    figures = figures_of(balance("main", *rows))

    positions = [one for one in rows if one.asset_type == "position"]
    certain = all(one.asset_type is not None for one in rows)

    def known(amounts: list[Decimal | None]) -> bool:
        return certain and None not in amounts

    notionals, profits = [one.notional for one in positions], [one.unrealized_profit for one in positions]
    leverages = [one.leverage or None for one in positions]
    assert (figures.positions, figures.rows) == (len(positions) if certain else None, len(rows))
    assert (figures.notional is not None) == known(notionals)
    assert (figures.pnl is not None) == known(profits)
    assert (figures.leverage is not None) == (known(leverages) and bool(positions))
    if figures.notional is not None:
        assert Fraction(figures.notional) == sum(abs(Fraction(one)) for one in notionals)  # type: ignore[arg-type]
    if figures.pnl is not None:
        assert Fraction(figures.pnl) == sum(Fraction(one) for one in profits)  # type: ignore[arg-type]
    if figures.leverage is not None:
        assert figures.leverage == max(leverages)  # type: ignore[type-var]


def test_equity_and_exchange_are_those_that_the_server_states() -> None:
    """A live answer states no equity; nothing is made up from `margin_balance`."""
    asset = Asset(symbol="USDT", size=Decimal(5), margin_balance=Decimal(7), asset_type="token")
    live = Balance(
        AccountKey("desk", "x"), AccountBalances(exchange="Gate", assets=(asset,)), "live", 1.0, 0.0
    )

    assert (figures_of(balance(equity="1.50")).equity, figures_of(live).equity) == (Decimal("1.50"), None)
    assert (figures_of(balance(exchange=None)).exchange, figures_of(live).exchange) == (None, "Gate")


def test_with_a_symbol_only_its_positions_count() -> None:
    """In any case of letters; the equity is that of the account."""
    held = balance("main", row("ETH:PERP-USDT", notional="-3"), row("BTC:PERP-USDT", notional="4"))

    found = lines({"a": Ok(held)}, symbol="eth:Perp-usdt")[0].figures
    assert (found.notional, found.positions, found.rows, found.equity) == (Decimal(3), 1, 1, Decimal(100))


def test_each_outcome_has_a_line() -> None:
    """A failed one keeps its last figures and their age, and says why, without what a terminal would obey."""
    held = balance("a", row(), age_s=9.0)
    found = lines(
        {
            "a": Ok(held),
            "b": Stale(balance("b", age_s=None)),
            "c": Failed(BROKEN, Stale(held)),
            "d": Failed(BROKEN),
            "e": Missing(),
            "f": Stale(held),
        }
    )

    shown = {line.key.name: (line.kind, line.why, line.age_s, line.figures.equity) for line in found}
    broken = "HTTP 500: something  [red]broke[/]"
    assert shown == {
        "a": ("ok", "", 9.0, Decimal(100)),
        "b": ("stale", "of an unknown time", None, Decimal(100)),
        "c": ("failed", broken, 9.0, Decimal(100)),
        "d": ("failed", broken, None, None),
        "e": ("missing", "no answer has it", None, None),
        "f": ("stale", "", 9.0, Decimal(100)),
    }


FITTING = {
    "a": Ok(balance("a", row(notional="-50"), exchange="OKX")),
    "b": Ok(balance("b", row("BTC:PERP-USDT", notional="49.99"), exchange="okx")),
    "c": Ok(balance("c", row(notional=None), exchange="Gate")),
    "d": Ok(balance("d", exchange=None)),
    "e": Failed(BROKEN),
}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, "eabcd"),
        ({"exchange": "Okx"}, "eabd"),
        ({"exchange": "gate"}, "ecd"),
        ({"symbol": "ETH:PERP-USDT"}, "eac"),
        ({"min_notional": Decimal(50)}, "eac"),
        ({"min_notional": Decimal(0)}, "eabcd"),
        ({"exchange": "OKX", "symbol": "BTC:PERP-USDT", "min_notional": Decimal(1)}, "eb"),
    ],
)
def test_whatever_may_fit_has_a_line(choice: dict[str, Any], expected: str) -> None:
    """An account is left out only where it is known not to fit."""
    assert names(lines(FITTING, **choice)) == expected


SORTED = {
    "a": Ok(balance("a", row(notional="1", unrealized_profit="2", leverage="3"), equity="5", age_s=1.0)),
    "b": Ok(balance("b", row(notional="-3", unrealized_profit="-1", leverage="9"), equity="1", age_s=7.0)),
    "c": Ok(balance("c", row(notional="2", unrealized_profit="0", leverage=None), equity=None, age_s=3.0)),
    "d": Missing(),
    "e": Ok(balance("e", row(notional="2", unrealized_profit="0", leverage="3"), equity="-7", age_s=None)),
}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.ACCOUNT, "dabce"),
        (Sort.EQUITY, "dcabe"),
        (Sort.NOTIONAL, "dbcea"),
        (Sort.PNL, "dbcea"),
        (Sort.LEVERAGE, "dcbae"),
        (Sort.AGE, "debca"),
    ],
)
def test_it_is_sorted(sort: Sort, expected: str) -> None:
    """What is not ok first, then what is not known, then from high to low; a loss before a gain."""
    assert names(lines(SORTED, sort=sort)) == expected
    assert names(lines(dict(reversed(SORTED.items())), sort=sort)) == expected


def marks(board: Board, outcomes: dict[str, Outcome]) -> dict[str, set[str]]:
    return {line.key.name: set(line.changed) for line in board.lines(snapshot(outcomes)) if line.changed}


def test_what_changed_is_marked_for_one_update() -> None:
    """By figure; a new account by its name, and a later time of the same figures not at all."""
    board = Board(Choice())
    first = balance("a", row(notional="1"), age_s=1.0)
    moved = balance("a", row(notional="2", leverage="6"), equity="101", age_s=1.0)
    failed = Failed(BROKEN, Stale(moved))

    assert marks(board, {"a": Ok(first)}) == {}
    assert marks(board, {"a": Ok(balance("a", row(notional="1.0"), age_s=2.0))}) == {}
    assert marks(board, {"a": Ok(moved), "b": Missing()}) == {
        "a": {"notional", "leverage", "equity"},
        "b": {"account"},
    }
    assert marks(board, {"a": Ok(moved), "b": Missing()}) == {}
    assert marks(board, {"a": failed, "b": Missing()}) == {"a": {"state"}}
    assert marks(board, {"a": Failed(ServerError(503, "no"), Stale(moved)), "b": Missing()}) == {
        "a": {"state"}
    }
    assert marks(board, {"b": Ok(balance("b", row(), row("BTC")))}) == {
        "b": {"state", "equity", "exchange", "notional", "pnl", "leverage", "positions"}
    }
    assert marks(board, {"a": Ok(moved), "b": Missing()})["a"] == {"account"}
