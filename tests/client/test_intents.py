"""Calls that set the same value: one request at a time, and the newest call wins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.samples import PAIR
from tests.support.wire import TOKEN, Exchange, Step, Wire, reply, stall
from tread_async import NotSentError, OutcomeUnknownError, RetryPolicy, TreadClient, UnprocessableError
from tread_async._codec import requests

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


async def test_a_newer_call_comes_while_an_older_one_queues_for_a_slot() -> None:
    """What waits for a slot when a newer call says otherwise is not sent when it gets one."""
    release = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await release.wait()
        await exchange.send(reply([]))

    async with (
        Wire([held, reply()]) as wire,
        TreadClient(TOKEN, base_url=wire.url, max_in_flight=1) as client,
    ):
        reading = asyncio.create_task(client.accounts())
        await wire.until(requests=1)
        older, newer = set_to(client, 5), set_to(client, 10)
        await asyncio.sleep(0.005)
        release.set()
        ended = await asyncio.gather(reading, older, newer, return_exceptions=True)

    assert [request.json()["leverage"] for request in wire.requests[1:]] == ["10"]
    assert [type(outcome) for outcome in ended] == [tuple, NotSentError, type(None)]
    assert "newer" in str(ended[1])


@pytest.mark.parametrize("left", [False, True])
async def test_a_cancelled_call_that_had_left_may_arrive_late(left: bool) -> None:
    """A call cancelled on the wire has perhaps set its value; one cancelled in the queue has not."""
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, max_in_flight=1) as client,
    ):
        reading = None if left else asyncio.create_task(client.accounts())
        await wire.until(requests=0 if left else 1)
        task = set_to(client, 5)
        await (wire.until(requests=1) if left else asyncio.sleep(0.005))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert client._calls is not None
        intents, request = (
            client._calls._intents,
            requests.set_leverage(leverage="5", pair=PAIR, account_ids=["id-1"]),
        )
        with intents.declared(request.keys) as intent:
            late = [intent.may_arrive_late(key) for key in request.keys]
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    assert late == [left]


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

    sent = [request.json()["margin_mode"] for request in wire.requests if request.method == "PUT"]
    assert sent == ["CROSS", "ISOLATED"]


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
