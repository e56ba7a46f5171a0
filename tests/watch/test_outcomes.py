"""What an update says of accounts that fail, are old, appear and go, and of tokens that are refused."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.desks import half_a_minute_passes
from tests.support.fleet_accounts import HANG, Held
from tests.support.samples import ONE_TRY
from tests.support.watched import polls, read, user, watching
from tread_async import (
    AccountKey,
    AuthError,
    DeadlineExceededError,
    Failed,
    Missing,
    Ok,
    ServerError,
    SessionManager,
    SilenceError,
    Stale,
    rules,
)

X, Y = AccountKey("a", "x"), AccountKey("a", "y")


@pytest.mark.fault("I8", "F41")
@pytest.mark.parametrize("given", [None, [X]])
def test_a_failed_round_is_an_update(given: Any) -> None:
    """An account that fails is `Failed`, with the last good balance as `Stale`; then it is `Ok` again."""
    one = user()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(given, interval_s=1.0) as updates:
            (good,) = await read(updates, 1)
            one.first += [(500, {})] * 2
            failed, again, healed = await read(updates, 3)

        for update in (failed, again):
            outcome = update.snapshot.outcomes[X]
            assert isinstance(outcome, Failed)
            assert isinstance(outcome.error, ServerError)
            assert isinstance(outcome.last, Stale)
            assert outcome.last.value.wire is good.snapshot.outcomes[X].value.wire
            assert not update.snapshot.complete
        assert list(failed.changes) == [X]
        assert not again.changes
        assert failed.changes[X].outcome_changed
        assert isinstance(healed.snapshot.outcomes[X], Ok)
        assert healed.changes[X].outcome_changed

    watching(one, test=test, retry=ONE_TRY)


@pytest.mark.fault("F41")
def test_a_first_round_that_fails() -> None:
    """An account that was never read is `Failed` without a last balance; one not listed is not known."""
    one, other = user("a", refuses={"cached_balances": 500}), user("b", refuses={"accounts": 500})

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            first, second = await read(updates, 2)
        for update in (first, second):
            outcome = update.snapshot.outcomes[X]
            assert isinstance(outcome, Failed)
            assert outcome.last is None
            assert isinstance(update.snapshot.unlisted["b"], ServerError)

    watching(one, other, test=test, retry=ONE_TRY)


def test_what_is_over_is_let_go_of() -> None:
    """Two rounds later nothing of a round is kept that its readers do not keep."""

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            outcomes = [(await anext(updates)).snapshot.outcomes[X] for _ in range(4)]
            await asyncio.sleep(0.1)
            (alone,) = [sys.getrefcount(one) for one in [object()]]
            assert [sys.getrefcount(one) == alone for one in outcomes] == [True, True, False, False]

    watching(user(), test=test)


def test_the_age_of_what_was_last_read_goes_on() -> None:
    """What fails grows older from round to round."""
    one = user("a", Held(name="x", stale_s=10.0))

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=5.0, jitter=0.0) as updates:
            await read(updates, 2)
            one.refuses = {"cached_balances": 500}
            ages = []
            for update in await read(updates, 2):
                outcome = update.snapshot.outcomes[X]
                assert isinstance(outcome, Failed)
                assert outcome.last is not None
                ages.append(outcome.last.age_s)
        assert ages == [pytest.approx(15.0, abs=0.5), pytest.approx(20.0, abs=0.5)]

    watching(one, test=test, retry=ONE_TRY)


@pytest.mark.fault("F41", "F18")
def test_a_refused_token_ends_its_part() -> None:
    """After a 401 its token is not polled any more, and each update says so; the other goes on."""
    one, other = user("a"), user("b")

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, jitter=0.0) as updates:
            (before,) = await read(updates, 1)
            assert not before.ended
            one.refuses = {"cached_balances": 401}
            after = await read(updates, 5)
            one.refuses = {}
            after += await read(updates, 60)
        for update in after[1:]:
            assert isinstance(update.ended["a"], AuthError)
            outcome = update.snapshot.outcomes[X]
            assert isinstance(outcome, Failed)
            assert isinstance(outcome.error, AuthError)
            assert outcome.last is not None
            assert isinstance(update.snapshot.outcomes[AccountKey("b", "x")], Ok)

    watching(one, other, test=test)

    assert len(polls(one)) <= 2
    assert len(polls(other)) >= 60


@pytest.mark.fault("F41", "F18")
@pytest.mark.parametrize("refuses", ["cached_balances", "accounts"])
def test_when_every_token_is_refused(refuses: str) -> None:
    """The update says so; then it is over, loudly."""
    users = [user("a", refuses={refuses: 401}), user("b", refuses={refuses: 401})]

    async def test(manager: SessionManager) -> None:
        seen = []
        async with manager.watch(interval_s=1.0) as updates:
            while len(seen) < 3 and not (seen and len(seen[-1].ended) == 2):
                seen += await read(updates, 1)
            with pytest.raises(AuthError):
                await anext(updates)
        assert set(seen[-1].ended) == {"a", "b"}

    watching(*users, test=test)

    assert all(one.count(refuses) == 1 for one in users)


@pytest.mark.fault("I8", "F41")
def test_time_never_runs_backwards() -> None:
    """An answer that is older than what was shown is dropped and counted."""
    held = Held(name="x", stamp=2_000_000)
    one = user("a", held)

    async def test(manager: SessionManager) -> None:
        shown, dropped = [], []
        async with manager.watch(interval_s=1.0) as updates:
            for stamp, amount in ((2000, "1"), (1000, "2"), (1999, "3"), (2000, "4"), (3000, "5")):
                held.stamp, held.amount = stamp * 1000, amount
                (update,) = await read(updates, 1)
                outcome = update.snapshot.outcomes[X]
                assert isinstance(outcome, Ok)
                shown.append((outcome.value.as_of_s, str(outcome.value.rows[0].amount)))
                dropped.append(update.dropped)
        assert shown == [(2000, "1"), (2000, "1"), (2000, "1"), (2000, "4"), (3000, "5")]
        assert dropped == [0, 1, 1, 0, 0]

    watching(one, test=test)


def test_a_time_that_has_not_come_proves_nothing() -> None:
    """A stamp of a hundred years from now must not hide every balance until then."""
    held = Held(name="x", stamp=4_900_000_000_000)
    one = user("a", held)

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            await read(updates, 1)
            held.stamp, held.amount = 2_000_000, "7"
            (update,) = await read(updates, 1)
        outcome = update.snapshot.outcomes[X]
        assert isinstance(outcome, Ok)
        assert str(outcome.value.rows[0].amount) == "7"
        assert update.dropped == 0

    watching(one, test=test)


def test_an_account_made_anew_is_another() -> None:
    """An older time stamp is no step back where the id says that it is another account."""
    held = Held(name="x", stamp=2_000_000)
    one = user("a", held)

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            await read(updates, 1)
            half_a_minute_passes(manager)
            held.id, held.stamp = "another", 1_000_000
            found = await read(updates, 3)
        outcome = found[-1].snapshot.outcomes[X]
        assert isinstance(outcome, Ok)
        assert outcome.value.as_of_s == 1000
        assert found[-1].dropped == 0

    watching(one, test=test)


def test_accounts_appear_and_go() -> None:
    """A new account appears with its rows, one that is archived is gone, and both are changes."""
    one = user("a", Held(name="x"))

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            (first,) = await read(updates, 1)
            assert first.changes[X].appeared
            one.accounts.append(Held(name="y"))
            more = [update for update in await read(updates, 3) if update.changes]
            assert [(list(update.changes), update.changes[Y].appeared) for update in more] == [([Y], True)]
            assert list(more[0].snapshot.outcomes) == [X, Y]
            half_a_minute_passes(manager)
            one.accounts.pop(0)
            less = [update.changes[X] for update in await read(updates, 3) if update.changes]
        assert [change.gone for change in less if change.gone] == [True]
        assert [type(change.after) for change in less] in ([type(None)], [Missing, type(None)])

    watching(one, test=test)


def test_an_account_named_is_watched_although_it_is_missing() -> None:
    """A list of accounts is what is polled: one the server does not have is `Missing` until it has it."""
    one = user("a", Held(name="x", cached="missing"), Held(name="y"))

    async def test(manager: SessionManager) -> None:
        async with manager.watch([X], interval_s=1.0) as updates:
            (first,) = await read(updates, 1)
            one.accounts[0].cached = "fine"
            (second,) = await read(updates, 1)
        assert first.snapshot.outcomes == {X: Missing()}
        assert isinstance(second.snapshot.outcomes[X], Ok)
        assert second.changes[X].outcome_changed
        assert second.changes[X].rows_added == ()

    watching(one, test=test)

    assert {seen.names for seen in one.seen if seen.endpoint == "cached_balances"} == {("x",)}


def test_old_balances_are_stale() -> None:
    """``max_age_s`` judges each round as it does a single call."""
    one = user("a", Held(name="x", stale_s=100.0), Held(name="y", stale_s=10.0))

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, max_age_s=50.0) as updates:
            first, second = await read(updates, 2)
        for update in (first, second):
            assert {key: type(found) for key, found in update.snapshot.outcomes.items()} == {X: Stale, Y: Ok}

    watching(one, test=test)


@pytest.mark.parametrize(("hangs", "said"), [(False, "HTTP 500"), (True, "")])
def test_silence(hangs: bool, said: str) -> None:
    """Where nothing at all is read for ``max_silence_s``, the watch says so by an error."""
    one = user("a")

    async def test(manager: SessionManager) -> None:
        clock = asyncio.get_running_loop().time
        async with manager.watch(interval_s=1.0, jitter=0.0, max_silence_s=10.0) as updates:
            await read(updates, 3)
            began = clock()
            one.refuses = {"cached_balances": HANG if hangs else 500}
            with pytest.raises(SilenceError, match=f"nothing was read for 10 s.*{said}"):
                await read(updates, 30)
            assert clock() - began == pytest.approx(10.0, abs=1.5)

    watching(one, test=test, retry=ONE_TRY)


@pytest.mark.parametrize("source", ["live", "auto"])
def test_other_sources(source: Any) -> None:
    """Live balances are watched like cached ones; ``auto`` falls back where live ones fail."""
    one = user("a")

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, source=source, max_age_s=600.0) as updates:
            (first,) = await read(updates, 1)
            one.refuses = {"balances": 500}
            (second,) = await read(updates, 1)
        outcome = first.snapshot.outcomes[X]
        assert isinstance(outcome, Ok)
        assert outcome.source == "live"
        after = second.snapshot.outcomes[X]
        assert isinstance(after, Failed if source == "live" else Ok)

    watching(one, test=test, retry=ONE_TRY)


def test_each_poll_has_its_deadline() -> None:
    """A poll that is not answered within ``deadline_s`` is an update of an account that failed."""
    one = user("a")

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, deadline_s=2.0) as updates:
            await read(updates, 1)
            one.refuses = {"cached_balances": HANG}
            (update,) = await read(updates, 1)
        outcome = update.snapshot.outcomes[X]
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, DeadlineExceededError)

    watching(one, test=test, retry=ONE_TRY)


def test_the_last_account_goes() -> None:
    """A token of which no account is left has none in the snapshot, and that is complete."""
    one, other = user("a"), user("b")

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            await read(updates, 1)
            half_a_minute_passes(manager)
            one.accounts.clear()
            updates_after = await read(updates, 3)
        assert list(updates_after[-1].snapshot.outcomes) == [AccountKey("b", "x")]
        assert updates_after[-1].snapshot.complete
        assert any(update.changes[X].gone for update in updates_after if X in update.changes)

    watching(one, other, test=test)


def test_an_account_that_came_back_is_begun_anew() -> None:
    """What was shown of an account that is gone says nothing of one that comes later."""
    one = user("a", Held(name="x"), Held(name="y", stamp=2_000_000))

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            await read(updates, 1)
            half_a_minute_passes(manager)
            held = one.accounts.pop()
            gone = (await read(updates, 3))[-1]
            held.stamp = 1_000_000
            half_a_minute_passes(manager)
            one.accounts.append(held)
            back = (await read(updates, 3))[-1]
        assert Y not in gone.snapshot.outcomes
        outcome = back.snapshot.outcomes[Y]
        assert isinstance(outcome, Ok)
        assert outcome.value.as_of_s == 1000
        assert back.dropped == 0

    watching(one, test=test)


def test_accounts_that_nobody_listed() -> None:
    """An answer with an account that the list does not have leaves the snapshot incomplete, every time."""
    one = user("a", Held(name="x"), Held(name="y", listed=False))

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            for update in await read(updates, 3):
                assert update.snapshot.unexpected == (Y,)
                assert not update.snapshot.complete

    watching(one, test=test)


def test_what_a_round_cost() -> None:
    """Each snapshot counts the requests of its round: the lists with the first, then one for each token."""
    users = [user("a"), user("b")]

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0) as updates:
            sent = [update.snapshot.requests_sent for update in await read(updates, 4)]
        assert sent == [4, 2, 2, 2]

    watching(*users, test=test)


@pytest.mark.parametrize("status", [500, 401])
@pytest.mark.parametrize("back_s", [8.0, 3600.0])
def test_a_clock_that_is_set_back_makes_nothing_younger(status: int, back_s: float) -> None:
    """What fails, or has ended, goes on growing older, and its alarm is raised in time."""
    users = [user("a", Held(name="x", stale_s=10.0)), user("b")]

    async def test(manager: SessionManager) -> None:
        clock, ages, alarms = asyncio.get_running_loop().time, [], []
        async with manager.watch(interval_s=5.0, jitter=0.0, rules=[rules.stale_for(40)]) as updates:
            await read(updates, 2)
            users[0].refuses = {"cached_balances": status}
            await read(updates, 1)
            wall = time.time
            with patch("time.time", lambda: wall() - back_s):
                for _ in range(7):
                    (update,) = await read(updates, 1)
                    outcome = update.snapshot.outcomes[X]
                    assert isinstance(outcome, Failed)
                    assert outcome.last is not None
                    ages.append((outcome.last.age_s, clock()))
                    alarms += [clock() for event in update.events if event.account == X]
        first = ages[0][1] - 15.0
        assert [age_s for age_s, _ in ages] == [
            pytest.approx(20.0 + at - ages[0][1], abs=3.0) for _, at in ages
        ]
        assert len(alarms) == 1
        assert first < alarms[0] < first + 50.0

    watching(*users, test=test, retry=ONE_TRY)


@pytest.mark.parametrize("what", ["no account", "missing"])
def test_an_answer_of_nothing_is_no_silence(what: str) -> None:
    """The server says that there is no account, or that it does not have this one."""
    one = user("a", Held(name="x", cached="missing"))
    if what == "no account":
        one.accounts.clear()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, max_silence_s=5.0) as updates:
            await read(updates, 20)

    watching(one, test=test)


@pytest.mark.fault("F41", "F18")
@pytest.mark.parametrize("status", [401, 500])
def test_a_token_without_accounts_that_fails(status: int) -> None:
    """That there is none is not known any more when the list cannot be renewed; a 401 ends it."""
    empty, other = user("a"), user("b")
    empty.accounts.clear()

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, jitter=0.0) as updates:
            (first,) = await read(updates, 1)
            assert first.snapshot.complete
            empty.refuses = {"accounts": status}
            rest = await read(updates, 100)
        since = next(place for place, update in enumerate(rest) if "a" in update.snapshot.unlisted)
        assert since < 35
        assert not any(update.snapshot.complete for update in rest[since:])
        assert ("a" in rest[-1].ended) == (status == 401)

    watching(empty, other, test=test, retry=ONE_TRY)

    assert empty.count() <= 6


def test_texts_of_accounts_that_nobody_asked_for_are_forgotten() -> None:
    """A server that does not filter, and always has new names, fills no memory."""
    one = user("a", Held(name="x"), Held(name="new"), honours_filter=False)

    async def test(manager: SessionManager) -> None:
        async with manager.watch([X], interval_s=1.0) as updates:
            for number in range(20):
                one.accounts[1] = Held(name=f"new {number}")
                await read(updates, 1)
            assert manager._fleet is not None
            (polling,) = manager._fleet.polling
            (memory,) = polling._known["a"].memories.values()  # type: ignore[attr-defined]
            assert max(len(known) for known in memory._by_name) <= 3

    watching(one, test=test)


def test_silence_is_not_the_end() -> None:
    """Whoever reads on is told again after as long, and then has what was last read, and what comes."""
    one = user("a")

    async def test(manager: SessionManager) -> None:
        clock = asyncio.get_running_loop().time
        async with manager.watch(interval_s=1.0, jitter=0.0, max_silence_s=10.0) as updates:
            await read(updates, 2)
            one.refuses = {"cached_balances": 500}
            times = [clock()]
            last = None
            while len(times) < 3:
                try:
                    (last,) = await read(updates, 1)
                except SilenceError:
                    times.append(clock())
            assert [later - earlier for earlier, later in itertools.pairwise(times)] == [
                pytest.approx(10.0, abs=1.5)
            ] * 2
            assert last is not None
            outcome = last.snapshot.outcomes[X]
            assert isinstance(outcome, Failed)
            assert outcome.last is not None
            one.refuses = {}
            began = clock()
            while not last.snapshot.complete:
                (last,) = await read(updates, 1)
            assert clock() - began < 5.0

    watching(one, test=test, retry=ONE_TRY)


@pytest.mark.parametrize("outage_s", [20, 25, 28])
def test_a_watch_makes_no_silence_of_its_own(outage_s: float) -> None:
    """An outage that is over before ``max_silence_s`` is none: it is polled often enough to notice."""
    one = user("a")

    async def test(manager: SessionManager) -> None:
        loop = asyncio.get_running_loop()
        async with manager.watch(interval_s=1.0, max_silence_s=40.0) as updates:
            await read(updates, 2)
            one.refuses = {"cached_balances": 500}
            loop.call_later(outage_s, setattr, one, "refuses", {})
            healed = loop.time() + outage_s
            while loop.time() < healed + 40:
                (update,) = await read(updates, 1)
                assert loop.time() < healed + 10 or update.snapshot.complete

    watching(one, test=test, retry=ONE_TRY)


def test_a_token_that_hangs_is_overdue() -> None:
    """While its balances are what was read before, the update says for how long nothing has come."""
    users = [user("a"), user("b")]

    async def test(manager: SessionManager) -> None:
        async with manager.watch(interval_s=1.0, jitter=0.0, deadline_s=8.0) as updates:
            assert not any(update.overdue for update in await read(updates, 3))
            users[1].refuses = {"cached_balances": HANG}
            found = await read(updates, 8)
        overdue = [update.overdue["b"] for update in found if update.overdue]
        assert len(overdue) >= 5
        assert overdue == sorted(overdue)
        assert overdue[-1] > 5.0
        assert all(set(update.overdue) <= {"b"} for update in found)

    watching(*users, test=test, retry=ONE_TRY)
