"""The three reads: shapes, filters, and what archived accounts do to them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from tread_async.simulator import Simulator

CACHED = "/api/sor/get_cached_account_balance"
# Copied by hand from the samples of the vendor's Accounts page.
LIVE_KEYS = [
    "symbol", "size", "notional", "market_type", "asset_type", "unrealized_profit", "initial_margin",
    "maint_margin", "margin_balance", "leverage", "notional_pct_total",
]  # fmt: skip
CACHED_KEYS = [
    "exchange_name", "account_name", "user_id", "assets", "equities", "equity", "account_id",
    "timestamp_millis", "username", "transfers", "vcefi_enabled",
]  # fmt: skip
CACHED_ROW_KEYS = [
    "symbol", "amount", "margin_balance", "unrealized_profit", "notional", "wallet_type", "asset_type",
    "funding_fee", "borrowed", "initial_margin", "maint_margin", "leverage", "margin_mode",
]  # fmt: skip
ACCOUNT_KEYS = [
    "id", "name", "user", "username", "exchange", "margin_mode", "created_at", "credential_options",
    "vcefi_enabled", "archived", "wallet_type", "wallet_provider", "vault_address", "egress_ip", "api_key",
    "api_secret", "password",
]  # fmt: skip


def names(sim: Simulator, user: int = 0) -> list[str]:
    return [account.name for account in sim.accounts(user) if not account.archived]


async def test_live_shape(ask: Any, sim: Simulator) -> None:
    """Live balances are keyed by account name and their rows have exactly the documented keys."""
    reply = await ask("GET", "/api/balances/")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert list(reply.json()) == names(sim)
    for account in reply.json().values():
        assert list(account) == ["exchange", "assets"]
        for row in account["assets"]:
            assert list(row) == LIVE_KEYS


async def test_live_numbers(ask: Any) -> None:
    """Live amounts are JSON numbers; leverage is a number for positions and null for tokens."""
    accounts = (await ask("GET", "/api/balances/")).json().values()
    rows = [row for account in accounts for row in account["assets"]]

    assert {type(row[name]) for row in rows for name in ("size", "notional")} == {float}
    assert {(row["asset_type"], type(row["leverage"])) for row in rows} == {
        ("position", float),
        ("token", type(None)),
    }


async def test_cached_shape(ask: Any, sim: Simulator) -> None:
    """Cached balances have the sample's keys, sometimes ``created_at`` on top, and no ``errors``."""
    content = (await ask("GET", CACHED)).json()

    assert list(content) == ["balances"]
    assert [balance["account_name"] for balance in content["balances"]] == names(sim)
    with_date = 0
    for balance in content["balances"]:
        with_date += balance.pop("created_at", None) is not None
        assert list(balance) == CACHED_KEYS
        assert all(list(row) == CACHED_ROW_KEYS for row in balance["assets"])
        assert all(list(equity) == ["total_equity", "market_type"] for equity in balance["equities"])
    assert 0 < with_date < len(content["balances"])


async def test_cached_amounts_are_text(ask: Any) -> None:
    """Cached amounts are decimal strings, and the funding fee is a number or null."""
    balances = (await ask("GET", CACHED)).json()["balances"]
    rows = [row for balance in balances for row in balance["assets"]]

    assert {type(row[name]) for row in rows for name in ("amount", "notional")} == {str}
    assert {type(row["funding_fee"]) for row in rows} <= {float, type(None)}


