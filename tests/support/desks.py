"""Managers of the servers that tests start, and what a report says in few words."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tests.support.samples import FAST
from tread_async import AccountKey, Applied, SessionManager
from tread_async.simulator import Simulator

FOUR_TRIES: Final = msgspec.structs.replace(FAST, attempts=4)  # as leverage has by default
BACKOFF: Final = msgspec.structs.replace(FOUR_TRIES, base_s=0.1, refused_base_s=0.1, cap_s=0.1)


def desk(server: Any, **options: Any) -> SessionManager:
    """A fast manager of every token of *server*; the credentials are called a, b, c, ..."""
    credentials = dict(zip(string.ascii_lowercase, server.tokens, strict=False))
    return SessionManager(credentials, **({"base_url": server.url, "retry": FOUR_TRIES} | options))


def keys(credential: str, names: Iterable[str]) -> list[AccountKey]:
    return [AccountKey(credential, name) for name in names]


def every_key(sim: Simulator) -> list[AccountKey]:
    """The accounts of all tokens, in the order of their lists."""
    return [
        AccountKey(string.ascii_lowercase[user], account.name)
        for user in range(len(sim.tokens))
        for account in sim.accounts(user)
    ]


def kinds(report: Any) -> dict[str, str]:
    """``{"a/x": "Applied"}``"""
    return {str(key): type(outcome).__name__ for key, outcome in report.outcomes.items()}


def errors(report: Any) -> dict[str, Any]:
    """The error of each account that is not applied."""
    outcomes = report.outcomes.items()
    return {str(key): outcome.error for key, outcome in outcomes if not isinstance(outcome, Applied)}


def leverages(sim: Simulator, pair: str, user: int = 0) -> dict[str, str]:
    return {account.name: account.leverage.get(pair, "-") for account in sim.accounts(user)}


def half_a_minute_passes(manager: SessionManager) -> None:
    """As far as the age of lists goes."""
    assert manager._fleet is not None
    for roll in manager._fleet.directory._rolls.values():
        roll._tried_at -= 31.0


def left_behind(manager: SessionManager) -> tuple[Any, ...]:
    """What calls that have ended could have left: intents, calls that are expected, slots that are taken."""
    fleet = manager._fleet
    assert fleet is not None
    taken = fleet._slots.free - manager._most
    return (dict(fleet._intents._held), set(fleet._intents._expected), taken)


NOTHING: Final[tuple[Any, ...]] = ({}, set(), 0)


async def backing_off(manager: SessionManager) -> None:
    """Returns when a call of the first token has failed and waits to repeat, `BACKOFF` from then."""
    fleet = manager._fleet
    assert fleet is not None
    calls = fleet.lines["a"].calls
    calls._chance = lambda: 1.0
    while not calls.stats().retries:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)
