"""What a 429 says of when to come back, for a read and for a write: kept to the letter, or ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.passing import untimed
from tests.support.samples import ABSOLUTE, DONE, READS
from tests.support.wire import Wire, reply
from tread_async import RateLimitedError

CALLS = {"accounts": READS["accounts"], "set_leverage": ABSOLUTE["set_leverage"]}
NOW, THEN = "Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 08:00:04 GMT"
DATE = {"Retry_After": THEN, "Date": NOW}
# The least wait and the longest, where a wait without a hint is drawn from 0 to 1 s.
HINTS: dict[str, tuple[dict[str, str], float, float]] = {
    "two seconds": ({"Retry_After": "2"}, 2.0, 2.2),
    "a date": (DATE, 4.0, 4.4),
    "below zero": ({"Retry_After": "-1"}, 0.0, 1.0),
    "an exponent": ({"Retry_After": "1e9"}, 0.0, 1.0),
    "no number": ({"Retry_After": "nan"}, 0.0, 1.0),
    "empty": ({"Retry_After": ""}, 0.0, 1.0),
    "absent": ({}, 0.0, 1.0),
}


@pytest.mark.fault("F19", "I6")
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("hint", HINTS)
async def test_hint(connect: Callable[..., Any], name: str, hint: str) -> None:
    """The wait is at least what was asked, and spread by a tenth of it; what asks for none changes none."""
    headers, least, longest = HINTS[hint]
    found = []
    for chance in (0.0, 1.0):
        async with Wire([reply(status=429, **headers), reply([] if name == "accounts" else DONE)]) as wire:
            client = await connect(wire, retry=None)
            waits = untimed(client, chance=chance)
            await CALLS[name](client)

        assert len(wire.requests) == 2
        found += waits

    assert found == [pytest.approx(least), pytest.approx(longest)]


@pytest.mark.fault("F19", "I6")
@pytest.mark.parametrize("name", CALLS)
async def test_a_hint_of_two_minutes(connect: Callable[..., Any], name: str) -> None:
    """The call ends at once, without a wait, and its error says what was asked."""
    async with Wire(reply(status=429, Retry_After="120")) as wire:
        client = await connect(wire, retry=None, deadline_s=600.0)
        waits = untimed(client)
        with pytest.raises(RateLimitedError) as caught:
            await CALLS[name](client)

    assert (caught.value.retry_after_s, waits, len(wire.requests)) == (120.0, [], 1)
