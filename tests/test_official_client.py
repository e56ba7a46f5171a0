"""The vendor's own client, pointed at the simulator: the simulator speaks what the vendor expects."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tread_async import TreadClient
from tread_async.simulator import Simulator

pytest.importorskip("requests", reason="taas-api-client needs requests")
vendor_client = pytest.importorskip("taas_api.client", reason="the vendor's client is not installed")
vendor_data = pytest.importorskip("taas_api.data")


async def test_the_vendors_client_reads_balances() -> None:
    """Filtered and unfiltered, it gets the same accounts and sizes as ours."""
    async with Simulator(accounts=5, clock=lambda: 1_790_000_000.0) as sim:
        theirs = vendor_client.Client(sim.url, sim.tokens[0])
        names = [account.name for account in sim.accounts(0)]
        everything = await asyncio.to_thread(theirs.get_balances)
        two = await asyncio.to_thread(theirs.get_balances, None, names[:2])
        async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
            ours = await tread.balances()

    assert set(two) == set(names[:2])
    assert set(everything) == set(ours)
    for name, account in ours.items():
        for row, asset in zip(everything[name]["assets"], account.assets, strict=True):
            assert (row["symbol"], float(asset.size)) == (asset.symbol, row["size"])


async def test_the_vendors_client_sets_leverage() -> None:
    """What it sets is in the journal, and our client reads it back."""
    async with Simulator(accounts=2) as sim:
        account = sim.accounts(0)[0]
        pair = next(iter(account.leverage))
        theirs = vendor_client.Client(sim.url, sim.tokens[0])
        request = vendor_data.SetLeverageRequest(account_ids=[account.id], pair=pair, leverage="7")
        said = await asyncio.to_thread(theirs.set_leverage, request)
        async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
            rows = (await tread.balances([account.name]))[account.name].assets

    assert said == {"message": "Leverage changed successfully."}
    assert [change.account_id for change in sim.journal.changes] == [account.id]
    assert [row.leverage for row in rows if row.symbol == pair] == [Decimal(7)]
