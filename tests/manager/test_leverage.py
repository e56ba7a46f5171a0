"""`set_leverage` over many accounts: what is sent, and what is said of each account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.desks import desk, errors, every_key, keys, kinds, leverages
from tests.support.leverage_server import Act, LeverageServer
from tests.support.samples import NOON, PAIR
from tread_async import (
    ALL,
    AccountKey,
    Applied,
    NotApplied,
    OutcomeUnknownError,
    RejectedError,
    UnprocessableError,
)
from tread_async.errors import NotSentError, ServerError, UsageError
from tread_async.reports import Verification
from tread_async.simulator import Simulator


@pytest.fixture
async def many() -> AsyncIterator[Simulator]:
    """20 accounts, of which all but one, on Hyperliquid, have an open position of the pair."""
    async with Simulator(seed=7, accounts=20, assets=2, clock=lambda: NOON) as opened:
        yield opened


@pytest.fixture
async def three() -> AsyncIterator[Simulator]:
    """Three tokens, whose accounts have the same names."""
    async with Simulator(seed=7, tokens=3, accounts=["x", "y"], assets=2, clock=lambda: NOON) as opened:
        yield opened


def batches(sim: Simulator) -> list[tuple[str, ...]]:
    return [request.accounts for request in sim.journal.requests if request.endpoint == "set_leverage"]


async def test_a_few_refusals_are_all_asked_again(many: Simulator) -> None:
    """Four of twenty are few, whichever batches the others were in: each is asked again."""
    bad = many.accounts()[:4]
    for account in bad:
        many.fail(endpoint="set_leverage", account=account.id, status=422)
    async with desk(many) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL, batch=5, verify=False)

    alone = [names[0] for names in batches(many) if len(names) == 1]
    assert {alone.count(account.name) for account in bad} == {4}
    assert report.counts["applied"] == 16


@pytest.mark.fault("I3")
@pytest.mark.parametrize(("batch", "sizes"), [(None, [50, 50, 3]), (40, [40, 40, 23]), (103, [103])])
async def test_batches(batch: int | None, sizes: list[int]) -> None:
    """Every account is in exactly one request of at most 50 or *batch* ids, and all of them are set."""
    async with Simulator(accounts=103, assets=0, clock=lambda: NOON) as sim, desk(sim) as manager:
        options = {} if batch is None else {"batch": batch}
        report = await manager.set_leverage("2.5", pair=PAIR, accounts=ALL, **options)

        assert sorted(map(len, batches(sim)), reverse=True) == sizes
        assert sorted(sum(batches(sim), ())) == sorted(account.name for account in sim.accounts())
        assert set(leverages(sim, PAIR).values()) == {"2.5"}
        assert list(report.outcomes) == every_key(sim)
        assert (report.ok, report.counts["applied"]) == (True, 103)


@pytest.mark.fault("F16")
@pytest.mark.trap(16)
@pytest.mark.parametrize("apply", ["none", "others"])
@pytest.mark.parametrize("verify", [True, False])
async def test_the_one_that_is_refused_is_found(many: Simulator, apply: str, verify: bool) -> None:
    """The others are set; the refused one is asked four times alone, and not applied once it is read back."""
    bad = many.accounts()[6]
    many.fail(endpoint="set_leverage", account=bad.id, status=422, apply=apply)
    async with desk(many) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, verify=verify)
    outcome = report.outcomes[AccountKey("a", bad.name)]

    assert report.counts == {"applied": 19, "not_applied": int(verify), "unknown": int(not verify)}
    assert not isinstance(outcome, Applied)
    cause = outcome.error.cause if isinstance(outcome.error, OutcomeUnknownError) else outcome.error
    assert isinstance(cause, UnprocessableError)
    assert batches(many).count((bad.name,)) == cause.attempts == 4
    assert leverages(many, PAIR) == {
        name: bad.leverage[PAIR] if name == bad.name else "7" for name in leverages(many, PAIR)
    }


async def test_a_refusal_of_one_account_asked_alone_is_believed(sim: Simulator) -> None:
    """An account that no batch has had in it is not applied, without reading back."""
    bad = sim.accounts()[2]
    sim.fail(endpoint="set_leverage", account=bad.id, status=422)
    async with desk(sim) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, batch=1, verify=False)

    assert report.counts == {"applied": 5, "not_applied": 1, "unknown": 0}
    assert isinstance(report.outcomes[AccountKey("a", bad.name)], NotApplied)


async def test_a_refusal_that_passes() -> None:
    """An account that is refused in its batch and twice alone is asked again after the others, and set."""
    async with LeverageServer({"x": "3", "y": "3"}, refusals={"x": 3}) as server, desk(server) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL)

        assert server.asked[0] == ("x", "y")
        assert sorted(server.asked[1:]) == [("x",), ("x",), ("x",), ("y",)]
        assert report.counts["applied"] == 2


@pytest.mark.parametrize(("accounts", "most"), [(16, 41), (64, 96)])
async def test_everything_is_refused(accounts: int, most: int) -> None:
    """Asking costs two requests for each account at most, less where there are many, and nine for repeats."""
    async with Simulator(accounts=accounts, assets=2, clock=lambda: NOON) as sim, desk(sim) as manager:
        sim.fail(endpoint="set_leverage", status=422)
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL)
        perps = [account for account in sim.accounts() if PAIR in account.leverage]

        assert accounts < sim.journal.count("set_leverage") <= most
        assert report.counts["not_applied"] == len(perps)
        assert report.counts["unknown"] == accounts - len(perps)
        assert report.requests_sent == sim.journal.count()
        assert not sim.journal.changes


@pytest.mark.parametrize(
    ("accounts", "refused", "repeated"), [(20, 5, 5), (8, 4, 4), (8, 5, 3), (7, 4, 3), (4, 4, 3)]
)
async def test_how_many_are_asked_again(accounts: int, refused: int, repeated: int) -> None:
    """All that are refused, unless they are more than those that are set: then three of them, in vain."""
    async with Simulator(accounts=accounts, assets=2, clock=lambda: NOON) as sim, desk(sim) as manager:
        bad = sim.accounts()[:refused]
        for one in bad:
            sim.fail(endpoint="set_leverage", account=one.id, status=422, apply="others")
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, verify=False)
        alone = sorted(batches(sim).count((one.name,)) for one in bad)

    assert alone == [1] * (refused - repeated) + [4] * repeated
    assert report.counts == {"applied": accounts - refused, "not_applied": 0, "unknown": refused}


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_that_fails_twice(sim: Simulator, status: int) -> None:
    """The batch is repeated; it is applied, and says that there were attempts without a clear answer."""
    sim.fail(endpoint="set_leverage", status=status, times=2)
    async with desk(sim) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL)

    assert [len(batch) for batch in batches(sim)] == [6, 6, 6]
    assert report.ok
    assert all(outcome.had_unknown_attempts for outcome in report.outcomes.values())


async def test_an_outage(many: Simulator) -> None:
    """When everything fails, three accounts are tried alone, while the budget lasts; all are unknown."""
    many.fail(endpoint="set_leverage", status=500)
    async with desk(many) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, verify=False)

    assert many.journal.count("set_leverage") == 4 + 10
    assert report.counts == {"applied": 0, "not_applied": 0, "unknown": 20}
    assert {type(error.cause) for error in errors(report).values()} == {ServerError}


async def test_attempts_are_told_once(many: Simulator) -> None:
    """Refused alone, after an attempt with others that may have set it: unknown, in a sentence that fits."""
    many.fail(endpoint="set_leverage", status=500, times=4)
    many.fail(endpoint="set_leverage", status=422)
    async with desk(many) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, verify=False)

    said = {str(error) for error in errors(report).values()}
    words = (
        "an earlier attempt, alone or with others, may have been applied; read back. Last error: HTTP 422: "
    )
    assert all(error.message.startswith(words) for error in errors(report).values())
    assert {type(error.cause) for error in errors(report).values()} == {UnprocessableError}
    assert all(error.attempts == error.cause.attempts for error in errors(report).values())
    assert {error.endpoint for error in errors(report).values()} == {"POST /api/set_leverage/"}
    assert any(text.endswith("attempts)") for text in said)
    assert all(text.count("attempts)") <= 1 for text in said)


@pytest.mark.parametrize(("batch", "planned"), [(50, 1), (6, 4), (1, 20)])
async def test_a_dry_run(many: Simulator, batch: int, planned: int) -> None:
    """Nothing is written; the report has the writes that would be sent, and every account as not applied."""
    async with desk(many) as manager:
        report = await manager.set_leverage(7, pair=PAIR, accounts=ALL, batch=batch, dry_run=True)

    assert (report.requests_planned, report.dry_run, report.ok) == (planned, True, False)
    assert report.counts == {"applied": 0, "not_applied": 20, "unknown": 0}
    assert {type(error) for error in errors(report).values()} == {NotSentError}
    assert {request.endpoint for request in many.journal.requests} == {"accounts"}


async def test_a_deadline_that_passes(sim: Simulator) -> None:
    """What had left is unknown when the time is up, and the call ends then."""
    sim.fail(endpoint="set_leverage", delay_s=9.0)
    async with desk(sim) as manager, asyncio.timeout(3):
        await manager.accounts()
        report = await manager.set_leverage(9, pair=PAIR, accounts=ALL, deadline_s=0.3)

    assert report.counts == {"applied": 0, "not_applied": 0, "unknown": 6}
    assert sim.journal.count("set_leverage") == 1


async def test_progress_is_heard_as_it_comes() -> None:
    """Without reading back, an account is heard of when its answer is there, not when all are."""
    heard: list[AccountKey] = []
    some = asyncio.Event()

    def hear(key: AccountKey, _: Any) -> None:
        heard.append(key)
        some.set()

    async with LeverageServer({"x": "3", "y": "3"}, [Act(wait_s=9.0)]) as server, desk(server) as manager:
        call = manager.set_leverage(5, pair=PAIR, accounts=ALL, batch=1, verify=False, on_progress=hear)
        task = asyncio.create_task(call)
        async with asyncio.timeout(3):
            await some.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert heard == keys("a", [name for name in "xy" if (name,) != server.asked[0]])


@pytest.mark.parametrize("verify", [True, False])
async def test_progress_is_heard_once_of_each(many: Simulator, verify: bool) -> None:
    """Each account is heard of once, with the outcome that the report has."""
    many.fail(endpoint="set_leverage", account=many.accounts()[3].id, status=422)
    heard: list[Any] = []
    async with desk(many) as manager:
        report = await manager.set_leverage(
            5, pair=PAIR, accounts=ALL, verify=verify, on_progress=lambda *both: heard.append(both)
        )

    assert len(heard) == 20
    assert dict(heard) == report.outcomes


async def test_progress_that_raises(many: Simulator) -> None:
    """The write goes on; the loop's exception handler hears of it once, and it is not called again."""
    loop = asyncio.get_running_loop()
    told: list[Any] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    calls: list[Any] = []

    def listener(*both: Any) -> None:
        calls.append(both)
        raise KeyError("mine")

    async with desk(many) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL, batch=3, on_progress=listener)
    loop.set_exception_handler(before)

    assert report.counts["applied"] == 20
    assert [type(error) for error in told] == [KeyError]
    assert len(calls) == 1


