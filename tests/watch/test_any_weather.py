"""A watch under everything at once: what it must never do, whatever the server does and the reader takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.desks import desk
from tests.support.fleet_accounts import HANG, Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import ONE_TRY
from tests.support.watched import user, watching
from tread_async import AccountKey, Failed, Missing, Ok, Outcome, SessionManager, Stale, Update

KEYS = [AccountKey(credential, name) for credential in "ab" for name in "xy"]
SEEDS = st.integers(0, 2**32)
KINDS: list[Any] = ["fine"] * 6 + ["missing", "undecodable", "error by name", "500", "different twice"]


class Weather:
    """A server that changes at random, and what its updates have said so far."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.users = [user(name, Held(name="x"), Held(name="y")) for name in "ab"]
        self.updates = 0
        self._times: dict[AccountKey, float] = {}
        self._last: Update | None = None

    def change(self) -> None:
        """Something else from now on; never a 401, which ends it."""
        for one in self.users:
            one.wait_s = self.random.choice([0.0, 0.0, 0.3, 2.4])
            one.refuses = self.random.choice(
                [{}, {}, {}, {"cached_balances": self.random.choice([500, 429, HANG])}]
            )
            for held in one.accounts:
                held.cached = self.random.choice(KINDS)
                held.amount = str(self.random.randrange(3))
                held.stamp = 1_000_000 + self.random.randrange(1000) * 1000

    def hears(self, update: Update, order: list[AccountKey]) -> None:
        """Holds *update* to what every update has to keep."""
        outcomes, before = update.snapshot.outcomes, self._last
        assert list(outcomes) == order
        assert update.round == (1 if before is None else before.round + update.skipped + 1)
        for key, outcome in outcomes.items():
            self._no_step_back(key, outcome)
        if before is not None:
            assert {key for key in order if _differs(before.snapshot.outcomes[key], outcomes[key])} == set(
                update.changes
            )
            for key, change in update.changes.items():
                assert change.before == before.snapshot.outcomes[key]
                assert change.after == outcomes[key]
        self._last = update
        self.updates += 1

    def _no_step_back(self, key: AccountKey, outcome: Outcome) -> None:
        value = outcome.last.value if isinstance(outcome, Failed) and outcome.last else None
        value = outcome.value if isinstance(outcome, Ok | Stale) else value
        if value is not None:
            assert value.as_of_s is not None
            assert value.as_of_s >= self._times.get(key, 0.0)
            self._times[key] = value.as_of_s
        elif not isinstance(outcome, Missing):
            assert key not in self._times, "what was read is forgotten"


def _differs(before: Outcome, after: Outcome) -> bool:
    return _shown(before) != _shown(after) if type(before) is type(after) else True


def _shown(outcome: Outcome) -> Any:
    if isinstance(outcome, Failed):
        return type(outcome.error), str(outcome.error)
    return outcome.value.rows if isinstance(outcome, Ok | Stale) else None


@pytest.mark.fault("F41", "I8", "I3")
@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_any_weather(seed: int) -> None:
    """Time never runs backwards, nothing is polled twice at once, no change and no account is lost."""
    weather = Weather(seed)

    async def test(manager: SessionManager) -> None:
        async with manager.watch(KEYS, interval_s=1.0, deadline_s=3.0) as updates:
            for _ in range(12):
                weather.hears(await anext(updates), KEYS)
                weather.change()
                await asyncio.sleep(weather.random.choice([0.0, 0.0, 0.5, 3.7]))

    watching(*weather.users, test=test, retry=ONE_TRY)

    assert weather.updates == 12
    assert all(_batches_at_once(one) <= 2 for one in weather.users)


def _batches_at_once(one: User) -> int:
    """A poll whose batch fails is split, into its two accounts; a second poll would be a third request."""
    return one.peak


@pytest.mark.fault("F41", "I8")
async def test_a_burst_of_failures() -> None:
    """In real time: slow answers, failures, an older stamp, a slow reader; then all is well again."""
    held = Held(name="x", stamp=2_000_000)
    one = user("a", held, wait_s=0.01)
    bursts: list[Mapping[str, Any]] = [
        {"first": [(500, {})] * 3},
        {"first": []},
        {"stamp": 1_000_000},
        {"stamp": 3_000_000},
    ]
    async with FleetServer(one) as server, desk(server, retry=ONE_TRY) as manager:
        rounds, dropped = [], 0
        async with manager.watch(interval_s=0.005) as updates:
            for burst in bursts:
                one.first = list(burst.get("first", []))
                held.stamp = burst.get("stamp", held.stamp)
                for _ in range(4):
                    update = await anext(updates)
                    rounds.append(update.round)
                    dropped += update.dropped
                    await asyncio.sleep(0.02)
        await server.until_idle()

    assert rounds == sorted(set(rounds))
    assert one.peak == 1
    assert dropped >= 1
    outcome = update.snapshot.outcomes[AccountKey("a", "x")]
    assert isinstance(outcome, Ok)
    assert outcome.value.as_of_s == 3000
