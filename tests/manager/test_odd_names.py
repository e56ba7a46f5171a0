"""Names and modes that a server lists are its text: what repeats them is short and prints nothing odd."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.support.desks import desk
from tests.support.samples import DONE, ONE_TRY
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import ALL, AccountKey, IncompleteSnapshotError, SessionManager, TreadError, UsageError

ODD: Final = "\x1b[2J\u202ex\n\x07" + "y" * 900  # clears a terminal, turns text round, rings, fills a log
KEY: Final = AccountKey("a", ODD)


def listed(**fields: Any) -> dict[str, Any]:
    return {"id": "id-x", "name": ODD, "exchange": "Gate"} | fields


def server(*accounts: dict[str, Any], cached: Any = None) -> Wire:
    async def get(exchange: Exchange) -> None:
        of_list = exchange.request.target.startswith("/api/accounts/")
        await exchange.send(reply(list(accounts) if of_list else {"balances": cached or []}))

    return Wire({"GET": get, "PUT": reply(DONE), "POST": reply(DONE)}, tokens=(TOKEN, f"{TOKEN}-b"))


def check(text: str) -> None:
    assert text.isprintable(), text
    assert len(text) < 1300  # two names of 512 characters, and words


async def raised(manager: SessionManager, **how: Any) -> TreadError:
    with pytest.raises((UsageError, IncompleteSnapshotError)) as caught:
        await manager.balance("id-x", **how)
    return caught.value


async def test_ambiguous() -> None:
    """An id that two accounts have is refused with their names."""
    async with server(listed()) as wire, desk(wire, retry=ONE_TRY) as manager:
        check(str(await raised(manager)))


async def test_missing_and_too_old() -> None:
    """A balance that the answer lacks, or that is too old, is named in the error."""
    old = {"account_name": ODD, "account_id": "id-x", "assets": [], "timestamp_millis": 1}
    for rows in ([], [old]):
        async with server(listed(), cached=rows) as wire:
            wire.tokens = (TOKEN,)
            async with desk(wire, retry=ONE_TRY) as manager:
                check(str(await raised(manager, source="cached", max_age_s=60)))


async def test_listed_twice() -> None:
    """Two accounts of one name are neither read nor written to, and both outcomes say so."""
    twice = [listed(), listed(id="id-y")]
    async with server(*twice) as wire, desk(wire, retry=ONE_TRY) as manager:
        read = await manager.balances()
        written = await manager.update_margin_mode("CROSS", accounts=ALL)
        for result in (read, written):
            check(str(result.outcomes[KEY].error))  # type: ignore[union-attr]


async def test_read_back() -> None:
    """A margin mode that is another than was set."""
    async with server(listed(margin_mode=ODD)) as wire, desk(wire, retry=ONE_TRY) as manager:
        report = await manager.update_margin_mode("CROSS", accounts=ALL)

    check(str(report.outcomes[KEY].error))  # type: ignore[union-attr]


async def test_repr() -> None:
    """What a balance shows of itself."""
    row = {"account_name": ODD, "account_id": "id-x", "assets": []}
    async with server(listed(), cached=[row]) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances(source="cached")

    check(repr(snapshot.ok[KEY]))
