"""Answers in another schema than the documented one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tread_async.simulator import Simulator
from tread_async.simulator.drift import FIELDS, drifted

PATHS = {
    "balances": "/api/balances/",
    "cached_balances": "/api/sor/get_cached_account_balance",
    "accounts": "/api/accounts/",
}
INSIDE = {"unified", "spot", "futures", "default"}  # of credential_options, which nobody documents


def objects(value: object) -> Iterator[dict[str, Any]]:
    """Every object in it, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def of_accounts(endpoint: str, content: Any) -> dict[str, Any]:
    """What an answer says of each account."""
    if endpoint == "balances":
        return dict(content)
    listed = content if endpoint == "accounts" else content["balances"]
    return {one["name" if endpoint == "accounts" else "account_name"]: one for one in listed}


@pytest.fixture
def read(ask: Callable[..., Any]) -> Callable[..., Any]:
    async def one(endpoint: str) -> dict[str, Any]:
        return of_accounts(endpoint, (await ask("GET", PATHS[endpoint])).json())

    return one


@pytest.mark.parametrize("endpoint", PATHS)
async def test_the_documented_fields(read: Callable[..., Any], endpoint: str) -> None:
    """What a fault may name is what answers have."""
    named = {name for account in (await read(endpoint)).values() for one in objects(account) for name in one}

    assert named - INSIDE == FIELDS[endpoint]


@pytest.mark.parametrize("endpoint", PATHS)
async def test_a_field_more(sim: Simulator, read: Callable[..., Any], endpoint: str) -> None:
    """In every object, and nothing else is different."""
    before = await read(endpoint)
    sim.fail(endpoint=endpoint, extra_field="surprise")
    after = await read(endpoint)

    assert all(one.pop("surprise") == "new" for account in after.values() for one in objects(account))
    assert after == before


@pytest.mark.parametrize(
    ("endpoint", "field"), [("balances", "size"), ("cached_balances", "equity"), ("accounts", "exchange")]
)
async def test_a_field_less(sim: Simulator, read: Callable[..., Any], endpoint: str, field: str) -> None:
    """Of one account only, if it is said which."""
    name = sim.accounts()[1].name
    sim.fail(account=name, without_field=field)
    accounts = await read(endpoint)

    assert {name for name, one in accounts.items() if not any(field in each for each in objects(one))} == {
        name
    }
    assert len(accounts) == 6


@pytest.mark.parametrize(
    ("endpoint", "field"), [("balances", "size"), ("cached_balances", "equity"), ("accounts", "exchange")]
)
async def test_a_field_of_another_type(
    sim: Simulator, read: Callable[..., Any], endpoint: str, field: str
) -> None:
    """An object that holds what was there."""
    before = await read(endpoint)
    sim.fail(endpoint=endpoint, retyped_field=field)
    after = await read(endpoint)

    for name, account in after.items():
        held = [one[field]["value"] for one in objects(account) if field in one]
        assert held == [one[field] for one in objects(before[name]) if field in one]


async def test_a_write_is_not_touched(ask: Callable[..., Any], sim: Simulator) -> None:
    """It does not count either."""
    sim.fail(without_field="size", times=1)
    await ask("POST", "/api/set_leverage/", {"leverage": "5", "pair": "ETH:PERP-USDT"})

    assert b'"size"' not in (await ask("GET", PATHS["balances"])).body


def test_figures_keep_every_digit() -> None:
    """No float is made of them."""
    figures = '{"a":0.10000000000000000000001,"b":[1.0,-3E-7,12345678901234567890],"c":null,"d":"\\u00e9"}'

    changed = drifted(figures.encode(), "e", None, None).decode()

    assert re.sub(r',"e":"new"', "", changed) == figures
    assert json.loads(changed)["e"] == "new"
