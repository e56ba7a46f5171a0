"""A simulator in a thread: used from anywhere, and gone when it is closed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Unpack, get_type_hints

import pytest

from tests.support.samples import PAIR
from tread_async import OutcomeUnknownError, RetryPolicy, SessionManager, Stale, TreadClient
from tread_async.simulator import Fault, Simulator
from tread_async.simulator.fault_fields import FaultFields
from tread_async.testing import Clock, TreadSimulator

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def sim() -> Iterator[TreadSimulator]:
    with TreadSimulator() as opened:
        yield opened


def ask(sim: TreadSimulator, path: str = "/api/accounts/") -> tuple[dict[str, str], Any]:
    """Headers and content of an answer, with the whole thread held up."""
    request = urllib.request.Request(sim.url + path, headers={"Authorization": f"Token {sim.tokens[0]}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return dict(answer.headers), json.load(answer)


def wait_for_a_request(sim: TreadSimulator) -> None:
    while not sim.requests:
        time.sleep(0.001)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "tread-simulator"]


async def test_it_answers_while_the_loop_is_held(sim: TreadSimulator) -> None:
    """Nothing of it runs on the loop of the test."""
    assert [account["name"] for account in ask(sim)[1]] == ["A", "B", "C"]


def test_it_is_gone_when_it_is_closed() -> None:
    """Its thread and its socket; what it saw stays, and can be asserted on."""
    with TreadSimulator(accounts=2) as sim:
        ask(sim)
        url = sim.url
        assert threads()

    assert not threads()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=1)
    sim.assert_requests(1, endpoint="accounts")
    assert repr(sim) == "<TreadSimulator not open>"


def test_it_is_closed_when_the_test_fails() -> None:
    """The error passes through."""
    with pytest.raises(ZeroDivisionError), TreadSimulator():
        raise ZeroDivisionError

    assert not threads()


def test_a_process_ends_although_it_is_open() -> None:
    """A test that forgets to close it does not hang the run."""
    script = "from tread_async.testing import TreadSimulator; TreadSimulator().__enter__()"

    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=20)


def test_what_keeps_it_from_opening_is_raised(sim: TreadSimulator) -> None:
    """For example a port that is in use."""
    port = int(sim.url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"), TreadSimulator(port=port):
        pass

    assert len(threads()) == 1


def test_it_can_be_prepared_before_it_is_open() -> None:
    """Faults too."""
    sim = TreadSimulator(accounts=["main"])
    sim.fail(status=500)
    assert sim.account("main").exchange == "Binance"

    with sim, pytest.raises(urllib.request.HTTPError, match="500"):
        ask(sim)


def test_a_mistake_is_raised_where_it_is_made(sim: TreadSimulator) -> None:
    """Not in the thread."""
    with pytest.raises(ValueError, match="needs something to do"):
        sim.fail(endpoint="balances")
    with pytest.raises(ValueError, match="there is no account 'D': there are A, B, C"):
        sim.account("D")
    with pytest.raises(ValueError, match="at least 1"):
        TreadSimulator(tokens=0)


def test_the_same_balances_in_every_run() -> None:
    """The clock stands still, and goes on when it is told to."""
    seen = []
    for _ in range(2):
        with TreadSimulator() as sim:
            seen.append(ask(sim, "/api/balances/")[1])
            sim.clock.advance(60)
            moved = ask(sim, "/api/balances/")[1]

    assert seen[0] == seen[1] != moved


def test_answers_are_dated_by_the_clock(sim: TreadSimulator) -> None:
    """So that ages go by it."""
    sim.clock.advance(3600)

    headers, _ = ask(sim)

    assert parsedate_to_datetime(headers["Date"]).timestamp() == sim.clock() == Clock()() + 3600


async def test_ages_go_by_the_clock(sim: TreadSimulator) -> None:
    """The balance of an account whose time stands still gets older, and those of the others do not."""
    sim.fail(account="A", stopped_clock=True)
    sim.clock.advance(600)

    async with SessionManager({"desk": sim.tokens[0]}, base_url=sim.url) as desk:
        snapshot = await desk.balances(source="cached", max_age_s=300)

    [(key, old)] = [(key, one) for key, one in snapshot.outcomes.items() if isinstance(one, Stale)]
    assert key.name == "A"
    assert old.age_s is not None
    assert 590 < old.age_s < 625


async def test_what_was_put_off_can_be_waited_for(sim: TreadSimulator) -> None:
    """A write that is applied after its connection was lost."""
    sim.fail(endpoint="set_leverage", drop="late", delay_s=0.02)
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=ONCE) as tread:
        with pytest.raises(OutcomeUnknownError):
            await tread.set_leverage(5, pair=PAIR, account_ids=[sim.account("A").id])
    assert sim.changes == []

    sim.settle()

    sim.assert_applied_once(account="A", pair=PAIR, leverage=5)


def test_there_is_nothing_to_wait_for_where_it_is_not_open() -> None:
    """Neither before nor after; that is said, as of its address."""
    sim = TreadSimulator()
    with pytest.raises(RuntimeError, match=r"^the simulator is not open"):
        sim.settle()
    with sim:
        sim.settle()
    with pytest.raises(RuntimeError, match=r"^the simulator is not open"):
        sim.settle()
    sim.assert_not_applied()


@pytest.mark.parametrize("fail", [TreadSimulator.fail, Simulator.fail])
def test_an_editor_knows_the_fields_of_a_fault(fail: Any) -> None:
    """Exactly those of `Fault`, with their types."""
    hints = get_type_hints(fail)

    assert hints["fields"] == Unpack[FaultFields]
    assert get_type_hints(FaultFields) == get_type_hints(Fault)
    assert FaultFields.__required_keys__ == frozenset()


async def test_faults_end(sim: TreadSimulator) -> None:
    """With `heal`."""
    sim.fail(status=500)
    sim.heal()

    assert ask(sim)[1]


def test_accounts_can_be_set_from_outside(sim: TreadSimulator) -> None:
    """Leverage and equity, without a change in the journal."""
    sim.set_leverage("A", PAIR, "12.50")
    sim.set_equity("A", Decimal("100.5"))
    answer = ask(sim, "/api/sor/get_cached_account_balance?account_names=A")[1]["balances"][0]

    assert sim.account("A").leverage[PAIR] == "12.5"
    assert answer["equity"] == "100.5"
    assert {row["leverage"] for row in answer["assets"] if row["symbol"] == PAIR} == {"12.5"}
    assert sim.changes == []


async def test_it_may_be_called_from_a_running_loop_and_returns_at_once(sim: TreadSimulator) -> None:
    """Also while it is answering slowly."""
    sim.fail(delay_s=0.2)
    slow = asyncio.create_task(asyncio.to_thread(ask, sim))
    await asyncio.to_thread(wait_for_a_request, sim)
    began = time.monotonic()
    sim.accounts()
    sim.heal()
    took_s = time.monotonic() - began
    await slow

    assert took_s < 0.1


async def test_the_clock_goes_with_a_simulator_of_the_same_loop() -> None:
    """`Clock` is for `Simulator` too."""
    clock = Clock(1_000_000.0)
    async with Simulator(accounts=1, clock=clock) as sim:
        clock.advance(-5)
        async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
            await tread.accounts()

        assert sim.journal.requests[0].at == 999_995.0
