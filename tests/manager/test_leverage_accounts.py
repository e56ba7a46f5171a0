"""Whom `set_leverage` means: every spelling of an account, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.desks import desk, errors, every_key, keys, kinds
from tests.support.samples import NOON, PAIR, create
from tests.support.wire import Wire, reply
from tread_async import ALL, AccountKey, NameConflictError, TreadClient, UsageError
from tread_async.errors import ServerError
from tread_async.simulator import Simulator


@pytest.fixture
async def three() -> AsyncIterator[Simulator]:
    """Three tokens, whose accounts have the same names."""
    async with Simulator(seed=7, tokens=3, accounts=["x", "y"], assets=2, clock=lambda: NOON) as opened:
        yield opened


@pytest.mark.parametrize(
    "wrong",
    [
        *({"accounts": accounts} for accounts in ([], (), None, "a/x", "all", b"x", AccountKey("a", "x"), 5)),
        *({"batch": batch} for batch in (0, 501, True, "5", None)),
        *({"leverage": leverage} for leverage in (0, -1, 2.5, "x", None)),
        *({"pair": pair} for pair in ("", "ETH", None)),
        {"verify": "no"},
        {"dry_run": 1},
        {"deadline_s": 0},
    ],
    ids=repr,
)
async def test_what_cannot_work(sim: Simulator, wrong: dict[str, Any]) -> None:
    """No accounts, an empty list, one text, or another argument that cannot be meant: nothing is sent."""
    options = {"leverage": 5, "pair": PAIR, "accounts": ALL} | wrong
    async with desk(sim) as manager:
        with pytest.raises(UsageError):
            await manager.set_leverage(options.pop("leverage"), **options)

    assert sim.journal.requests == []


@pytest.mark.parametrize("odd", ["nobody", "a/nobody", AccountKey("b", "nobody"), AccountKey("z", "x"), 5])
async def test_an_account_that_nobody_knows(three: Simulator, odd: Any) -> None:
    """One account that is not listed, or a thing that is none, refuses the whole call: nothing is written."""
    async with desk(three) as manager:
        with pytest.raises(UsageError):
            await manager.set_leverage(5, pair=PAIR, accounts=["a/x", odd, "c/y"])

    assert three.journal.count("set_leverage") == 0


async def test_a_name_that_several_have(three: Simulator) -> None:
    """A bare name that two tokens have is refused; nothing is written."""
    async with desk(three) as manager:
        with pytest.raises(UsageError, match="credential/name"):
            await manager.set_leverage(5, pair=PAIR, accounts=["x"])

    assert three.journal.count("set_leverage") == 0


async def test_two_accounts_listed_under_one_name() -> None:
    """Which of them is meant cannot be known: not applied, and the other account is set."""
    listed = [{"id": str(n), "name": name, "exchange": "Gate"} for n, name in enumerate("xyx")]
    async with Wire({"GET": reply(listed), "POST": reply()}) as wire, desk(wire) as manager:
        report = await manager.set_leverage(5, pair=PAIR, accounts=["a/x", "a/y"], verify=False)

    assert kinds(report) == {"a/x": "NotApplied", "a/y": "Applied"}
    assert isinstance(errors(report)["a/x"], NameConflictError)
    assert [request.json()["account_ids"] for request in wire.requests[1:]] == [["1"]]


async def test_accounts_of_several_tokens(three: Simulator) -> None:
    """Keys, texts and ids of different tokens, some named twice: one outcome each, in the order asked."""
    last = three.accounts(2)[1]
    asked = ["c/x", AccountKey("a", "y"), "b/x", last.id, "a/y", AccountKey("c", "x")]
    async with desk(three) as manager:
        report = await manager.set_leverage(9, pair=PAIR, accounts=asked)

    assert list(kinds(report).items()) == [(key, "Applied") for key in ("c/x", "a/y", "b/x", "c/y")]
    assert {(change.user, change.name) for change in three.journal.changes} == {
        (2, "x"), (0, "y"), (1, "x"), (2, "y"),
    }  # fmt: skip
    assert report.requests_sent == three.journal.count() == 3 * (1 + 1 + 1)


async def test_a_bare_name(sim: Simulator) -> None:
    """A name that one token alone has is enough."""
    async with desk(sim) as manager:
        report = await manager.set_leverage(9, pair=PAIR, accounts=[sim.accounts()[1].name])

    assert list(report.outcomes) == keys("a", [sim.accounts()[1].name])
    assert report.ok


@pytest.mark.parametrize("which", ["all", "explicit"])
async def test_a_token_that_cannot_be_listed(three: Simulator, which: str) -> None:
    """Its accounts are not applied where they were named, and its name is said where all were meant."""
    three.fail(endpoint="accounts", user=1, status=500)
    asked: Any = ALL if which == "all" else ["a/x", "b/x", "c/x"]
    async with desk(three) as manager:
        report = await manager.set_leverage(9, pair=PAIR, accounts=asked)
    counts = report.counts

    assert not report.ok
    if which == "all":
        assert {name: type(error) for name, error in report.unlisted.items()} == {"b": ServerError}
        assert counts == {"applied": 4, "not_applied": 0, "unknown": 0}
    else:
        assert report.unlisted == {}
        assert kinds(report) == {"a/x": "Applied", "b/x": "NotApplied", "c/x": "Applied"}
        assert isinstance(errors(report)["b/x"], ServerError)


async def test_an_account_that_is_new(sim: Simulator, client: TreadClient) -> None:
    """An account made while a list without it is on its way is looked for in a list that is begun later."""
    async with desk(sim) as manager:
        await manager.accounts()
        sim.fail(endpoint="accounts", delay_s=0.03, nth=1)
        other = asyncio.create_task(manager.accounts(refresh=True))
        while sim.journal.count("accounts") < 2:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
        await create(client)
        report = await manager.set_leverage(9, pair=PAIR, accounts=["a/new"])
        await other

    assert kinds(report) == {"a/new": "Applied"}


async def test_a_list_that_another_call_had_no_time_for(sim: Simulator) -> None:
    """A call that waits for the list of one whose time is up asks for it itself."""
    sim.fail(endpoint="accounts", delay_s=9.0, times=1)
    async with desk(sim) as manager, asyncio.timeout(5):
        hasty = asyncio.create_task(manager.accounts(deadline_s=0.03))
        await asyncio.sleep(0)
        report = await manager.set_leverage(9, pair=PAIR, accounts=every_key(sim))

    assert list((await hasty).unlisted) == ["a"]
    assert report.ok
