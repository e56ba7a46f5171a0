"""The seeded data: the same for the same seed, moving with the clock, and of every kind the docs show."""

from __future__ import annotations

import decimal
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from tread_async.simulator import Simulator
from tread_async.simulator.market import money, units

CACHED = "/api/sor/get_cached_account_balance"
LIVE = "/api/balances/"
LISTED = "/api/accounts/"


async def read(sim: Simulator, path: str, user: int = 0) -> bytes:
    headers = {"Authorization": f"Token {sim.tokens[user]}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(sim.url + path) as got:
        return await got.read()


async def everything(clock: Any, **arguments: Any) -> list[bytes]:
    async with Simulator(clock=clock, **arguments) as sim:
        tokens = json.dumps(sim.tokens).encode()
        return [tokens, *[await read(sim, path) for path in (LIVE, CACHED, LISTED)]]


async def test_same_seed(clock: Any) -> None:
    """The same seed and time give the same tokens and replies, byte for byte; another seed gives others."""
    first = await everything(clock, seed=5)

    assert await everything(clock, seed=5) == first
    assert all(one != other for one, other in zip(await everything(clock, seed=6), first, strict=True))


async def test_pure_function_of_time(clock: Any) -> None:
    """Balances depend on the time alone: not on what was asked before, nor on how time got there."""
    async with Simulator(clock=clock) as sim:
        start = clock.now
        first = [await read(sim, LIVE), await read(sim, CACHED)]
        clock.now = start + 1000
        assert [await read(sim, LIVE), await read(sim, CACHED)] != first
        clock.now = start

        assert [await read(sim, LIVE), await read(sim, CACHED)] == first


async def test_own_phases(clock: Any) -> None:
    """Accounts re-price one by one: after a second some have moved and some have not; after ten all have."""
    async with Simulator(clock=clock) as sim:
        before = json.loads(await read(sim, LIVE))
        clock.now += 1
        soon = json.loads(await read(sim, LIVE))
        clock.now += 9
        later = json.loads(await read(sim, LIVE))

    assert 0 < sum(soon[name] != before[name] for name in before) < len(before)
    assert all(later[name] != before[name] for name in before)


async def test_cached_ages(clock: Any) -> None:
    """Cached accounts are seconds old, a few are minutes old, none is from the future."""
    async with Simulator(accounts=200, assets=1, clock=clock) as sim:
        balances = json.loads(await read(sim, CACHED))["balances"]

    ages = sorted(clock.now - balance["timestamp_millis"] / 1000 for balance in balances)
    assert ages[0] >= 0
    assert ages[100] < 20
    assert 60 < ages[-1] < 500


async def test_live_and_cached_agree(clock: Any) -> None:
    """At the moment the cache was filled, the live call said the same figures."""
    async with Simulator(clock=clock) as sim:
        balances = json.loads(await read(sim, CACHED))["balances"]
        assert balances
        for balance in balances:
            clock.now = balance["timestamp_millis"] / 1000 + 0.001
            live = json.loads(await read(sim, LIVE), parse_float=Decimal)[balance["account_name"]]["assets"]
            for was, now in zip(balance["assets"], live, strict=True):
                assert Decimal(was["amount"]) == now["size"]
                assert Decimal(was["notional"]) == now["notional"]


def rows(balances: list[Any]) -> Iterator[tuple[Any, Any]]:
    for balance in balances:
        for row in balance["assets"]:
            yield balance, row


async def test_kinds_of_rows(clock: Any) -> None:
    """There are longs, shorts, contracts, dust with an exponent, trailing zeros, huge amounts and nulls."""
    async with Simulator(accounts=48, clock=clock) as sim:
        balances = json.loads(await read(sim, CACHED))["balances"]
    found = list(rows(balances))
    positions = [row for _, row in found if row["asset_type"] == "position"]

    assert {row["amount"].startswith("-") for row in positions} == {True, False}
    assert all(row["amount"].startswith("-") == row["notional"].startswith("-") for row in positions)
    assert any(row["amount"] == "1.7E-7" for _, row in found)
    assert any(re.fullmatch(r"-?\d+\.\d*0{10}", row["amount"]) for row in positions)
    assert any(Decimal(row["amount"]) > 10**9 for _, row in found)
    assert {row["wallet_type"] for _, row in found} == {"unified", "spot", "futures"}
    assert {row["margin_balance"] is None for _, row in found} == {True, False}
    assert any(balance["equity"] is None for balance in balances)
    contracts = [row for balance, row in found if balance["exchange_name"] == "OKX" and row in positions]
    assert all(Decimal(row["amount"]) == int(Decimal(row["amount"])) for row in contracts)


async def test_margin_balance_repeats(clock: Any) -> None:
    """A unified account repeats one margin balance on every row: its tokens' worth and its profit."""
    async with Simulator(accounts=["one", "two"], clock=clock) as sim:
        balance = json.loads(await read(sim, CACHED))["balances"][1]

    assert balance["exchange_name"] == "Bybit"
    assert {row["margin_balance"] for row in balance["assets"]} == {balance["equity"]}
    tokens = sum(Decimal(row["notional"]) for row in balance["assets"] if row["asset_type"] == "token")
    profit = sum(
        Decimal(row["unrealized_profit"]) for row in balance["assets"] if row["asset_type"] == "position"
    )
    assert tokens + profit == Decimal(balance["equity"])


async def test_margins(clock: Any) -> None:
    """A position takes its notional over its leverage as initial margin, and less to maintain it."""
    async with Simulator(clock=clock) as sim:
        balances = json.loads(await read(sim, CACHED))["balances"]
    positions = [row for _, row in rows(balances) if row["asset_type"] == "position"]
    assert positions
    for row in positions:
        initial, notional = Decimal(row["initial_margin"]), abs(Decimal(row["notional"]))
        assert abs(initial - notional / Decimal(row["leverage"])) < Decimal("1e-7")
        assert 0 < Decimal(row["maint_margin"]) < initial


async def test_shares(clock: Any) -> None:
    """``notional_pct_total`` adds up to one within a market type."""
    async with Simulator(clock=clock) as sim:
        accounts = json.loads(await read(sim, LIVE))
    assert accounts
    assert all(account["assets"] for account in accounts.values())
    for account in accounts.values():
        for market in {row["market_type"] for row in account["assets"]}:
            total = sum(
                row["notional_pct_total"] for row in account["assets"] if row["market_type"] == market
            )
            assert abs(total - 1) < 0.0001


async def test_sizes(clock: Any) -> None:
    """Any number of rows can be had, none too, and symbols differ within an account."""
    for assets in (0, 1, 2, 120):
        async with Simulator(accounts=8, assets=assets, clock=clock) as sim:
            balances = json.loads(await read(sim, CACHED))["balances"]
            assert len(balances) == 8
            for balance in balances:
                assert len({row["symbol"] for row in balance["assets"]}) == len(balance["assets"]) == assets
                assert balance["equities"]


async def test_deaf_to_decimal_context(clock: Any) -> None:
    """A caller's decimal context changes nothing."""
    first = await everything(clock, seed=5)
    with decimal.localcontext(prec=3):
        assert await everything(clock, seed=5) == first


@given(st.integers(-(10**30), 10**30))
def test_money_is_exact(amount: int) -> None:
    """Money as text is the same number, without exponent or trailing zeros."""
    text = money(amount)

    assert Decimal(text) == Decimal(amount).scaleb(-8, decimal.Context(prec=60))
    assert re.fullmatch(r"-?\d+(\.\d{0,7}[1-9])?", text)


@given(st.integers(0, 10**20))
def test_units_read_money(amount: int) -> None:
    """What ``money`` writes, ``units`` reads."""
    assert units(money(amount)) == amount
