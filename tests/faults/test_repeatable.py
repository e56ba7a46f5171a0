"""The same calls, draws and answers give the same bytes on the wire."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.passing import untimed
from tests.support.samples import EVERY
from tests.support.wire import Received, Wire, hang_up, reply
from tread_async import TreadError

STEPS = [
    reply({}, 500), reply({}, 429), hang_up, reply({}), reply([]),
    reply({}, 422), reply({}, 503, Retry_After="1"),
]  # fmt: skip


def line(request: Received) -> tuple[Any, ...]:
    """All of a request but the port of the server."""
    headers = tuple([header for header in request.headers if header[0] != "host"])
    return (request.connection, request.method, request.target, headers, request.body)


@pytest.mark.fault("I14")
async def test_the_same_again(connect: Callable[..., Any]) -> None:
    """Every call over a server that fails in turn: two runs are alike to the byte, and in errors too."""
    runs = []
    for _ in range(2):
        draws = itertools.cycle([0.3, 0.9, 0.0, 0.6])
        async with Wire(STEPS * 20) as wire:
            client = await connect(wire, retry=None, deadline_s=600.0)
            waits, ended = untimed(client), []
            client._calls._chance = lambda draws=draws: next(draws)
            for call in EVERY.values():
                try:
                    ended.append(repr(await call(client)))
                except TreadError as error:
                    ended.append(str(error))
        runs.append(([line(request) for request in wire.requests], waits, ended))

    assert runs[0] == runs[1]
    assert len(runs[0][0]) > len(EVERY)
    assert len(runs[0][1]) > 3
