"""How old a balance is, by whose clock, and when that is too old."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.support.desks import desk
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tread_async import AccountKey, Failed, IncompleteSnapshotError, Ok, SessionManager, Stale, UsageError

KEY = AccountKey("a", "x")


def server(**fields: Any) -> FleetServer:
    """One token with one account, which is cached as *fields* of `User` and `Held` say."""
    of_user = {name: fields.pop(name) for name in ("skew_s", "dated", "headers") if name in fields}
    return FleetServer(User(token="canary-t", accounts=[Held(name="x", **fields)], **of_user))


async def read(manager: SessionManager, source: Any = "cached", **options: Any) -> tuple[Any, float]:
    """The outcome of the one account, and how long it took."""
    began = time.monotonic()
    snapshot = await manager.balances([KEY], source=source, **options)
    return snapshot.outcomes[KEY], time.monotonic() - began


@pytest.mark.parametrize("skew_s", [0.0, 0.4, -0.4, 30.0, -30.0, 5e6, -5e6])
async def test_skewed_clock(skew_s: float) -> None:
    """A cached balance is as old as it is on the server, to the second that its dates have."""
    async with server(skew_s=skew_s, stale_s=100.0) as wire, desk(wire) as manager:
        outcome, took_s = await read(manager)
        by_server_s = time.time() + skew_s

    assert 98.9 <= outcome.age_s <= 101.1 + took_s
    assert outcome.value.as_of_s == pytest.approx(by_server_s - 100.0, abs=0.1 + took_s)
    assert outcome.as_of.timestamp() == pytest.approx(outcome.value.as_of_s)


async def test_agreeing_clocks() -> None:
    """Where the clocks may agree, the age is exact and not corrected by a guess."""
    async with server(stale_s=100.0) as wire, desk(wire) as manager:
        for _ in range(3):
            outcome, took_s = await read(manager)
            assert 99.999 <= outcome.age_s <= 100.001 + took_s


@pytest.mark.parametrize("skew_s", [0.0, 3600.0, -3600.0])
async def test_live_is_as_old_as_its_answer(skew_s: float) -> None:
    """A live balance was read when its answer came, by the server's clock."""
    async with server(skew_s=skew_s) as wire, desk(wire) as manager:
        outcome, took_s = await read(manager, "live")
        by_server_s = time.time() + skew_s

    assert 0.0 <= outcome.age_s <= took_s
    assert outcome.value.as_of_s == pytest.approx(by_server_s, abs=1.1 + took_s)


def copied(age_s: float, skew_s: float = 0.0, *, age: str | None = None) -> dict[str, str]:
    """The headers of a copy out of a cache on the way, which has kept it so long and says so with *age*."""
    date = formatdate(time.time() + skew_s - age_s, usegmt=True)
    return {"Date": date} if age is None else {"Date": date, "Age": age}


@pytest.mark.fault("F30")
@pytest.mark.parametrize("skew_s", [0.0, 3600.0, -3600.0])
async def test_live_out_of_a_cache_on_the_way(skew_s: float) -> None:
    """It is as old as the cache says at most, whose seconds are whole ones."""
    headers = copied(600.0, skew_s, age="600")
    async with server(skew_s=skew_s, headers=headers) as wire, desk(wire) as manager:
        copy, took_s = await read(manager, "live")
        judged, _ = await read(manager, "live", max_age_s=590.0)
        wire.users[0].headers = {}
        fresh, _ = await read(manager, "live", max_age_s=590.0)
        wire.users[0].headers = copied(600.0, skew_s, age="600")
        again, _ = await read(manager, "live")
        by_server_s = time.time() + skew_s

    assert isinstance(copy, Ok)
    assert 600.999 <= copy.age_s <= 601.001 + took_s
    assert isinstance(judged, Stale)
    assert isinstance(fresh, Ok)
    assert again.value.as_of_s == pytest.approx(by_server_s - 600.5, abs=2.1)


@pytest.mark.fault("F30")
async def test_live_out_of_a_cache_that_does_not_say_so() -> None:
    """Once the server's clock is known, its date does: what was written before it was asked for is a copy."""
    async with server() as wire, desk(wire) as manager:
        fresh, _ = await read(manager, "live")
        wire.users[0].headers = copied(600.0)
        copy, took_s = await read(manager, "live")
        judged, _ = await read(manager, "live", max_age_s=590.0)

    assert fresh.age_s < 1.0
    assert 600.0 <= copy.age_s <= 601.1 + took_s
    assert isinstance(judged, Stale)


@pytest.mark.fault("F30")
@pytest.mark.parametrize("age", ["-1", "1e3", "9999999", "ten", "6, 6", "\u0661"])
async def test_live_out_of_a_cache_of_odd_words(age: str) -> None:
    """It is not known how old that is; nor is the date any that counts."""
    async with server(headers=copied(600.0, age=age)) as wire, desk(wire) as manager:
        copy, _ = await read(manager, "live")
        judged, _ = await read(manager, "live", max_age_s=1e9)
        wire.users[0].headers = {}
        fresh, took_s = await read(manager, "live")

    assert isinstance(copy, Ok)
    assert (copy.age_s, copy.as_of) == (None, None)
    assert isinstance(judged, Stale)
    assert fresh.age_s <= took_s


