"""Figures of other accounts, accounts under two tokens, and totals over them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.desks import desk, kinds
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tread_async import AccountError, AccountKey, Failed, IncompleteSnapshotError


async def test_another_account_of_the_same_name() -> None:
    """A cached row whose id is not the listed one is not that account's balance; the list is renewed."""
    user = User(token="canary-t", accounts=[Held(name="x"), Held(name="y")])
    async with FleetServer(user) as server, desk(server) as manager:
        await manager.accounts()
        user.accounts[0].id = "the id of somebody else"
        snapshot = await manager.balances(source="cached")
        renewed = await manager.balances(source="cached")

    outcome: Any = snapshot.outcomes[AccountKey("a", "x")]
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, AccountError)
    assert kinds(renewed) == {"a/x": "Ok", "a/y": "Ok"}


async def test_ids_of_two_kinds() -> None:
    """Where no id agrees, the two endpoints count differently, and names are all there is."""
    user = User(token="canary-t", accounts=[Held(name="x"), Held(name="y")])
    async with FleetServer(user) as server, desk(server) as manager:
        await manager.accounts()
        for account in user.accounts:
            account.id = f"credential {account.name}"
        snapshot = await manager.balances(source="cached")

    assert kinds(snapshot) == {"a/x": "Ok", "a/y": "Ok"}


async def test_one_account_under_two_tokens() -> None:
    """It is in the snapshot twice, and in the total once."""
    users = [User(token=f"canary-{n}", accounts=[Held(name="x", id="one", equity="7")]) for n in "tu"]
    async with FleetServer(*users) as server, desk(server) as manager:
        snapshot = await manager.balances(source="cached")

    assert kinds(snapshot) == {"a/x": "Ok", "b/x": "Ok"}
    assert snapshot.total_equity() == Decimal(7)


async def test_a_new_account_is_missing_from_a_total() -> None:
    """While an account is there that is not listed yet, there is no total of all, but one of some."""
    user = User(token="canary-t", accounts=[Held(name="x"), Held(name="new", listed=False)])
    async with FleetServer(user) as server, desk(server) as manager:
        everything = await manager.balances(source="cached")
        some = await manager.balances(["a/x"], source="cached")

    assert not everything.complete
    with pytest.raises(IncompleteSnapshotError, match="1 more are new"):
        everything.total_equity()
    assert some.total_equity() == Decimal(10)
