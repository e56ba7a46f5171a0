"""Calls that set the same value: one request at a time, and the newest call wins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.samples import PAIR
from tests.support.wire import TOKEN, Exchange, Step, Wire, reply
from tread_async import NotSentError, OutcomeUnknownError, RetryPolicy, TreadClient, UnprocessableError

BACKOFF = RetryPolicy(attempts=3, base_s=0.03, refused_base_s=0.03, cap_s=0.03)


def set_to(client: TreadClient, leverage: int, *ids: str) -> asyncio.Task[None]:
    return asyncio.create_task(client.set_leverage(leverage, pair=PAIR, account_ids=ids or ["id-1"]))


def leverages(wire: Wire) -> list[str]:
    return [request.json()["leverage"] for request in wire.requests]


@pytest.mark.parametrize(
    ("status", "outcome"), [(500, OutcomeUnknownError), (422, (UnprocessableError, NotSentError))]
)
async def test_an_older_repeat_does_not_overwrite_a_newer_value(status: int, outcome: Any) -> None:
    """5 fails and backs off, 10 is set: 5 is not sent again, and its caller hears what is known of it."""
    async with (
        Wire([reply(status=status), reply()]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=BACKOFF) as client,
    ):
        older = set_to(client, 5)
        await wire.until(requests=1)
        await set_to(client, 10)
        with pytest.raises(outcome, match="newer"):
            await older

    assert leverages(wire) == ["5", "10"]


async def test_one_request_at_a_time_for_one_account() -> None:
    """While 5 is under way nothing else is sent for the account; of 7 and 10 only the newest is sent."""
    release = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await release.wait()
        await exchange.send(reply())

    async with Wire([held, reply()]) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        calls = [set_to(client, 5)]
        await wire.until(requests=1)
        calls += [set_to(client, 7), set_to(client, 10)]
        await asyncio.sleep(0.01)
        before = leverages(wire)
        release.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)

    assert before == ["5"]
    assert leverages(wire) == ["5", "10"]
    assert [type(outcome) for outcome in ended] == [type(None), NotSentError, type(None)]
    assert str(ended[1]).startswith("POST /api/set_leverage/: a newer call")


async def test_other_accounts_and_pairs_do_not_wait() -> None:
    """Calls about other accounts, pairs or fields are under way at the same time."""
    everyone, calls = asyncio.Event(), 4
    arrived: list[int] = []

    async def together(exchange: Exchange) -> None:
        arrived.append(1)
        if len(arrived) == calls:
            everyone.set()
        await everyone.wait()
        await exchange.send(reply())

    async with Wire(together) as wire, TreadClient(TOKEN, base_url=wire.url, deadline_s=5) as client:
        await asyncio.gather(
            client.set_leverage(5, pair=PAIR, account_ids=["id-1"]),
            client.set_leverage(5, pair=PAIR, account_ids=["id-2"]),
            client.set_leverage(5, pair="BTC:PERP-USDT", account_ids=["id-1"]),
            client.update_account("id-1", margin_mode="CROSS"),
        )

    assert len(wire.requests) == calls


async def test_batches_that_overlap_do_not_wait_for_each_other_for_ever() -> None:
    """Batches that name the same accounts in opposite orders both end."""
    async with Wire(reply()) as wire, TreadClient(TOKEN, base_url=wire.url, deadline_s=5) as client:
        ended = await asyncio.gather(
            *[set_to(client, n, *ids) for n, ids in enumerate([("a", "b"), ("b", "a")] * 20, start=1)],
            return_exceptions=True,
        )

    assert {type(outcome) for outcome in ended} <= {type(None), NotSentError}
    assert ended[-1] is None
    assert leverages(wire)[-1] == "40"


async def test_margin_modes_of_one_account_take_turns_too() -> None:
    """CROSS fails and backs off, ISOLATED is set: CROSS is not sent again."""
    async with (
        Wire([reply(status=500), reply()]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=BACKOFF) as client,
    ):
        older = asyncio.create_task(client.update_account("id-1", margin_mode="CROSS"))
        await wire.until(requests=1)
        await client.update_account("id-1", margin_mode="ISOLATED")
        with pytest.raises(OutcomeUnknownError, match="newer"):
            await older

    assert [request.json()["margin_mode"] for request in wire.requests] == ["CROSS", "ISOLATED"]


@pytest.mark.parametrize("ending", ["deadline", "cancel", "close"])
async def test_waiting_for_a_turn_ends(ending: str) -> None:
    """A call that waits for another one ends at its deadline, when cancelled, and on closing; unsent."""

    async def never(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    step: Step = never
    async with Wire(step) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        first = set_to(client, 5)
        await wire.until(requests=1)
        deadline_s = 0.03 if ending == "deadline" else 9
        later = client.set_leverage(6, pair=PAIR, account_ids=["id-1"], deadline_s=deadline_s)
        waiting = asyncio.create_task(later)
        await asyncio.sleep(0.005)
        if ending == "cancel":
            waiting.cancel()
        elif ending == "close":
            await client.close()
        outcome: Any = (await asyncio.gather(waiting, return_exceptions=True))[0]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    named = {"deadline": "NotSentError", "cancel": "CancelledError", "close": "ClientClosedError"}
    assert type(outcome).__name__ == named[ending]
    assert leverages(wire) == ["5"]
