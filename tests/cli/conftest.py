"""Accounts of whatever simulator a module has."""

from __future__ import annotations

import pytest

from tread_async.simulator import Simulator


@pytest.fixture
def spoilt(sim: Simulator) -> dict[str, str]:
    """The names of the accounts with which something is wrong, by what it is."""
    names = [account.name for account in sim.accounts()]
    spoilt = {"failed": names[1], "missing": names[2], "stale": names[3]}
    sim.fail(endpoint="cached_balances", account=spoilt["failed"], error=True)
    sim.fail(endpoint="cached_balances", account=spoilt["missing"], missing=True)
    sim.fail(endpoint="cached_balances", account=spoilt["stale"], stale_s=9000)
    return spoilt
