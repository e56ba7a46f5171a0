"""Whatever a server does: one outcome for each account asked for, and it is what the server said of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings

from tests.support.fleet_accounts import Held, User
from tests.support.fleet_cases import Case, cases
from tests.support.fleet_model import Implied, Verdict, implied, same_rows, sees
from tests.support.fleet_server import FleetServer
from tests.support.leaks import no_leaks
from tread_async import (
    AccountKey,
    Balance,
    CachedAccount,
    Failed,
    IncompleteSnapshotError,
    Missing,
    Ok,
    Outcome,
    RetryPolicy,
    SessionManager,
    Snapshot,
    Stale,
    TreadError,
)


class Expected:
    """What a snapshot of a case has to say."""

    def __init__(self, case: Case) -> None:
        self.keys: list[AccountKey] = list(dict.fromkeys(case.keys or []))
        self.verdicts: dict[AccountKey, Verdict] = {}
        self.unlisted: set[str] = set()
        self.unexpected: set[AccountKey] = set()
        self.duplicates: set[AccountKey] = set()
        self.errors: dict[str, list[Any]] = {}
        self.uncertain: set[str] = set()
        for credential, user in case.users.items():
            listed = (case.keys is None or case.looks_up) and not user.refuses
            if case.keys is None and user.refuses:
                self.unlisted.add(credential)
            elif case.keys is None:
                self.keys += [AccountKey(credential, one.name) for one in user.accounts if one.listed]
            names = [key.name for key in self.keys if key.credential == credential]
            if names:
                self._read(case, credential, user, names, listed)

    def _read(self, case: Case, credential: str, user: User, names: list[str], listed: bool) -> None:
        first = implied(user, "cached" if case.source == "cached" else "live", names, listed=listed)
        parts = [first]
        if case.source == "auto":
            rest = [name for name, verdict in first.verdicts.items() if verdict.kind == "failed"]
            second = implied(user, "cached", rest, listed=listed) if rest else Implied()
            better = {name: verdict for name, verdict in second.verdicts.items() if verdict.kind == "ok"}
            first.verdicts.update(better)
            parts.append(second)
        for name, verdict in first.verdicts.items():
            self.verdicts[AccountKey(credential, name)] = verdict
        for part in parts:
            self.unexpected |= {AccountKey(credential, name) for name in part.unexpected - set(names)}
            self.duplicates |= {AccountKey(credential, name) for name in part.duplicates}
            if part.errors:
                self.errors[credential] = part.errors
            if not part.certain:
                self.uncertain.add(credential)


def check(case: Case, snapshot: Snapshot) -> None:
    """Holds every word of *snapshot* against what the server sent."""
    expected = Expected(case)
    assert list(snapshot.outcomes) == expected.keys
    assert set(snapshot.unlisted) == expected.unlisted
    held = {AccountKey(name, one.name): one for name, user in case.users.items() for one in user.accounts}
    for key, outcome in snapshot.outcomes.items():
        if isinstance(outcome, Ok | Stale):
            assert outcome.value.key == key
            assert same_rows(held[key], outcome.value)
        if key.credential not in expected.uncertain:
            check_outcome(outcome, expected.verdicts[key], case, key, held.get(key))
    check_the_rest(expected, snapshot)
    check_totals(snapshot)


def check_outcome(outcome: Outcome, verdict: Verdict, case: Case, key: AccountKey, one: Held | None) -> None:
    if isinstance(outcome, Ok | Stale):
        assert one is not None
        assert (verdict.kind, verdict.source) == ("ok", outcome.source)
        age_s = sees(case.users[key.credential], one, verdict.source)
        assert (outcome.age_s is None) == (age_s is None)
        assert age_s is None or outcome.age_s == pytest.approx(age_s, abs=30.0)
        too_old = case.max_age_s is not None and (age_s is None or age_s > case.max_age_s)
        assert isinstance(outcome, Stale) == too_old
    elif isinstance(outcome, Failed):
        assert verdict.kind == "failed"
        assert isinstance(outcome.error, verdict.errors)
    else:
        assert (type(outcome), verdict.kind) == (Missing, "missing")


def check_the_rest(expected: Expected, snapshot: Snapshot) -> None:
    uncertain = expected.uncertain
    for found, wanted in (
        (snapshot.unexpected, expected.unexpected),
        (snapshot.duplicates, expected.duplicates),
    ):
        assert len(found) == len(set(found))
        assert {key for key in found if key.credential not in uncertain} == {
            key for key in wanted if key.credential not in uncertain
        }
    for credential in (snapshot.errors.keys() | expected.errors.keys()) - uncertain:
        said, said_by_server = snapshot.errors.get(credential, ()), expected.errors.get(credential, [])
        assert all(error in said for error in said_by_server)
        assert all(said.count(error) <= said_by_server.count(error) for error in said)


def check_totals(snapshot: Snapshot) -> None:
    kinds = Counter(type(outcome).__name__.lower() for outcome in snapshot.outcomes.values())
    good = {key: outcome.value for key, outcome in snapshot.outcomes.items() if isinstance(outcome, Ok)}
    assert snapshot.counts == {kind: kinds[kind] for kind in ("ok", "stale", "failed", "missing")}
    assert snapshot.ok == good
    more = bool(snapshot.unlisted or snapshot.errors or (snapshot.of_all and snapshot.unexpected))
    assert snapshot.complete == (len(good) == len(snapshot.outcomes) and not more)
    ids = {balance.wire.account_id for balance in good.values() if isinstance(balance.wire, CachedAccount)}
    once = [
        balance
        for balance in good.values()
        if not isinstance(balance.wire, CachedAccount) or balance.wire.account_id in ids
        if not isinstance(balance.wire, CachedAccount) or not ids.discard(balance.wire.account_id)
    ]

    def amount(balance: Balance) -> Decimal | None:
        return balance.rows[0].amount

    for figure in (amount, lambda balance: balance.equity):
        known = [found for balance in once if (found := figure(balance)) is not None]
        assert snapshot.total(figure, allow_partial=True) == sum(known, Decimal(0))
        if snapshot.complete and len(known) == len(once):
            assert snapshot.total(figure) == sum(known, Decimal(0))
        else:
            with pytest.raises(IncompleteSnapshotError):
                snapshot.total(figure)


class Bench:
    """One server on one loop, for every case of a test."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.server = FleetServer()
        self.guard = no_leaks()
        runner.run(self._open())

    async def _open(self) -> None:
        await self.guard.__aenter__()
        await self.server.__aenter__()

    async def close(self) -> None:
        await self.server.__aexit__()
        await self.guard.__aexit__(None, None, None)

    async def ask(self, case: Case) -> list[Snapshot] | TreadError:
        self.server.users = tuple(case.users.values())
        tokens = {name: user.token for name, user in case.users.items()}
        retry = RetryPolicy(attempts=case.attempts, base_s=0.0005, throttled_base_s=0.0005, cap_s=0.001)
        async with SessionManager(tokens, base_url=self.server.url, retry=retry) as desk:
            try:
                return [
                    await desk.balances(case.asked, source=case.source, max_age_s=case.max_age_s)
                    for _ in range(3)  # the third is read with a memory
                ]
            except TreadError as error:
                return error

    def check(self, case: Case) -> None:
        found = self.runner.run(self.ask(case))
        # Whose account is meant cannot be told while a token is not listed.
        untold = case.looks_up and any(user.refuses for user in case.users.values())
        assert isinstance(found, TreadError) == untold
        if not isinstance(found, TreadError):
            for snapshot in found:
                check(case, snapshot)
            assert sum(snapshot.requests_sent for snapshot in found) == self.server.count()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    factory: Callable[[], asyncio.AbstractEventLoop] = request.param
    # In debug mode, which -X dev sets, asyncio notes a stack for each task: a minute more.
    with asyncio.Runner(debug=False, loop_factory=factory) as runner:
        made = Bench(runner)
        yield made
        runner.run(made.close())


def test_every_account_once(bench: Bench, request: pytest.FixtureRequest) -> None:
    """Each account asked for has one outcome, in the order asked, which is what the server said of it."""
    examples = 1000 if "asyncio" in request.node.name else 100

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def run(case: Case) -> None:
        bench.check(case)

    run()
