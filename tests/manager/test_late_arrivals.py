"""A request that nobody has answered for may arrive late, and be taken for the value before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.samples import FAST, LISTED, ONE_TRY, PAIR
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import NotApplied, SessionManager, Unknown
from tread_async._intents import LOST_FOR_S, Intents

NAMES = ["x", "y"]
LISTING = [LISTED | {"id": f"id-{name}", "name": name} for name in NAMES]


def position(leverage: int) -> dict[str, Any]:
    return {"symbol": PAIR, "size": 1, "asset_type": "position", "leverage": leverage}


async def read(exchange: Exchange) -> None:
    """Every position has the leverage of the older call: it has just arrived."""
    if exchange.request.target.startswith("/api/accounts"):
        await exchange.send(reply(LISTING))
    else:
        rows = {name: {"exchange": "Gate", "assets": [position(5)]} for name in NAMES}
        await exchange.send(reply(rows))


@pytest.mark.fault("I2", "I7")
@pytest.mark.parametrize("lost", [500, 504])
async def test_an_older_request_that_arrives_after_a_newer_one(lost: int) -> None:
    """5 is lost, 10 is set but answered with 422s, and 5 arrives: 10 is not said to be not applied."""
    writes = [reply(status=lost), reply(status=422)]
    async with (
        Wire({"POST": writes, "GET": read}) as wire,
        SessionManager({"a": TOKEN}, base_url=wire.url, retry=ONE_TRY) as desk,
    ):
        older = await desk.set_leverage(5, pair=PAIR, accounts=["a/x", "a/y"], verify=False)
        newer = await desk.set_leverage(10, pair=PAIR, accounts=["a/x", "a/y"])

    assert {type(outcome) for outcome in older.outcomes.values()} == {Unknown}
    assert {type(outcome) for outcome in newer.outcomes.values()} == {Unknown}


async def test_an_answer_leaves_nothing_on_its_way() -> None:
    """Where nothing was lost, the same answers to the newer call mean that it was not applied."""
    writes = [reply(), reply(status=422)]
    async with (
        Wire({"POST": writes, "GET": read}) as wire,
        SessionManager({"a": TOKEN}, base_url=wire.url, retry=FAST) as desk,
    ):
        await desk.set_leverage(5, pair=PAIR, accounts=["a/x", "a/y"], verify=False)
        newer = await desk.set_leverage(10, pair=PAIR, accounts=["a/x", "a/y"])

    assert newer.counts == {"applied": 0, "not_applied": 2, "unknown": 0}


async def test_it_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was lost is forgotten after `LOST_FOR_S`, and takes no room from then on."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    intents = Intents()
    monkeypatch.setattr(loop, "time", lambda: now)
    with intents.declared([("p", "a"), ("p", "b")]) as intent:
        intent.part([("p", "a")]).note_lost()
        at_once = [intent.may_arrive_late(("p", name)) for name in "ab"]
        now += LOST_FOR_S + 1.0
        later = intent.may_arrive_late(("p", "a"))
        intent.part([("p", "b")]).note_lost()

    assert (at_once, later) == ([True, False], False)
    assert list(intents._lost._until) == [("p", "b")]


async def test_an_older_write_that_queued_is_not_sent() -> None:
    """5 queues for a slot, and 10 runs out of time behind it: when the slot is free, nothing is sent."""
    reading = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        if exchange.request.target.startswith("/api/balances"):
            await reading.wait()
        await read(exchange)

    async with (
        Wire({"POST": reply(), "GET": slow}) as wire,
        SessionManager({"a": TOKEN}, base_url=wire.url, retry=ONE_TRY, max_in_flight=1) as desk,
    ):
        await desk.accounts()
        blocking = asyncio.create_task(desk.balances())
        await wire.until(requests=2)
        older = asyncio.create_task(desk.set_leverage(5, pair=PAIR, accounts=["a/x"], verify=False))
        await asyncio.sleep(0.005)
        newer = await desk.set_leverage(10, pair=PAIR, accounts=["a/x"], verify=False, deadline_s=0.05)
        reading.set()
        outcomes = {**(await older).outcomes, **newer.outcomes}
        await blocking

    assert wire.count("POST") == 0
    assert [type(outcome) for outcome in outcomes.values()] == [NotApplied]
