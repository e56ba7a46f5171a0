"""``source="auto"``: live where it can be had, cached where it cannot, and never too old without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.desks import desk, keys
from tests.support.fleet_accounts import HANG, Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tread_async import (
    AccountKey,
    DeadlineExceededError,
    Failed,
    IncompleteSnapshotError,
    Missing,
    Ok,
    ServerError,
    SessionManager,
    Stale,
    UsageError,
)
from tread_async._deadlines import SOON_S

KEY = AccountKey("a", "x")
AUTO: dict[str, Any] = {"source": "auto", "max_age_s": 60.0}


def one(*, refuses: dict[str, int] | None = None, **fields: Any) -> FleetServer:
    return FleetServer(User(token="canary-t", accounts=[Held(name="x", **fields)], refuses=refuses or {}))


async def of_all(manager: SessionManager, **options: Any) -> Any:
    """The source of the account by a snapshot."""
    snapshot = await manager.balances([KEY], **AUTO, **options)
    return snapshot.outcomes[KEY].source


async def of_one(manager: SessionManager, **options: Any) -> Any:
    """The same by a single call."""
    return (await manager.balance(KEY, **AUTO, **options)).source


BOTH = pytest.mark.parametrize("ask", [of_all, of_one])


@BOTH
async def test_live_answers(ask: Callable[..., Any]) -> None:
    """When live answers, the cache is not asked."""
    async with one() as wire, desk(wire) as manager:
        source = await ask(manager)

    assert (source, wire.count("balances"), wire.count("cached_balances")) == ("live", 1, 0)


@BOTH
@pytest.mark.parametrize("live", ["500", "400", "cut", "undecodable"])
async def test_live_fails(ask: Callable[..., Any], live: Any) -> None:
    """When live fails, whatever the way, the balance is the cached one and says so."""
    async with one(live=live) as wire, desk(wire, retry=ONE_TRY) as manager:
        source = await ask(manager)

    assert (source, wire.count("cached_balances")) == ("cached", 1)


@BOTH
async def test_live_is_slow(ask: Callable[..., Any]) -> None:
    """A live answer that takes longer than *live_within_s* is not waited for."""
    async with one(refuses={"balances": HANG}) as wire, desk(wire) as manager:
        began = asyncio.get_running_loop().time()
        source = await ask(manager, live_within_s=0.02, deadline_s=30.0)
        took_s = asyncio.get_running_loop().time() - began

    assert source == "cached"
    assert 0.02 - SOON_S <= took_s < 10.0


@BOTH
async def test_missing_live_is_missing(ask: Callable[..., Any]) -> None:
    """An account that a complete live answer does not have is missing: that is an answer, not a failure."""
    async with one(live="missing") as wire, desk(wire) as manager:
        if ask is of_one:
            with pytest.raises(IncompleteSnapshotError, match="a/x"):
                await ask(manager)
        else:
            assert (await manager.balances([KEY], **AUTO)).outcomes == {KEY: Missing()}

    assert wire.count("cached_balances") == 0


async def test_cache_is_too_old() -> None:
    """A cached balance that is too old is stale, and an error where one is asked for."""
    async with one(live="500", stale_s=100.0) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances([KEY], **AUTO)
        with pytest.raises(IncompleteSnapshotError, match="older than 60 s"):
            await manager.balance(KEY, **AUTO)

    outcome = snapshot.outcomes[KEY]
    assert isinstance(outcome, Stale)
    assert outcome.source == "cached"


@pytest.mark.parametrize("cached", ["500", "missing", "undecodable", "error by name"])
async def test_cache_fails_too(cached: Any) -> None:
    """Where the cache has no balance either, the error is the live one, which is the newer news."""
    async with one(live="500", cached=cached) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances([KEY], **AUTO)
        with pytest.raises(ServerError) as caught:
            await manager.balance(KEY, **AUTO)

    outcome = snapshot.outcomes[KEY]
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ServerError)
    assert caught.value.endpoint == outcome.error.endpoint == "GET /api/balances/"


async def test_both_are_slow() -> None:
    """When neither answers, the call ends with its deadline, and the account failed for lack of time."""
    silent = {"balances": HANG, "cached_balances": HANG}
    async with one(refuses=silent) as wire, desk(wire) as manager:
        snapshot = await manager.balances([KEY], **AUTO, live_within_s=0.02, deadline_s=0.06)
        with pytest.raises(DeadlineExceededError):
            await manager.balance(KEY, **AUTO, live_within_s=0.02, deadline_s=0.06)

    outcome = snapshot.outcomes[KEY]
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DeadlineExceededError)


async def test_only_what_failed_is_read_from_the_cache() -> None:
    """The cache is asked for the accounts that live did not give, and for no other."""
    accounts = [Held(name=f"x{n}", live="undecodable" if n in (2, 5) else "fine") for n in range(8)]
    async with FleetServer(User(token="canary-t", accounts=accounts)) as wire, desk(wire) as manager:
        snapshot = await manager.balances(**AUTO)

    sources = [outcome.value.source for outcome in snapshot.outcomes.values() if isinstance(outcome, Ok)]
    assert sources == ["cached" if n in (2, 5) else "live" for n in range(8)]
    assert wire.users[0].filters("cached_balances") == [("x2", "x5")]
    assert snapshot.complete


async def test_what_the_cache_adds_is_no_news() -> None:
    """A cache that ignores the filter sends the others too, which were asked for and are not unexpected."""
    accounts = [Held(name=f"x{n}", live="undecodable" if n == 0 else "fine", equity="7") for n in range(3)]
    user = User(token="canary-t", accounts=accounts, honours_filter=False)
    async with FleetServer(user) as wire, desk(wire) as manager:
        for _ in range(2):
            snapshot = await manager.balances(**AUTO)

    assert snapshot.unexpected == ()
    assert snapshot.total(lambda balance: balance.rows[0].amount) == Decimal("4.5")
    assert wire.count("accounts") == 1  # nor is the list in doubt


async def test_one_slow_token() -> None:
    """Only the token whose live answer does not come falls back; the other stays live."""
    slow = User(token="canary-t", accounts=[Held(name="x")], refuses={"balances": HANG})
    quick = User(token="canary-u", accounts=[Held(name="x")])
    async with FleetServer(slow, quick) as wire, desk(wire) as manager:
        asked = keys("a", "x") + keys("b", "x")
        snapshot = await manager.balances(asked, **AUTO, live_within_s=0.2)

    assert [outcome.source for outcome in snapshot.outcomes.values() if isinstance(outcome, Ok)] == [
        "cached",
        "live",
    ]


async def test_needs_a_bound() -> None:
    """Without *max_age_s* a cached balance of any age could pass for a live one: refused, nothing sent."""
    async with one() as wire, desk(wire) as manager:
        for ask in (manager.balances(source="auto"), manager.balance(KEY, source="auto")):
            with pytest.raises(UsageError, match="max_age_s"):
                await ask
        for odd in ("Live", "", None, 0, "newest"):
            with pytest.raises(UsageError, match="source"):
                await manager.balances([KEY], source=odd, max_age_s=60.0)  # type: ignore[arg-type]

    assert wire.count() == 0
