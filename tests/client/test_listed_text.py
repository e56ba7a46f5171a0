"""What a list says around a write is server text: it shows no secret of the write and prints nothing odd."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from tests.support.echoes import check
from tests.support.samples import API_SECRET, DONE, FAST, create
from tests.support.wire import TOKEN, Exchange, Wire, hang_up, reply
from tread_async import TreadClient, TreadError

ODD: Final = "\x1b[2J\u202e" + "y" * 9000


async def refused(script: dict[str, Any], ask: Callable[[TreadClient], Awaitable[Any]]) -> None:
    async with (
        Wire(script) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, deadline_s=0.9) as client,
    ):
        with pytest.raises(TreadError) as caught:
            await ask(client)
    check(caught.value)
    text = f"{caught.value} {getattr(caught.value, 'cause', None)}"
    assert text.isprintable()
    assert len(text) < 1300


@pytest.mark.parametrize("answer", [reply(DONE), hang_up], ids=["acknowledged", "lost"])
async def test_list_that_echoes_the_write_before(answer: Any) -> None:
    """A list that fails after an account was created, and repeats what was sent to create it."""
    bodies = []

    async def post(exchange: Exchange) -> None:
        bodies.append(exchange.request.body.decode())
        await (exchange.send(answer) if isinstance(answer, bytes) else answer(exchange))

    async def listing(exchange: Exchange) -> None:
        await exchange.send(reply({"message": f"while listing: {bodies}"}, 500))

    await refused({"POST": post, "GET": listing}, create)


@pytest.mark.parametrize("answer", [reply(DONE), hang_up], ids=["acknowledged", "lost"])
async def test_exchange(answer: Any) -> None:
    """The exchange on which the account is listed."""
    listed = [{"id": "id-1", "name": "new", "exchange": API_SECRET + ODD}]
    await refused({"POST": answer, "GET": reply(listed)}, create)


async def test_id() -> None:
    """The id of the account that holds a name to archive."""
    script = {"GET": reply([{"id": ODD, "name": "old", "exchange": "Gate"}]), "DELETE": hang_up}
    await refused(script, lambda client: client.archive_account("old", expect_id="other"))
    await refused(script, lambda client: client.archive_account("old"))
