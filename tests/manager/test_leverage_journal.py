"""No outcome is a lie: what a report says is held against everything that the server ever set.

`NotApplied` of an account that was set by the call, at once or later, is the worst that could happen.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.desks import desk, every_key, kinds
from tests.support.leverage_server import AFTERWARDS, DONE, FOR_EVER, HANG_UP, Act, LeverageServer
from tests.support.samples import FAST, NOON, PAIR
from tread_async import (
    ALL,
    AccountKey,
    Applied,
    LeverageReport,
    NotApplied,
    OutcomeUnknownError,
    SessionManager,
    Unknown,
)
from tread_async.reports import Verification
from tread_async.simulator import Simulator

WANTED: Final = Decimal(7)
# A late answer is one that comes when its attempt is over.
TWICE: Final = msgspec.structs.replace(FAST, attempts=2)
IMPATIENT: Final = msgspec.structs.replace(TWICE, attempt_timeout_s=0.03)
CASES: Final = settings(
    max_examples=100,  # on each of the two event loops
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the guard against leaks sees them all
)

SETS: Final = st.sampled_from(["all", "odd", "none"])
STATUSES: Final = st.sampled_from([422, 422, 422, 500, 502, 503, HANG_UP, HANG_UP, 429, 400, 403])
LATER: Final = st.sampled_from([0.0, 0.0, 0.002, AFTERWARDS])
FAILURES: Final = st.builds(Act, status=STATUSES, sets=SETS, later_s=LATER)
ODD: Final = st.sampled_from([Act(wait_s=0.04), Act(body=b'{"mess'), Act(body=b'{"error": "no"}'), DONE])
# Few kinds of failure, many times: a mixture of all kinds would soon succeed by chance.
SCRIPTS: Final = st.lists(st.one_of(FAILURES, FAILURES, FAILURES, ODD), min_size=1, max_size=3).flatmap(
    lambda some: st.lists(st.sampled_from(some), max_size=40)
)


@st.composite
def servers(draw: st.DrawFn) -> LeverageServer:
    """Some accounts, of which some are refused, and what becomes of the first requests."""
    names = [f"x{number}" for number in range(draw(st.integers(1, 7)))]
    one = st.sampled_from(names)
    return LeverageServer(
        {name: draw(st.sampled_from(["3", "3", "3", "7", None])) for name in names},
        draw(SCRIPTS),
        draw(st.dictionaries(one, st.sampled_from([1, 2, 3, FOR_EVER]), max_size=2)),
    )


@st.composite
def faults(draw: st.DrawFn, ids: list[str]) -> dict[str, Any]:
    """One fault of the simulator that keeps to what its answers mean."""
    fault: dict[str, Any] = {"endpoint": "set_leverage"}
    fault["account"] = draw(st.sampled_from(ids))
    fault["times"] = draw(st.sampled_from([1, 2, 5, None]))
    fault["chance"] = draw(st.sampled_from([1.0, 1.0, 0.5]))
    kind = draw(st.sampled_from(["refused", "refused", "failed", "failed", "dropped", "cut", "unreadable"]))
    if kind == "refused":
        return fault | {"status": 422, "apply": draw(st.sampled_from(["none", "others"]))}
    if kind == "failed":
        status = draw(st.sampled_from([500, 502, 503, 504]))
        return fault | {"status": status, "apply": draw(st.sampled_from(["none", "others", "all"]))}
    if kind == "dropped":
        return fault | {"drop": draw(st.sampled_from(["before", "after"]))}
    return fault | ({"truncate_bytes": 3} if kind == "cut" else {"body": b"<html>"})


def check(report: LeverageReport, was_set: set[AccountKey]) -> None:
    """Holds the outcomes against the accounts that the call has set."""
    for key, outcome in report.outcomes.items():
        confirmed = outcome.verification is Verification.CONFIRMED
        assert confirmed == (outcome.seen == WANTED)
        match outcome:
            case Applied():
                assert key in was_set or confirmed, f"{key} was never set: {outcome}"
            case NotApplied():
                assert key not in was_set, f"{key} was set: {outcome}"
            case Unknown():
                assert isinstance(outcome.error, OutcomeUnknownError)
                assert not confirmed


async def asked_of(manager: SessionManager, data: st.DataObject, known: list[AccountKey]) -> LeverageReport:
    """Sets the leverage of all accounts, or of some in any order, and checks the order of the outcomes."""
    some = data.draw(st.one_of(st.just(known), st.lists(st.sampled_from(known), min_size=1, unique=True)))
    report = await manager.set_leverage(
        WANTED,
        pair=PAIR,
        accounts=ALL if some is known else some,
        batch=data.draw(st.integers(1, 5)),
        verify=data.draw(st.booleans()),
    )
    assert list(report.outcomes) == some
    return report


@pytest.mark.fault("I2")
@pytest.mark.parametrize("status", [500, HANG_UP])
async def test_a_change_that_comes_after_reading_back(status: int) -> None:
    """The old value that was read back proves nothing about a request that nobody has answered for."""
    acts = [Act(status=status, later_s=AFTERWARDS)] * 9
    async with LeverageServer({"x": "3", "y": "3"}, acts) as server, desk(server, retry=TWICE) as manager:
        report = await manager.set_leverage(WANTED, pair=PAIR, accounts=ALL)
        before = list(server.set_to)
        await server.settled()

    assert kinds(report) == {"a/x": "Unknown", "a/y": "Unknown"}
    assert {outcome.verification for outcome in report.outcomes.values()} == {Verification.CONTRADICTED}
    assert before == []
    assert {name for name, _ in server.set_to} == {"x", "y"}


@pytest.mark.fault("F16", "I2", "I3")
@given(server=servers(), data=st.data())
@CASES
async def test_a_server_that_acts_late_or_in_part(server: LeverageServer, data: st.DataObject) -> None:
    """Lost, late, partial, refused and delayed in any mixture: no account is said to be what it is not."""
    known = [AccountKey("a", name) for name in server.leverages]
    async with server, desk(server, retry=IMPATIENT) as manager:
        report = await asked_of(manager, data, known)
        await server.settled()

    assert all(value == WANTED for _, value in server.set_to)
    check(report, {AccountKey("a", name) for name, _ in server.set_to})


@pytest.mark.fault("F16", "I2", "I3", "I4")
@given(data=st.data())
@CASES
async def test_the_simulator_at_its_worst(data: st.DataObject) -> None:
    """Faults of several accounts of two tokens, and of reading back: the journal bears every outcome out."""
    accounts = data.draw(st.integers(1, 6))
    async with (
        Simulator(seed=7, tokens=2, accounts=accounts, assets=2, clock=lambda: NOON) as sim,
        desk(sim, retry=TWICE) as manager,
    ):
        ids = [account.id for user in range(2) for account in sim.accounts(user)]
        for fault in data.draw(st.lists(faults(ids), max_size=4)):
            sim.fail(**fault)
        if data.draw(st.sampled_from([False, False, True])):
            sim.fail(endpoint="balances", account=data.draw(st.sampled_from(ids)), status=500)
        report = await asked_of(manager, data, every_key(sim))
        was_set = {AccountKey("ab"[change.user], change.name) for change in sim.journal.changes}

        check(report, was_set)
        assert report.requests_sent == sim.journal.count()