async def test_progress_that_cannot_be_called(many: Simulator) -> None:
    """It is refused before anything is sent, and not found out when the first account is set."""
    async with desk(many) as manager:
        with pytest.raises(UsageError, match="on_progress"):
            await manager.set_leverage(5, pair=PAIR, accounts=ALL, on_progress="print")  # type: ignore[arg-type]

    assert many.journal.requests == []


@pytest.mark.fault("I4")
@pytest.mark.parametrize(
    "fault", [{}, {"status": 500, "times": 3}, {"status": 422, "times": 3}, {"drop": "after"}]
)
@pytest.mark.parametrize("verify", [True, False])
async def test_every_request_is_counted(three: Simulator, fault: dict[str, Any], verify: bool) -> None:
    """`requests_sent` is what the server has counted, listings, repeats and reading back included."""
    if fault:
        three.fail(endpoint="set_leverage", **fault)
    async with desk(three) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL, verify=verify)
        sent = sum(stats.requests_sent for stats in manager.stats.values())

    assert report.requests_sent == three.journal.count() == sent


async def test_reading_back_what_cannot_be_seen() -> None:
    """An account without an open position of the pair, or of leverage 0, stays as it was, and says so."""
    async with LeverageServer({"x": "3", "y": None, "z": "0"}) as server, desk(server) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL)
    seen = [(outcome.verification, outcome.seen) for outcome in report.outcomes.values()]

    assert report.ok
    assert seen == [
        (Verification.CONFIRMED, Decimal(5)),
        (Verification.UNVERIFIABLE, None),
        (Verification.UNVERIFIABLE, None),
    ]


