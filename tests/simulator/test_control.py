"""Faults that are set over HTTP: one that cannot be is a sentence that names the field."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import aiohttp
import pytest

from tread_async.simulator import Fault, Simulator
from tread_async.simulator.control import _KINDS


async def added(faults: object) -> tuple[int, dict[str, Any]]:
    """What the simulator answers; a text is sent as it is."""
    body = faults if isinstance(faults, str) else json.dumps(faults)
    async with (
        Simulator(accounts=1) as sim,
        aiohttp.ClientSession() as session,
        session.post(f"{sim.url}/_simulator/faults", data=body) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([{"status": 500}, {"colour": "red"}], "fault 2: there is no field 'colour'; there are endpoint, "),
        (["red"], 'fault 1 is an object of its fields, not "red"'),
        ({"status": 500}, "the body is a JSON list of faults"),
        ("[", "the body is a JSON list of faults"),
        ([{"status": "500"}], 'fault 1: status is a whole number, not "500"'),
        ([{"delay_s": None}], "fault 1: delay_s is a number, not null"),
        ([{"status": 500, "headers": ["a"]}], 'fault 1: headers is an object of texts, not ["a"]'),
        ([{"status": 500, "headers": {"a": 1}}], 'fault 1: headers is an object of texts, not {"a": 1}'),
        ([{"missing": "yes"}], 'fault 1: missing is true or false, not "yes"'),
        ([{"status": True}], "fault 1: status is a whole number, not true"),
        ([{"endpoint": "nope", "status": 500}], "fault 1: endpoint must be one of "),
        ([{"apply": ["all"], "status": 500}], 'fault 1: apply is a text, not ["all"]'),
        ([{}], "fault 1: a fault needs something to do"),
    ],
)
async def test_a_fault_that_cannot_be(faults: object, said: str) -> None:
    """None of the list is added."""
    status, answer = await added(faults)

    assert status == 400
    assert answer["message"].startswith(said)
    assert "()" not in answer["message"]


async def test_every_field_can_be_given() -> None:
    """A text, a number, a flag; the body as a text."""
    one = {
        "endpoint": "cached_balances",
        "account": None,
        "error": "no",
        "stale_s": 3,
        "chance": 0.5,
        "nth": 1,
    }

    assert {field.name for field in fields(Fault)} == set(_KINDS)
    assert await added([one, {"status": 500, "body": "no", "html": False}]) == (200, {"added": 2})