async def test_empty_errors_switch() -> None:
    """With ``empty_errors`` the cached reply says ``"errors": []``, as the field table has it."""
    async with Simulator(accounts=1, empty_errors=True) as sim:
        headers = {"Authorization": f"Token {sim.tokens[0]}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(sim.url + CACHED) as got:
            content = await got.json()

    assert content["errors"] == []


async def test_accounts_shape(ask: Any, sim: Simulator) -> None:
    """The accounts list is a bare array with the documented keys, secrets masked and the API key in clear."""
    listed = (await ask("GET", "/api/accounts/")).json()

    assert (await ask("GET", "/api/accounts/")).json() == listed
    assert [account["name"] for account in listed] == names(sim)
    for account, truth in zip(listed, sim.accounts(), strict=True):
        assert list(account) == ACCOUNT_KEYS
        assert account["api_secret"] == account["password"] == "*" * 20
        assert account["api_key"] == truth.api_key
        assert len(truth.api_key) == 24


@pytest.mark.parametrize("path", ["/api/balances/", CACHED])
async def test_name_filter(ask: Any, sim: Simulator, path: str) -> None:
    """A comma list selects accounts, and names that do not exist are silently absent."""
    third, first = names(sim)[2], names(sim)[0]
    content = (await ask("GET", f"{path}?account_names={third}%2Cnobody,{first}")).json()

    got = list(content) if path != CACHED else [one["account_name"] for one in content["balances"]]
    assert got == [first, third]


async def test_repeated_filter(ask: Any, sim: Simulator) -> None:
    """Of a repeated key the last value counts, as in Django; an empty one filters nothing."""
    one, two = names(sim)[:2]

    assert list((await ask("GET", f"/api/balances/?account_names={one}&account_names={two}")).json()) == [two]
    assert len((await ask("GET", f"/api/balances/?account_names={one}&account_names=")).json()) == 6


@pytest.mark.parametrize("path", ["/api/balances/", CACHED])
@pytest.mark.parametrize("query", ["", "?account_names="])
async def test_no_filter_means_all(ask: Any, sim: Simulator, path: str, query: str) -> None:
    """Without a filter, and with an empty one, every account is in the answer."""
    content = (await ask("GET", path + query)).json()

    assert len(content["balances"] if path == CACHED else content) == len(names(sim))


async def test_unknown_names_only(ask: Any) -> None:
    """Only unknown names give empty answers, not errors."""
    assert (await ask("GET", "/api/balances/?account_names=nobody")).json() == {}
    assert (await ask("GET", f"{CACHED}?account_names=nobody")).json() == {"balances": []}


async def test_exchange_filter(ask: Any) -> None:
    """``exchange_names`` narrows live balances, and both filters must hold."""
    by_venue = (await ask("GET", "/api/balances/?exchange_names=Bybit,OKX")).json()
    both = (
        await ask("GET", f"/api/balances/?exchange_names=OKX&account_names={next(iter(by_venue))}")
    ).json()

    assert {account["exchange"] for account in by_venue.values()} == {"Bybit", "OKX"}
    assert both == {}


async def test_odd_names() -> None:
    """Names with slashes, spaces and unicode are found percent-encoded; one with a comma is not."""
    odd = ["a/b", "añ日本 x+y", "one,two", 'quote"\\']
    async with Simulator(accounts=odd, assets=1) as sim:
        headers = {"Authorization": f"Token {sim.tokens[0]}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for name, expected in zip(odd, [odd[:1], odd[1:2], [], odd[3:]], strict=True):
                url = URL(f"{sim.url}/api/balances/?account_names={quote(name, safe='')}", encoded=True)
                async with session.get(url) as got:
                    assert list(await got.json()) == expected
            async with session.get(sim.url + CACHED) as got:
                assert [one["account_name"] for one in (await got.json())["balances"]] == odd


@pytest.mark.parametrize(("value", "count"), [("true", 6), ("True", 5), ("1", 5), ("", 5)])
async def test_include_archived(ask: Any, sim: Simulator, value: str, count: int) -> None:
    """Archived accounts are listed only if ``include_archived`` is exactly ``true``."""
    await ask("DELETE", "/api/accounts/", {"name": names(sim)[0]})

    assert len((await ask("GET", f"/api/accounts/?include_archived={value}")).json()) == count


async def test_users_are_apart(ask: Any, sim: Simulator) -> None:
    """Each token sees only its own accounts."""
    assert list((await ask("GET", "/api/balances/", user=1)).json()) == names(sim, 1)
    ids = {account.id for account in sim.accounts(0)} & {account.id for account in sim.accounts(1)}
    assert not ids
