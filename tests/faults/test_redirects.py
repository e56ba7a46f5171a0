"""No redirect is followed, wherever it leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import EVERY, READS, answering, count_of
from tests.support.wire import Wire, reply
from tread_async import OutcomeUnknownError, ProtocolError

PLACES = {
    "another origin": "{other}/api/accounts/",
    "a slash more": "/api/accounts/",
    "a slash less": "/api/accounts",
    "nowhere": "",
}


STATUSES = (301, 302, 303, 307, 308)


@pytest.mark.fault("F21", "I9")
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("place", PLACES)
async def test_redirect(connect: Callable[..., Any], name: str, place: str) -> None:
    """Of each kind one request, and not a byte to the other origin: a read fails, and a write is unknown."""
    async with Wire(reply([])) as other:
        location = PLACES[place].format(other=other.url)
        for status in STATUSES:
            async with Wire(answering(name, reply(b"", status, Location=location))) as wire:
                client = await connect(wire)
                with pytest.raises(ProtocolError if name in READS else OutcomeUnknownError, match="redirect"):
                    await EVERY[name](client)

            assert count_of(wire, name) == 1

    assert (other.connections, other.heard_bytes) == (0, 0)
