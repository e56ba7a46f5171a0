"""Answers that nobody has asked for, on a connection that is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import READS
from tests.support.wire import Wire, reply

EVIL: dict[str, Any] = {
    "balances": {"evil": {"exchange": "Gate", "assets": []}},
    "cached_balances": {"balances": [{"account_name": "evil", "account_id": "evil", "assets": []}]},
    "accounts": [{"id": "evil", "name": "evil", "exchange": "Gate"}],
    "request": {"evil": 1},
}


@pytest.mark.fault("F33", "I9")
@pytest.mark.parametrize("name", READS)
async def test_a_read_after_an_answer_to_nobody(connect: Callable[..., Any], name: str) -> None:
    """A second answer that comes while the connection is idle is not the answer to the next read."""
    good = {"cached_balances": {"balances": []}, "accounts": []}.get(name, {})
    async with Wire(reply(good)) as wire:
        client = await connect(wire)
        await READS[name](client)
        await wire.say(reply(EVIL[name]), connection=1)
        await asyncio.sleep(0.005)
        found = await READS[name](client)

    assert "evil" not in repr(found)
    assert len(wire.requests) == 2
