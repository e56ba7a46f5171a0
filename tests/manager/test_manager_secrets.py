"""Whatever servers say or do, nothing that a manager raises, returns or reports shows a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest

from tests.support.canaries import spellings
from tests.support.desks import desk
from tests.support.echoes import FAILURES, QUICK, check
from tests.support.samples import LISTED, PAIR
from tests.support.wire import TOKEN, Exchange, Step, Wire, reply
from tread_async import ALL, SessionManager, TreadError

X: Final = "a/old"
ASKS: Final[dict[str, Callable[[SessionManager], Awaitable[Any]]]] = {
    "balances": lambda manager: manager.balances([X], deadline_s=1),
    "balances cached": lambda manager: manager.balances(source="cached", deadline_s=1),
    "balances auto": lambda manager: manager.balances([X], source="auto", max_age_s=60, deadline_s=1),
    "balance": lambda manager: manager.balance(X, deadline_s=1),
    "balance cached": lambda manager: manager.balance(X, source="cached", deadline_s=1),
    "set_leverage": lambda manager: manager.set_leverage(5, pair=PAIR, accounts=ALL, deadline_s=1),
    "update_margin_mode": lambda manager: manager.update_margin_mode("CROSS", accounts=[X], deadline_s=1),
    "plan_leverage": lambda manager: manager.plan_leverage({PAIR: {X: 5}}, deadline_s=1),
}


def lists_and(failure: Step) -> Step:
    """Lists one account, and answers everything else with *failure*."""

    async def step(exchange: Exchange) -> None:
        asked = exchange.request
        answer = reply([LISTED]) if (asked.method, asked.target) == ("GET", "/api/accounts/") else failure
        await (exchange.send(answer) if isinstance(answer, bytes) else answer(exchange))

    return step


def errors_of(result: Any) -> Iterator[TreadError]:
    """The errors that a snapshot, listing or report holds."""
    for held in (getattr(result, "outcomes", {}), getattr(result, "unlisted", {})):
        for outcome in held.values():
            error = getattr(outcome, "error", outcome)
            if isinstance(error, TreadError):
                yield error


async def ask(manager: SessionManager, name: str) -> int:
    """Asks, searches what comes of it, and says how many errors that were."""
    try:
        result = await (ASKS[name](manager) if name in ASKS else manager.accounts(refresh=True))
    except TreadError as error:
        found = [error]
    else:
        found = list(errors_of(result))
        assert not [form for form in spellings(TOKEN) if form in f"{result!r}{result}"]
    for error in found:
        check(error)
    return len(found)


@pytest.mark.parametrize("failure", FAILURES)
async def test_listed(failure: str) -> None:
    """Calls of all kinds, whose one account is listed and whatever else is asked for fails."""
    for name in ASKS:
        async with Wire(lists_and(FAILURES[failure])) as wire, desk(wire, retry=QUICK) as manager:
            found = await ask(manager, name)
        assert found or name == "plan_leverage"  # its entries say why in words


@pytest.mark.parametrize("failure", FAILURES)
async def test_unlisted(failure: str) -> None:
    """The same where not even the list of accounts comes."""
    for name in (*ASKS, "accounts"):
        async with Wire(FAILURES[failure]) as wire, desk(wire, retry=QUICK) as manager:
            found = await ask(manager, name)
        assert found or name == "plan_leverage"  # its entries say why in words
