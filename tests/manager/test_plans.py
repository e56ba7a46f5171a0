"""Plans: what would change, and that exactly that is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.support.desks import desk, errors, every_key, leverages
from tests.support.leverage_server import LeverageServer
from tests.support.samples import NOON, PAIR
from tests.support.wire import Wire, reply
from tread_async import (
    AccountKey,
    LeveragePlan,
    NameConflictError,
    PlanEntry,
    TreadClient,
    UsageError,
)
from tread_async.plans import Verdict
from tread_async.reports import Verification
from tread_async.simulator import Simulator

BTC = "BTC:PERP-USDT"
CHANGE, ALREADY, UNKNOWN = Verdict.CHANGE, Verdict.ALREADY, Verdict.UNKNOWN


@pytest.fixture
async def two() -> AsyncIterator[Simulator]:
    """Two tokens with accounts of the same names; each has positions of both pairs."""
    async with Simulator(seed=7, tokens=2, accounts=["x", "y", "z"], assets=4, clock=lambda: NOON) as opened:
        yield opened


def sent(sim: Simulator) -> list[tuple[int, str, str, tuple[str, ...]]]:
    """User, pair, leverage and accounts of every request to set a leverage, in order of these."""
    found = []
    for request in sim.journal.requests:
        if request.endpoint == "set_leverage":
            body: Any = request.body
            found.append((request.user, body["pair"], body["leverage"], request.accounts))
    return sorted(found)  # type: ignore[type-var]


def verdicts(plan: LeveragePlan) -> list[tuple[str, str, Verdict]]:
    return [(str(entry.key), entry.pair, entry.verdict) for entry in plan.entries]


async def test_verdicts() -> None:
    """An open position says what is so; without one, of leverage 0, or unread, it cannot be known."""
    async with LeverageServer({"w": "3", "x": "5.0", "y": None, "z": "0"}) as server, desk(server) as manager:
        wish = {PAIR: {"a/w": 5, "a/x": 5, "a/y": 5, "a/z": "5", "a/gone": 5}}
        plan = await manager.plan_leverage(wish)

        assert verdicts(plan) == [
            ("a/w", PAIR, CHANGE),
            ("a/x", PAIR, ALREADY),
            ("a/y", PAIR, UNKNOWN),
            ("a/z", PAIR, UNKNOWN),
            ("a/gone", PAIR, UNKNOWN),
        ]
        assert [entry.seen for entry in plan.entries] == [Decimal(3), Decimal(5), None, None, None]
        assert [entry.why for entry in plan.unknown] == [
            "no open position says its leverage",
            "no open position says its leverage",
            "the account could not be read",
        ]
        assert (len(plan.changes), len(plan.already), server.asked) == (1, 1, [])
        assert plan.requests_sent == len(server.wire.requests)


async def test_two_positions_of_one_pair() -> None:
    """Of a long and a short position of one pair, as in hedge mode, the one that differs is to change."""
    rows = [
        {"symbol": PAIR, "size": size, "asset_type": "position", "leverage": leverage}
        for size, leverage in ((1, 5), (-1, 7))
    ]
    async with Wire(reply({"x": {"exchange": "Gate", "assets": rows}})) as wire, desk(wire) as manager:
        [entry] = (await manager.plan_leverage({PAIR: {"a/x": 5}})).entries

    assert (entry.verdict, entry.seen, entry.wanted) == (CHANGE, Decimal(7), Decimal(5))


async def test_accounts_in_any_spelling(two: Simulator) -> None:
    """Keys, texts, and ids; the same account twice with the same leverage is one entry."""
    last = two.accounts(1)[2]
    wish: Any = {PAIR: {AccountKey("a", "x"): 77, "b/y": "77", last.id: Decimal(77), "b/z": "77.0"}}
    async with desk(two) as manager:
        plan = await manager.plan_leverage(wish)

    assert verdicts(plan) == [(key, PAIR, CHANGE) for key in ("a/x", "b/y", "b/z")]


@pytest.mark.parametrize(
    "wish",
    [
        {PAIR: {"a/x": 5, AccountKey("a", "x"): 6}},
        {},
        {PAIR: {}},
        {PAIR: {"a/x": 0}},
        {PAIR: {"a/x": 5.0}},
        {PAIR: {"x": 5}},
        {PAIR: {"nobody": 5}},
        {PAIR: {5: 5}},
        {PAIR: ["a/x"]},
        {"ETH": {"a/x": 5}},
        [PAIR],
        None,
    ],
    ids=str,
)
async def test_what_cannot_be_wished(two: Simulator, wish: Any) -> None:
    """Two leverages for one account, none at all, a float, or an account nobody knows: refused."""
    async with desk(two) as manager:
        with pytest.raises(UsageError):
            await manager.plan_leverage(wish)


@pytest.mark.parametrize("max_age_s", [0, -1, "60", True, float("nan"), float("inf")])
async def test_an_age_that_cannot_be(two: Simulator, max_age_s: Any) -> None:
    """What is no number of seconds is refused, and nothing is sent."""
    async with desk(two) as manager:
        with pytest.raises(UsageError, match="max_age_s"):
            await manager.plan_leverage({PAIR: {"a/x": 5}}, max_age_s=max_age_s)

    assert two.journal.requests == []


async def test_only_the_changes_are_sent(two: Simulator) -> None:
    """One request for each leverage, pair and token, with the accounts to change; others are left alone."""
    now = {str(key): leverages(two, PAIR, "ab".index(key.credential))[key.name] for key in every_key(two)}
    wish: Any = {
        PAIR: {"a/x": 50, "a/y": "50.0", "a/z": now["a/z"], "b/x": 60, "b/y": 50},
        BTC: {"a/x": 50, "b/z": 50},
    }
    async with desk(two) as manager:
        plan = await manager.plan_leverage(wish)
        before = two.journal.count()
        report = await manager.apply(plan)

        assert [len(plan.changes), len(plan.already), len(plan.unknown)] == [6, 1, 0]
        assert sent(two) == [
            (0, BTC, "50", ("x",)),
            (0, PAIR, "50", ("x", "y")),
            (1, BTC, "50", ("z",)),
            (1, PAIR, "50", ("y",)),
            (1, PAIR, "60", ("x",)),
        ]
        assert set(report.outcomes) == {(entry.pair, entry.key) for entry in plan.changes}
        assert (report.ok, report.counts) == (True, {"applied": 6, "not_applied": 0, "unknown": 0})
        assert {outcome.verification for outcome in report.outcomes.values()} == {Verification.CONFIRMED}
        assert report.requests_sent == two.journal.count() - before


async def test_many_changes_of_one_kind() -> None:
    """The changes of one leverage and pair go out in batches of 50, however they were wished for."""
    async with Simulator(accounts=120, assets=2, clock=lambda: NOON) as sim, desk(sim) as manager:
        names = [account.name for account in sim.accounts() if PAIR in account.leverage]
        plan = await manager.plan_leverage({PAIR: {f"a/{name}": 50 + n % 2 for n, name in enumerate(names)}})
        report = await manager.apply(plan, verify=False)

        sizes = sorted((leverage, len(accounts)) for _, _, leverage, accounts in sent(sim))

        assert len(names) == 110
        assert sizes == [("50", 5), ("50", 50), ("51", 5), ("51", 50)]
        assert report.ok
        assert report.requests_sent == 4 + 1


async def test_a_plan_that_is_carried_out_again(two: Simulator) -> None:
    """A new plan for the same wish has nothing to change, and applying it sends nothing."""
    wish = {PAIR: {"a/x": 50, "b/x": 50}}
    async with desk(two) as manager:
        await manager.apply(await manager.plan_leverage(wish), verify=False)
        plan = await manager.plan_leverage(wish)
        before = two.journal.count()
        report = await manager.apply(plan)

    assert [entry.verdict for entry in plan.entries] == [ALREADY, ALREADY]
    assert (report.ok, report.outcomes, report.requests_sent) == (True, {}, 0)
    assert two.journal.count() == before


@pytest.mark.parametrize(("age_s", "refused"), [(61, True), (59, False)])
async def test_a_plan_that_is_too_old(two: Simulator, age_s: int, refused: bool) -> None:
    """Positions were read longer ago than `max_age_s`, a minute by default: nothing is sent."""
    async with desk(two) as manager:
        plan = await manager.plan_leverage({PAIR: {"a/x": 50}})
        made_at = datetime.now(UTC) - timedelta(seconds=age_s)
        old = msgspec.structs.replace(plan, made_at=made_at)
        if refused:
            with pytest.raises(UsageError, match="61 s old"):
                await manager.apply(old)
        else:
            await manager.apply(old)

    assert two.journal.count("set_leverage") == int(not refused)


async def test_what_is_no_plan(two: Simulator) -> None:
    """A wish is planned first: given to `apply` as it is, it is refused, and nothing is sent."""
    async with desk(two) as manager:
        with pytest.raises(UsageError, match="apply takes a LeveragePlan, not dict"):
            await manager.apply({PAIR: {"a/x": 50}})  # type: ignore[arg-type]

    assert two.journal.requests == []


@pytest.mark.parametrize("listed", [True, False])
async def test_an_account_that_has_vanished(sim: Simulator, client: TreadClient, listed: bool) -> None:
    """An account archived since the plan was made is one outcome, not applied; the others are set."""
    gone, *others = [account.name for account in sim.accounts()]
    async with desk(sim) as first, desk(sim) as second:
        plan = await first.plan_leverage({PAIR: {f"a/{name}": 50 for name in (gone, *others)}})
        manager = first if listed else second
        if listed:
            await manager.accounts()
        await client.archive_account(gone)
        report = await manager.apply(plan)

    assert report.counts == {"applied": 5, "not_applied": int(not listed), "unknown": int(listed)}
    assert list(errors(report)) == [str((PAIR, AccountKey("a", gone)))]
    if not listed:
        assert isinstance(errors(report)[str((PAIR, AccountKey("a", gone)))], NameConflictError)


def test_as_a_table_and_as_json() -> None:
    """Both show every entry with the verdict and, where there is none, why."""
    first = PlanEntry(
        key=AccountKey("a", "x"), pair=PAIR, wanted=Decimal(5), seen=None, verdict=UNKNOWN, why="closed"
    )
    second = PlanEntry(
        key=AccountKey("desk", "y"), pair=PAIR, wanted=Decimal(5), seen=Decimal("20.5"), verdict=CHANGE
    )
    made_at = datetime(2027, 1, 15, 8, tzinfo=UTC)
    plan = LeveragePlan(entries=(first, second), made_at=made_at, max_age_s=60)
    told = json.loads(plan.to_json())
    rows = [tuple(entry.values()) for entry in told["entries"]]

    assert str(plan).splitlines() == [
        "account  pair           seen  wanted",
        "a/x      ETH:PERP-USDT  -     5       unknown: closed",
        "desk/y   ETH:PERP-USDT  20.5  5       change",
    ]
    assert (told["made_at"], told["max_age_s"]) == ("2027-01-15T08:00:00+00:00", 60)
    assert set(told["entries"][0]) == {"account", "pair", "seen", "wanted", "verdict", "why"}
    assert rows == [
        ("a/x", PAIR, None, "5", "unknown", "closed"),
        ("desk/y", PAIR, "20.5", "5", "change", ""),
    ]
