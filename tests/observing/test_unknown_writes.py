"""Hooks are told of a write of which whoever made it does not learn what became, and of no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.command import until
from tests.support.desks import BACKOFF, desk
from tests.support.heard import Heard
from tests.support.listings import at, listing, made
from tests.support.samples import ABSOLUTE, DONE, FAST, ONCE, ONE_TRY, PAIR, READS, answering, create
from tests.support.wire import TOKEN, Wire, hang_up, reply, stall
from tread_async import ALL, NameConflictError, OutcomeUnknownError, TreadClient, TreadError, Unknown
from tread_async.hooks import CallEnded, Retried, WriteUnknown
from tread_async.simulator import Simulator

WRITES = ABSOLUTE | {f"{name} (once)": ask for name, ask in ONCE.items()}


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def opened(heard: Heard) -> AsyncIterator[Callable[..., Any]]:
    """A client of a scripted server, whose hooks are *heard*, and the server."""
    async with AsyncExitStack() as stack:

        async def one(script: Any, **options: Any) -> tuple[TreadClient, Wire]:
            wire = await stack.enter_async_context(Wire(script))
            options = {"retry": ONE_TRY, "hooks": heard.hooks, "base_url": wire.url} | options
            return await stack.enter_async_context(TreadClient(TOKEN, **options)), wire

        yield one


def told(heard: Heard) -> list[tuple[str, str]]:
    return [(one.credential, one.endpoint) for one in heard.of(WriteUnknown)]


async def cancelled(work: Any, when: Any) -> None:
    task = asyncio.ensure_future(work)
    await when
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_whose_answer_is_lost(name: str, heard: Heard, opened: Any) -> None:
    """It is told once, whatever is looked up afterwards."""
    client, _ = await opened(answering(name, hang_up))
    with pytest.raises(OutcomeUnknownError):
        await WRITES[name](client)

    assert told(heard) == [("token", name.removesuffix(" (once)"))]


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_that_is_cancelled_when_it_has_left(name: str, heard: Heard, opened: Any) -> None:
    """Nobody will ever say what became of it."""
    client, wire = await opened(answering(name, stall))
    await cancelled(WRITES[name](client), wire.until(2 if name.startswith("archive") else 1))

    assert told(heard) == [("token", name.removesuffix(" (once)"))]


@pytest.mark.parametrize("name", READS)
async def test_a_read_that_is_cancelled(name: str, heard: Heard, opened: Any) -> None:
    """It leaves nothing open."""
    client, wire = await opened(answering(name, stall))
    await cancelled(READS[name](client), wire.until(1))

    assert heard.of(CallEnded)
    assert told(heard) == []


async def test_a_write_that_is_cancelled_before_it_leaves(heard: Heard, opened: Any) -> None:
    """It waited for its turn."""
    client, wire = await opened(stall, max_in_flight=1)
    first = asyncio.create_task(client.balances())
    await wire.until(1)
    await cancelled(WRITES["set_leverage"](client), asyncio.sleep(0.02))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    assert told(heard) == []


@pytest.mark.parametrize(
    ("name", "status", "count"),
    [("set_leverage", 422, 0), ("set_leverage", 500, 1), ("update_account", 500, 1)],
)
async def test_a_write_that_is_cancelled_between_two_attempts(
    name: str, status: int, count: int, heard: Heard, opened: Any
) -> None:
    """What the attempt before was answered says whether it is open."""
    client, _ = await opened(answering(name, reply({}, status)), retry=BACKOFF)
    client._calls._chance = lambda: 1.0  # the whole wait, in which it is cancelled
    await cancelled(WRITES[name](client), until(lambda: bool(heard.of(Retried))))

    assert told(heard) == [("token", name)] * count


async def test_a_create_that_is_acknowledged_and_never_listed(heard: Heard, opened: Any) -> None:
    """The request has ended well, and the caller is told that it is unknown."""
    client, _ = await opened({"POST": reply(DONE), "GET": reply([])})
    with pytest.raises(OutcomeUnknownError):
        await create(client, deadline_s=0.5)

    assert [one.cause for one in heard.of(CallEnded) if one.call.writes] == [None]
    assert told(heard) == [("token", "create_account")]


async def test_a_create_that_is_cancelled_while_it_is_read_back(heard: Heard, opened: Any) -> None:
    """There is an account, and nobody has been told its id."""
    client, wire = await opened({"POST": reply(DONE), "GET": stall})
    await cancelled(create(client), wire.until(2))

    assert told(heard) == [("token", "create_account")]


@pytest.mark.parametrize(("drop", "resend"), [("after", False), ("before", True)])
async def test_a_create_that_is_settled_by_reading_back(drop: Any, resend: bool, heard: Heard) -> None:
    """The request is unknown, and the caller gets an account: there is nothing to look after."""
    async with (
        Simulator(accounts=1) as sim,
        TreadClient(sim.tokens[0], base_url=sim.url, hooks=heard.hooks) as client,
    ):
        sim.fail(endpoint="create_account", drop=drop, nth=1)
        await create(client, resend=resend)

    assert "OutcomeUnknownError" in [one.cause for one in heard.of(CallEnded)]
    assert told(heard) == []


async def test_a_create_that_was_not_applied_after_all(heard: Heard, opened: Any) -> None:
    """Its answer is lost, and another account has had the name since before."""
    client, _ = await opened({"POST": hang_up, "GET": listing(made(created_at=at(-3700)))})
    with pytest.raises(NameConflictError):
        await create(client)

    assert told(heard) == []


async def test_an_update_that_is_refused(heard: Heard, opened: Any) -> None:
    """It was not applied."""
    client, _ = await opened(reply({"message": "no"}, 400))
    with pytest.raises(TreadError):
        await WRITES["update_account"](client)

    assert told(heard) == []


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("drop", ["before", "after"])
async def test_a_report_with_unknown_outcomes(drop: Any, verify: bool, heard: Heard) -> None:
    """Each account that is unknown in the end is told, and no other."""
    async with Simulator(accounts=3) as sim, desk(sim, hooks=heard.hooks, retry=FAST) as manager:
        name = sim.accounts()[0].name
        sim.fail(endpoint="set_leverage", account=name, drop=drop)
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL, verify=verify, deadline_s=5)

    unknown = [key for key, one in report.outcomes.items() if isinstance(one, Unknown)]
    assert len(unknown) >= (not verify)
    assert told(heard) == [("a", "set_leverage")] * len(unknown)


async def test_reading_back_settles_a_report(heard: Heard) -> None:
    """A margin mode that shows was applied, whatever became of the answers."""
    async with Simulator(accounts=2) as sim, desk(sim, hooks=heard.hooks, retry=ONE_TRY) as manager:
        sim.fail(endpoint="update_account", drop="after")
        report = await manager.update_margin_mode("CROSS", accounts=ALL, verify=True)

    assert report.ok
    assert told(heard) == []


@pytest.mark.parametrize("verify", [False, True])
async def test_a_report_that_is_cancelled(verify: bool, heard: Heard) -> None:
    """Every account in a request that had left."""
    async with Simulator(accounts=3) as sim, desk(sim, hooks=heard.hooks) as manager:
        sim.fail(endpoint="set_leverage", delay_s=30)
        work = manager.set_leverage(5, pair=PAIR, accounts=ALL, verify=verify)
        await cancelled(work, until(lambda: sim.journal.count("set_leverage") > 0))

    assert told(heard) == [("a", "set_leverage")] * 3


async def test_a_report_that_is_cancelled_while_it_is_read_back(heard: Heard) -> None:
    """What was acknowledged is not told, and what was not is."""
    async with Simulator(accounts=2) as sim, desk(sim, hooks=heard.hooks, retry=ONE_TRY) as manager:
        await manager.accounts()
        sim.fail(endpoint="update_account", nth=1, drop="after")
        sim.fail(endpoint="accounts", delay_s=30)
        before = sim.journal.count("accounts")
        work = manager.update_margin_mode("CROSS", accounts=ALL, verify=True)
        await cancelled(work, until(lambda: sim.journal.count("accounts") > before))

    assert told(heard) == [("a", "update_account")]
