"""Never run: mypy reads it as a user's program, so that the public types stay what they are."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_type

import tread_async
from tread_async import (
    ALL,
    Account,
    AccountBalances,
    AccountKey,
    ApiError,
    Applied,
    Balance,
    BalanceRow,
    CachedBalances,
    Change,
    ClientClosedError,
    ClientStats,
    Config,
    Credential,
    Event,
    Failed,
    Feed,
    Hooks,
    LeveragePlan,
    LeverageReport,
    Listing,
    MarginModeReport,
    Missing,
    NotApplied,
    Ok,
    OutcomeUnknownError,
    PlanReport,
    RetryPolicy,
    RowChange,
    Rule,
    Secret,
    Seen,
    SessionManager,
    Snapshot,
    Stale,
    TokenSource,
    TreadClient,
    TreadError,
    Unknown,
    Update,
    Updates,
    WriteOutcome,
    rules,
)


async def fetch_token() -> str:
    return "token"


async def use(context: ssl.SSLContext) -> None:
    TreadClient("token")
    TreadClient(Secret("token"))
    TreadClient(fetch_token, retry=RetryPolicy(attempts=2), ssl=context, proxy="http://proxy:3128")
    TreadClient("token", requests_per_s=2.5)
    TreadClient("token", requests_per_s=None)
    TreadClient("token", requests_per_s="5")  # type: ignore[arg-type]
    SessionManager({"a": "token"}, requests_per_s=50)
    TreadClient("token", hooks=Hooks(call_ended=lambda told: (told.call.endpoint, told.cause)))
    SessionManager({"a": "token"}, hooks=[Hooks(), Hooks(round_polled=lambda told: told.snapshot.counts)])
    SessionManager.from_config(hooks=Hooks())
    Hooks(round_polled=lambda told: told.nothing)  # type: ignore[attr-defined]
    TreadClient(b"token")  # type: ignore[arg-type]
    async with TreadClient("token", base_url="http://127.0.0.1:1", deadline_s=5) as tread:
        assert_type(tread, TreadClient)
        assert_type(await tread.balances(), dict[str, AccountBalances])
        assert_type(await tread.balances(["a"], deadline_s=1), dict[str, AccountBalances])
        cached = await tread.cached_balances(("a", "b"))
        assert_type(cached, CachedBalances)
        assert_type(cached.balances[0].as_of, datetime | None)
        assert_type(cached.balances[0].assets[0].amount, Decimal)
        assert_type(cached.balances[0].equity, Decimal | None)
        assert_type(await tread.accounts(include_archived=True), tuple[Account, ...])
        created = await tread.create_account(name="a", exchange="OKX", api_key="k", api_secret=Secret("s"))
        assert_type(created, Account)
        await tread.update_account(created.id, margin_mode="CROSS")
        assert_type(await tread.archive_account("a", expect_id=created.id), Account)
        await tread.set_leverage(5, pair="ETH:PERP-USDT", account_ids=[created.id])
        await tread.set_leverage(Decimal("2.5"), pair="ETH:PERP-USDT", account_ids={created.id})
        await tread.set_leverage(2.5, pair="ETH:PERP-USDT", account_ids=[])  # type: ignore[arg-type]
        await tread.set_leverage("5", pair="ETH:PERP-USDT")  # type: ignore[call-arg]
        assert_type(await tread.request("GET", "/api/x/", params={"a": 1}), Any)
        assert_type(tread.stats, ClientStats)


def heard(account: AccountKey, outcome: WriteOutcome) -> None:
    assert_type(account.credential, str)
    assert_type(outcome, Applied | NotApplied | Unknown)


async def manage() -> None:
    SessionManager({"a": "token"})
    tokens: dict[str, TokenSource | Credential]
    tokens = {"a": "token", "b": Credential(fetch_token, proxy="http://proxy:3128"), "c": lambda: "token"}
    async with SessionManager(tokens, max_in_flight=64) as desk:
        assert_type(desk, SessionManager)
        assert_type(await desk.accounts(), Listing)
        snapshot = await desk.balances()
        assert_type(snapshot, Snapshot)
        await desk.balances(ALL, source="cached", max_age_s=30)
        await desk.balances([AccountKey("a", "x"), "a/y"], source="auto", max_age_s=30)
        await desk.balances(source="fresh")  # type: ignore[arg-type]
        for account, outcome in snapshot.outcomes.items():
            assert_type(account, AccountKey)
            if isinstance(outcome, Ok | Stale):
                assert_type(outcome.value, Balance)
                assert_type(outcome.age_s, float | None)
            elif isinstance(outcome, Failed):
                assert_type(outcome.error, TreadError)
            else:
                assert_type(outcome, Missing)
        assert_type(snapshot.total_equity(allow_partial=True), Decimal)
        assert_type(snapshot.to_rows(), list[dict[str, Any]])
        assert_type(snapshot.to_json(), str)
        balance = await desk.balance("a/x", not_before=1.0)
        assert_type(balance.rows, tuple[BalanceRow, ...])
        report = await desk.set_leverage(5, pair="ETH:PERP-USDT", accounts=ALL, on_progress=heard)
        assert_type(report, LeverageReport)
        await desk.set_leverage(5, pair="ETH:PERP-USDT")  # type: ignore[call-arg]
        await desk.set_leverage(5, pair="ETH:PERP-USDT", accounts=None)  # type: ignore[arg-type]
        assert_type(await desk.update_margin_mode("CROSS", accounts=["a/x"]), MarginModeReport)
        plan = await desk.plan_leverage({"ETH:PERP-USDT": {"a/x": 5, AccountKey("a", "y"): "2.5"}})
        assert_type(plan, LeveragePlan)
        assert_type(await desk.apply(plan), PlanReport)


async def poll() -> None:
    async with SessionManager({"desk-a": "t"}) as desk, TreadClient("t") as tread:
        async with desk.watch(interval_s=1, rules=[rules.missing()], changes_only=True) as updates:
            async for update in updates:
                assert_type(update, Update)
                assert_type(update.snapshot, Snapshot)
                assert_type(update.changes, Mapping[AccountKey, Change])
                assert_type(update.events, tuple[Event, ...])
                assert_type(update.ended, Mapping[str, TreadError])
        feed = tread.feed(["x"], interval_s=1.5, source="live", max_silence_s=60)
        assert_type(feed, Feed)
        assert_type(feed.subscribe(["x"]), Updates)
        assert_type(await feed.wait_for(lambda snapshot: snapshot.complete, timeout_s=5), Snapshot)
        desk.watch()  # type: ignore[call-arg]
        desk.watch(interval_s="1")  # type: ignore[arg-type]
        await feed.wait_for(lambda snapshot: True)  # type: ignore[call-arg]


def much(seen: Seen) -> Decimal | None:
    assert_type(seen.outcome, Ok | Stale | Failed | Missing)
    return seen.balance.equity if seen.balance else None


def watched(change: Change, event: Event) -> None:
    assert_type(change.before, Ok | Stale | Failed | Missing | None)
    assert_type(change.rows_changed, tuple[RowChange, ...])
    assert_type(event.value, Decimal | float | None)
    Rule(name="much", measure=much, limit=1000, clear=Decimal(900))
    Rule(name="many", measure=lambda seen: len(seen.balance.rows) if seen.balance else None, limit=9)
    Rule(name="it", measure=lambda seen: "yes")  # type: ignore[arg-type, return-value]
    assert_type(rules.leverage_above("20", clear=15), Rule)
    rules.equity_drop(0.1, 60)  # type: ignore[arg-type]
    rules.stale_for("60")  # type: ignore[arg-type]


async def look_again(error: OutcomeUnknownError) -> None:
    assert_type(await error.resolve(), WriteOutcome)
    assert_type(await error.resolve(deadline_s=5), WriteOutcome)
    await error.resolve(5)  # type: ignore[call-arg]


def closed(error: ClientClosedError) -> None:
    assert_type(error.report, LeverageReport | MarginModeReport | PlanReport | None)
    if error.report is not None:
        assert_type(error.report.ok, bool)
        assert_type(error.report.counts, dict[str, int])


def read(error: TreadError) -> None:
    assert_type(error.attempts, int)
    if isinstance(error, ApiError):
        assert_type(error.status, int)
        assert_type(error.errors, tuple[str, ...])
        assert_type(error.retry_after_s, float | None)


def configured() -> None:
    assert_type(SessionManager.from_config("prod", tokens=["desk-a"], deadline_s=5), SessionManager)
    SessionManager.from_config(base_url="https://app.tread.fi")  # type: ignore[call-arg]
    assert_type(Config.load(path="tread.toml").credentials, dict[str, Credential])


def names() -> None:
    assert_type(tread_async.__version__, str)
    assert_type(tread_async.__all__, list[str])
    assert_type(tread_async.errors.ApiError(500, "failed").status, int)
    tread_async.Client  # type: ignore[attr-defined]  # noqa: B018
