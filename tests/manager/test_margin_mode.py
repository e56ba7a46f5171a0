"""`update_margin_mode`: one request for each account, verified by listing them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.desks import BACKOFF, backing_off, desk, errors, every_key, kinds
from tests.support.samples import NOON
from tests.support.wire import Wire, reply
from tread_async import ALL, AccountKey, OutcomeUnknownError, RejectedError, UsageError
from tread_async.errors import NotSentError, UnprocessableError
from tread_async.reports import MarginModeReport, Verification
from tread_async.simulator import Simulator


@pytest.fixture
async def two() -> AsyncIterator[Simulator]:
    """Two tokens with three accounts each; all are CROSS at first."""
    async with Simulator(seed=7, tokens=2, accounts=["x", "y", "z"], clock=lambda: NOON) as opened:
        yield opened


def modes(sim: Simulator) -> list[str]:
    return [account.margin_mode for user in range(len(sim.tokens)) for account in sim.accounts(user)]


async def test_every_account(two: Simulator) -> None:
    """One request for each account, and one list of each token before and after; every one is confirmed."""
    heard: list[Any] = []
    async with desk(two) as manager:
        report = await manager.update_margin_mode(
            "ISOLATED", accounts=ALL, on_progress=lambda *both: heard.append(both)
        )
    sent = [request.endpoint for request in two.journal.requests]

    assert modes(two) == ["ISOLATED"] * 6
    assert list(report.outcomes) == every_key(two)
    assert {(outcome.verification, outcome.seen) for outcome in report.outcomes.values()} == {
        (Verification.CONFIRMED, "ISOLATED")
    }
    assert (report.ok, report.margin_mode, type(report)) == (True, "ISOLATED", MarginModeReport)
    assert (sent.count("update_account"), sent.count("accounts")) == (6, 4)
    assert report.requests_sent == len(sent) == 10
    assert dict(heard) == report.outcomes


async def test_some_accounts_without_verifying(two: Simulator) -> None:
    """Only the accounts named are sent, in any spelling, and nothing is listed afterwards."""
    last = two.accounts(1)[2]
    async with desk(two) as manager:
        report = await manager.update_margin_mode("CASH", accounts=[last.id, "a/y", "b/z"], verify=False)

    assert kinds(report) == {"b/z": "Applied", "a/y": "Applied"}
    assert modes(two) == ["CROSS", "CASH", "CROSS", "CROSS", "CROSS", "CASH"]
    assert {outcome.verification for outcome in report.outcomes.values()} == {Verification.NOT_ASKED}
    assert report.requests_sent == two.journal.count() == 4


async def test_a_dry_run(two: Simulator) -> None:
    """Nothing is written; one request is planned for each account."""
    async with desk(two) as manager:
        report = await manager.update_margin_mode("CASH", accounts=ALL, dry_run=True)

    assert (report.requests_planned, report.dry_run, report.counts["not_applied"]) == (6, True, 6)
    assert {type(error) for error in errors(report).values()} == {NotSentError}
    assert {request.endpoint for request in two.journal.requests} == {"accounts"}


async def test_one_that_is_rejected(two: Simulator) -> None:
    """A value or account that the server refuses is not applied; the others are."""
    two.fail(endpoint="update_account", account=two.accounts()[1].id, status=400)
    async with desk(two) as manager:
        report = await manager.update_margin_mode("CASH", accounts=["a/x", "a/y", "a/z"])

    assert kinds(report) == {"a/x": "Applied", "a/y": "NotApplied", "a/z": "Applied"}
    assert isinstance(errors(report)["a/y"], RejectedError)
    assert report.outcomes[AccountKey("a", "y")].seen == "CROSS"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 500}, "Unknown"),
        ({"status": 500, "apply": "all"}, "Applied"),
        ({"status": 422}, "NotApplied"),
        ({"status": 422, "apply": "all"}, "Applied"),
        ({"drop": "before"}, "Unknown"),
        ({"drop": "after"}, "Applied"),
    ],
    ids=str,
)
async def test_no_clear_answer(two: Simulator, fault: dict[str, Any], kind: str) -> None:
    """Listing again tells what became of it, where it was set, or where the server has answered for it."""
    two.fail(endpoint="update_account", account=two.accounts()[0].id, **fault)
    async with desk(two) as manager:
        first = await manager.update_margin_mode("CASH", accounts=["a/x"], verify=False)
        report = await manager.update_margin_mode("ISOLATED", accounts=["a/x"])
    outcome = report.outcomes[AccountKey("a", "x")]

    assert kinds(first) == {"a/x": "Unknown"}
    assert kinds(report) == {"a/x": kind}
    assert (outcome.verification, outcome.seen) == (
        (Verification.CONFIRMED, "ISOLATED") if kind == "Applied" else (Verification.CONTRADICTED, "CROSS")
    )
    assert kind != "NotApplied" or isinstance(errors(report)["a/x"], UnprocessableError)


@pytest.mark.parametrize("fault", [{}, {"status": 422, "apply": "all"}], ids=["acknowledged", "refused"])
async def test_a_list_that_was_begun_before_the_write(two: Simulator, fault: dict[str, Any]) -> None:
    """A list on its way, which another call has asked for, is not taken for what reading back shows."""
    if fault:
        two.fail(endpoint="update_account", **fault)
    async with desk(two) as manager:
        await manager.accounts()
        two.fail(endpoint="accounts", delay_s=0.03, times=2)
        other = asyncio.create_task(manager.accounts(refresh=True))
        while two.journal.count("accounts") < 4:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        report = await manager.update_margin_mode("CASH", accounts=["a/x", "b/x"])
        await other

    assert report.ok
    assert {outcome.seen for outcome in report.outcomes.values()} == {"CASH"}


async def test_reading_back_fails(two: Simulator) -> None:
    """When the accounts cannot be listed again, what was acknowledged stays applied, and is unverifiable."""
    async with desk(two) as manager:
        await manager.accounts()
        two.fail(endpoint="accounts", user=1, status=500)
        report = await manager.update_margin_mode("CASH", accounts=ALL)
    seen = [outcome.verification for outcome in report.outcomes.values()]

    assert report.ok
    assert seen == [Verification.CONFIRMED] * 3 + [Verification.UNVERIFIABLE] * 3


async def test_acknowledged_in_vain() -> None:
    """Listed with another mode after an acknowledgement: unknown."""
    listed = [{"id": "1", "name": "x", "exchange": "Gate", "margin_mode": "CROSS"}]
    async with Wire({"GET": reply(listed), "PUT": reply()}) as wire, desk(wire) as manager:
        report = await manager.update_margin_mode("CASH", accounts=["a/x"])
    outcome = report.outcomes[AccountKey("a", "x")]

    assert kinds(report) == {"a/x": "Unknown"}
    assert isinstance(errors(report)["a/x"], OutcomeUnknownError)
    assert (outcome.verification, outcome.seen) == (Verification.CONTRADICTED, "CROSS")


@pytest.mark.parametrize(
    "wrong", [{"accounts": []}, {"accounts": None}, {"accounts": "a/x"}, {"margin_mode": ""}, {"verify": 1}]
)
async def test_what_cannot_work(two: Simulator, wrong: dict[str, Any]) -> None:
    """An empty list, a text, or no mode: nothing is sent."""
    options = {"margin_mode": "CROSS", "accounts": ALL} | wrong
    async with desk(two) as manager:
        with pytest.raises(UsageError):
            await manager.update_margin_mode(options.pop("margin_mode"), **options)

    assert two.journal.requests == []


async def test_an_account_that_nobody_knows(two: Simulator) -> None:
    """One that is not listed refuses the whole call; nothing is written."""
    async with desk(two) as manager:
        with pytest.raises(UsageError, match="no account a/nobody"):
            await manager.update_margin_mode("CROSS", accounts=["a/x", "a/nobody"])

    assert two.journal.count("update_account") == 0


async def test_the_newest_call_wins(sim: Simulator) -> None:
    """CROSS fails and backs off, ISOLATED is set: CROSS is not sent again."""
    sim.fail(endpoint="update_account", status=500, times=1)
    account = every_key(sim)[0]
    async with desk(sim, retry=BACKOFF) as manager:
        older = asyncio.create_task(manager.update_margin_mode("CROSS", accounts=[account]))
        await backing_off(manager)
        newer = await manager.update_margin_mode("ISOLATED", accounts=[account])
        ended = await older

    puts: list[Any] = [request.body for request in sim.journal.requests if request.method == "PUT"]
    assert [put["margin_mode"] for put in puts] == ["CROSS", "ISOLATED"]
    assert newer.ok
    assert isinstance(errors(ended)[str(account)], OutcomeUnknownError)