async def test_an_acknowledgement_in_vain() -> None:
    """What was acknowledged, and shows another value when it is read back, is unknown."""
    async with LeverageServer({"x": "3", "y": "0"}) as server, desk(server) as manager:
        server.deaf.add("x")
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL)
    outcome = report.outcomes[AccountKey("a", "x")]

    assert kinds(report) == {"a/x": "Unknown", "a/y": "Applied"}
    assert (outcome.verification, outcome.seen) == (Verification.CONTRADICTED, Decimal(3))


@pytest.mark.parametrize("names", [["x"], ["x", "y"]])
async def test_a_refusal_is_kept_where_the_value_is_there(names: list[str]) -> None:
    """It is believed of an account alone, and never hidden."""
    refused = Act(status=403, sets="none")
    async with LeverageServer(dict.fromkeys(names, "5"), [refused] * 3) as server, desk(server) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=keys("a", names))

    alone = len(names) == 1
    for outcome in report.outcomes.values():
        assert isinstance(outcome, NotApplied if alone else Applied)
        assert isinstance(outcome.error, RejectedError)
        assert outcome.verification is Verification.CONFIRMED
        assert "403" in repr(outcome)
    said = "1 not_applied" if alone else "2 applied, 2 of them only as reading back shows"
    assert repr(report) == f"<LeverageReport {said}>"
