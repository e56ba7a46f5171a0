"""Every coroutine of a client, cancelled at each suspension: nothing is sent after, all is free."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, FAST, ONE_TRY, READS, create
from tests.support.suspensions import cancelled_at_every_suspension
from tread_async import OutcomeUnknownError, RetryPolicy, TreadClient
from tread_async.simulator import Simulator

IMPATIENT = RetryPolicy(attempts=2, attempt_timeout_s=0.02, base_s=0.001, refused_base_s=0.001, cap_s=0.001)
SERVERS: dict[str, list[dict[str, Any]]] = {
    "ok": [],
    "500 and then ok": [{"status": 500, "times": 1}],
    "timeout": [{"delay_s": 5.0}],
}


async def archive(client: TreadClient, sim: Simulator) -> Any:
    live = next(account.name for account in sim.accounts() if not account.archived)
    return await client.archive_account(live)


async def unknown(client: TreadClient) -> OutcomeUnknownError:
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    return caught.value


ASKS: dict[str, Any] = {
    **{name: lambda client, _, ask=ask: ask(client) for name, ask in (READS | ABSOLUTE).items()},
    "create_account": lambda client, sim: create(client, name=f"new-{len(sim.journal.requests)}"),
    "archive_account": archive,
}


@pytest.mark.fault("F36", "I11", "I12")
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ASKS)
async def test_cancelled_at_every_suspension(name: str, server: str) -> None:
    async with (
        Simulator(accounts=[f"desk-{number:03}" for number in range(120)], assets=1) as sim,
        TreadClient(sim.tokens[0], base_url=sim.url, retry=IMPATIENT, max_in_flight=2) as client,
    ):
        calls = client._calls
        assert calls is not None

        async def ask() -> Any:
            sim.heal()
            calls._budget.left = 100
            for fault in SERVERS[server]:
                sim.fail(**fault)
            return await ASKS[name](client, sim)

        async def check() -> None:
            sim.heal()
            lane = calls._transport._lane
            assert (lane._free, lane._slots.free) == (2, 2)
            assert not calls._intents._held
            assert not len(calls._transport._deadlines)
            sent = client.stats.requests_sent
            calls._retry = ONE_TRY  # a machine that is busy may take longer than the calls that are cancelled
            assert len(await client.accounts()) > 0
            calls._retry = IMPATIENT
            assert client.stats.requests_sent == sent + 1

        suspensions = await cancelled_at_every_suspension(ask, check)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= 1 + len(sim.journal.requests)

    assert suspensions >= 1
    assert len(sim.journal.requests) <= client.stats.requests_sent


async def test_resolving_is_cancelled_at_every_suspension() -> None:
    async with (
        Simulator(accounts=2, assets=1) as sim,
        TreadClient(sim.tokens[0], base_url=sim.url, retry=FAST) as client,
    ):
        sim.fail(endpoint="create_account", status=500)
        error = await unknown(client)

        async def check() -> None:
            assert len(await client.accounts()) == 2

        ask = functools.partial(error.resolve, deadline_s=5.0)
        assert await cancelled_at_every_suspension(ask, check) >= 1


async def test_opening_and_closing_are_cancelled_at_every_suspension(sim: Simulator) -> None:
    """A client whose block is cancelled leaves nothing open."""

    async def ask() -> None:
        async with TreadClient(sim.tokens[0], base_url=sim.url, retry=IMPATIENT) as client:
            await client.accounts()

    async def check() -> None:
        return

    assert await cancelled_at_every_suspension(ask, check) >= 2


def test_a_swallowed_cancellation_would_be_seen() -> None:
    """The way of testing itself: a coroutine that swallows is found out."""

    async def swallows() -> None:
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    async def check() -> None:
        return

    with pytest.raises(AssertionError, match="at suspension 1 was swallowed"):
        asyncio.run(cancelled_at_every_suspension(swallows, check))