@pytest.mark.parametrize("age", ["600", "1"])
async def test_a_copy_says_nothing_of_the_clock(age: str) -> None:
    """Not even the first answer: until another comes, a cached balance is as old as by this machine's."""
    async with server(stale_s=100.0, headers=copied(600.0, age=age)) as wire, desk(wire) as manager:
        outcome, took_s = await read(manager)

    assert outcome.age_s == pytest.approx(100.0, abs=0.1 + took_s)


async def test_an_age_of_zero() -> None:
    """A cache that has just fetched the answer hands on its date, and nothing has grown older."""
    headers = copied(0.0, -3600.0, age="0")
    async with server(skew_s=-3600.0, stale_s=100.0, headers=headers) as wire, desk(wire) as manager:
        outcome, took_s = await read(manager)
        live, took_live_s = await read(manager, "live")

    assert 98.9 <= outcome.age_s <= 101.1 + took_s
    assert 0.0 <= live.age_s <= took_live_s


@pytest.mark.parametrize(("skew_s", "age_s"), [(-3600.0, 3700.0), (3600.0, None)])
async def test_server_without_a_date(skew_s: float, age_s: float | None) -> None:
    """Without a date nothing can be corrected: ages go by this machine, and what is to come has none."""
    async with server(skew_s=skew_s, dated=False, stale_s=100.0) as wire, desk(wire) as manager:
        outcome, took_s = await read(manager)
        judged, _ = await read(manager, max_age_s=3000.0)

    assert outcome.age_s == (None if age_s is None else pytest.approx(age_s, abs=0.1 + took_s))
    assert isinstance(outcome, Ok)
    assert isinstance(judged, Stale)


@pytest.mark.fault("F30")
@pytest.mark.parametrize("stamp", [None, -1, 10**14, 2**63, -(10**30), 10**30])
async def test_no_time_stamp(stamp: Any) -> None:
    """A stamp that is absent or absurd is no age: the balance is there, and stale where that matters."""
    async with server(stamp=stamp) as wire, desk(wire) as manager:
        outcome, _ = await read(manager)
        judged, _ = await read(manager, max_age_s=1e9)
        with pytest.raises(IncompleteSnapshotError, match="of unknown age"):
            await manager.balance(KEY, source="cached", max_age_s=1e9)

    assert (type(outcome), outcome.age_s, outcome.as_of) == (Ok, None, None)
    assert type(judged) is Stale
    assert judged.value.rows == outcome.value.rows


@pytest.mark.parametrize("stamp", ["yesterday", 1.5, True, []])
async def test_stamp_of_another_type(stamp: Any) -> None:
    """A stamp that is no whole number is not the documented shape: that account fails."""
    async with server(stamp=stamp) as wire, desk(wire) as manager:
        outcome, _ = await read(manager)

    assert isinstance(outcome, Failed)
    assert "timestamp_millis" in str(outcome.error)


@pytest.mark.fault("F30")
@pytest.mark.parametrize(("ahead_s", "age_s"), [(0.9, 0.0), (3600.0, None)])
async def test_stamp_in_the_future(ahead_s: float, age_s: float | None) -> None:
    """A stamp a moment ahead is now, since dates have whole seconds; one further ahead has no age."""
    async with server(stale_s=-ahead_s) as wire, desk(wire) as manager:
        outcome, _ = await read(manager)

    assert outcome.age_s == age_s
    assert outcome.as_of is not None


@pytest.mark.parametrize("source", ["live", "cached"])
async def test_max_age(source: Any) -> None:
    """What is older than *max_age_s* is stale, with the balance in it; what is not is ok."""
    async with server(stale_s=100.0) as wire, desk(wire) as manager:
        loose, _ = await read(manager, source, max_age_s=200.0)
        tight, _ = await read(manager, source, max_age_s=90.0)

    assert type(loose) is Ok
    assert type(tight) is (Ok if source == "live" else Stale)
    assert tight.value.rows[0].amount == loose.value.rows[0].amount


async def test_one_that_is_too_old() -> None:
    """A single balance that is too old is an error, which says how old and whose."""
    async with server(stale_s=100.0) as wire, desk(wire) as manager:
        assert (await manager.balance(KEY, source="cached", max_age_s=200.0)).key == KEY
        with pytest.raises(IncompleteSnapshotError, match=r"a/x is 100\.\d s old, older than 90 s"):
            await manager.balance(KEY, source="cached", max_age_s=90.0)


@pytest.mark.parametrize("seconds", [0, -1.0, True, "60", float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["max_age_s", "live_within_s", "deadline_s"])
async def test_odd_seconds(name: str, seconds: Any) -> None:
    """What is no number of seconds above zero is refused before anything is sent."""
    async with server() as wire, desk(wire) as manager:
        for ask in (manager.balances([KEY], **{name: seconds}), manager.balance(KEY, **{name: seconds})):
            with pytest.raises(UsageError, match=name):
                await ask

    assert wire.count() == 0
