"""The tests of the bot: pip install 'tread-async[testing]' pytest-asyncio && pytest test_guard_bot.py"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from guard_bot import GuardBot

from tread_async import SessionManager
from tread_async.testing import TreadSimulator

PAIR = "ETH:PERP-USDT"

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("no_backoff")]


@pytest.fixture
def sim(tread_simulator: TreadSimulator) -> TreadSimulator:
    """Three accounts with a leverage of 20, of which A has next to no equity left."""
    for account in ("A", "B", "C"):
        tread_simulator.set_leverage(account, PAIR, 20)
    tread_simulator.set_equity("A", 10)
    return tread_simulator


@pytest_asyncio.fixture
async def bot(sim: TreadSimulator) -> AsyncIterator[GuardBot]:
    async with SessionManager({"desk": sim.tokens[0]}, base_url=sim.url) as desk:
        yield GuardBot(desk, PAIR, 3)


async def test_only_the_account_in_danger_is_touched(sim: TreadSimulator, bot: GuardBot) -> None:
    await bot.run(interval_s=0.01, rounds=4)

    sim.assert_applied_once(account="A", pair=PAIR, leverage=3)
    sim.assert_requests(1, endpoint="set_leverage")


async def test_it_tries_again_when_the_exchange_refuses(sim: TreadSimulator, bot: GuardBot) -> None:
    sim.fail(account="A", status=422, times=2, endpoint="set_leverage")

    await bot.run(rounds=1)

    sim.assert_applied_once(account="A", pair=PAIR, leverage=3)
    sim.assert_requests(3, endpoint="set_leverage")


@pytest.mark.parametrize(
    "fault",
    [
        {"account": "B", "error": True},
        {"account": "B", "missing": True},
        {"account": "B", "stale_s": 600},
        {"retyped_field": "equity"},
        {"status": 403, "html": True},
    ],
)
async def test_it_does_not_act_on_what_it_does_not_know(
    sim: TreadSimulator, bot: GuardBot, fault: dict[str, Any]
) -> None:
    sim.fail(endpoint="cached_balances", **fault)

    await bot.run(rounds=1)

    sim.assert_not_applied()
    assert bot.said[0].startswith("not acting: <Snapshot ")


async def test_it_does_not_act_when_a_balance_gets_older(sim: TreadSimulator, bot: GuardBot) -> None:
    sim.fail(account="B", stopped_clock=True)
    sim.clock.advance(60)

    await bot.run(rounds=1)

    sim.assert_not_applied()
    assert bot.said == ["not acting: <Snapshot 2 ok, 1 stale>"]


async def test_an_unknown_outcome_is_looked_up_and_not_sent_again(sim: TreadSimulator, bot: GuardBot) -> None:
    sim.fail(endpoint="set_leverage", drop="after")
    sim.fail(endpoint="balances", status=500)
    await bot.run(rounds=1)
    assert bot.unsettled
    sim.heal()
    sim.forget()

    await bot.run(rounds=1)

    assert bot.said[-1] == "desk/A: has 3.0"
    assert not bot.unsettled
    sim.assert_requests(0, endpoint="set_leverage")
