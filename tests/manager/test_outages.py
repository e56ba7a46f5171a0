"""What fails every account of a token alike: not split, bounded, and an outcome of that token alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.desks import NOTHING, desk, keys, left_behind
from tests.support.fleet_accounts import HANG, Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import FAST, ONE_TRY
from tread_async import (
    AccountKey,
    AuthError,
    DeadlineExceededError,
    Failed,
    NotSentError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    RetryPolicy,
    ServerError,
    SessionManager,
    Snapshot,
)

COUNT = 40
NAMES = [f"x{n:02}" for n in range(COUNT)]
HASTY = RetryPolicy(attempts=2, attempt_timeout_s=0.15, base_s=0.001, cap_s=0.002)


def down(status: int | None, token: str = "canary-t") -> User:
    """40 accounts, and balances that are refused with *status*."""
    refuses = {} if status is None else {"balances": status, "cached_balances": status}
    return User(token=token, accounts=[Held(name=name) for name in NAMES], refuses=refuses)


def check(snapshot: Snapshot, error: Any, credential: str = "a") -> None:
    """Every account of the credential failed with *error*."""
    outcomes = [outcome for key, outcome in snapshot.outcomes.items() if key.credential == credential]
    assert len(outcomes) == COUNT
    assert {type(outcome) for outcome in outcomes} == {Failed}
    assert {type(outcome.error) for outcome in outcomes} == {error}  # type: ignore[union-attr]


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize(("status", "error"), [(500, ServerError), (503, ServerError), (404, RejectedError)])
async def test_outage(status: int, error: Any, attempts: int) -> None:
    """When nothing answers, three accounts are tried alone and no more: every account has failed."""
    user = down(status)
    retry = RetryPolicy(attempts=attempts, base_s=0.001, throttled_base_s=0.001, cap_s=0.002)
    async with FleetServer(user) as wire, desk(wire, retry=retry) as manager:
        snapshot = await manager.balances()

    check(snapshot, error)
    tries = 1 if status == 404 else attempts
    assert user.count("balances") == min(tries, 2) + 3 * tries


async def test_outage_of_many_batches() -> None:
    """In an outage, batches that are under way at once are not each looked into."""
    user = down(500)
    user.accounts = [Held(name=f"{n:04}" + "x" * 90) for n in range(400)]
    async with FleetServer(user) as wire, desk(wire, retry=ONE_TRY) as manager:
        snapshot = await manager.balances(keys("a", [one.name for one in user.accounts]))

    assert snapshot.counts["failed"] == 400
    batches = sum(len(names or ()) > 1 for names in user.filters())
    assert batches == 10
    assert wire.count() == batches + 3


async def test_nothing_answers_in_time() -> None:
    """A server that accepts and says nothing costs a bounded time, and leaves no slot taken."""
    user = down(HANG)
    async with FleetServer(user) as wire, desk(wire, retry=HASTY) as manager:
        began = asyncio.get_running_loop().time()
        snapshot = await manager.balances()
        took_s = asyncio.get_running_loop().time() - began

        assert left_behind(manager) == NOTHING
    check(snapshot, DeadlineExceededError)
    assert user.count("balances") <= 2 + 3 * 2
    assert took_s < 3.0


@pytest.mark.parametrize("deadline_s", [0.05, 0.7])
async def test_no_time_left(deadline_s: float) -> None:
    """The deadline holds over everything that a snapshot does, and every account says that it was that."""
    user = down(HANG)
    async with FleetServer(user) as wire, desk(wire) as manager:
        await manager.accounts()
        began = asyncio.get_running_loop().time()
        snapshot = await manager.balances(deadline_s=deadline_s)
        took_s = asyncio.get_running_loop().time() - began

    check(snapshot, DeadlineExceededError)
    assert took_s < deadline_s + 1.0


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [(401, AuthError, 1), (429, RateLimitedError, 2), (302, ProtocolError, 1), (299, ProtocolError, 1)],
)
async def test_not_split(status: int, error: Any, requests: int) -> None:
    """What a token or a host is told alike, whatever it asks, is not asked again for fewer accounts."""
    user = down(status)
    async with FleetServer(user) as wire, desk(wire, retry=FAST) as manager:
        snapshot = await manager.balances(keys("a", NAMES))

    check(snapshot, error)
    assert user.count() == requests
    assert {names for names in user.filters() if names is not None} == {tuple(NAMES)}


async def test_connection_refused(unused_tcp_port: int) -> None:
    """A host that is out of reach fails every account as not sent, and counts no request."""
    tokens = {"a": "canary-t", "b": "canary-u"}
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with SessionManager(tokens, base_url=url, retry=FAST) as manager:
        snapshot = await manager.balances(keys("a", NAMES))
        of_all = await manager.balances()

    check(snapshot, NotSentError)
    assert (snapshot.requests_sent, of_all.requests_sent) == (0, 0)
    assert set(of_all.unlisted) == {"a", "b"}
    assert not of_all.outcomes
    assert not of_all.complete


@pytest.mark.parametrize("status", [500, 401, HANG])
async def test_other_tokens_go_on(status: int) -> None:
    """What is wrong with one token is no matter of the others, which need one request each."""
    users = [down(None, "canary-t"), down(status, "canary-u"), down(None, "canary-v")]
    async with FleetServer(*users) as wire, desk(wire, retry=HASTY) as manager:
        snapshot = await manager.balances()

    errors = {500: ServerError, 401: AuthError, HANG: DeadlineExceededError}
    check(snapshot, errors[status], "b")
    assert {key.credential for key in snapshot.ok} == {"a", "c"}
    assert snapshot.counts["ok"] == 2 * COUNT
    assert [users[0].count("balances"), users[2].count("balances")] == [1, 1]


class Faulty(str):
    """A name with a bug in it, which the library meets when it makes requests."""

    def __contains__(self, item: object) -> bool:
        raise ZeroDivisionError


async def test_a_bug_is_not_an_outcome() -> None:
    """An exception that is no error of the library's reaches every caller as it is."""
    async with FleetServer(down(None)) as wire, desk(wire) as manager:
        faulty = AccountKey("a", Faulty("x01"))
        with pytest.raises(ZeroDivisionError):
            await manager.balances([AccountKey("a", "x00"), faulty])
        ended = await asyncio.gather(
            manager.balance(AccountKey("a", "x00")), manager.balance(faulty), return_exceptions=True
        )
        assert [type(one) for one in ended] == [ZeroDivisionError] * 2
        assert (await manager.balance(AccountKey("a", "x00"))).key.name == "x00"

        assert left_behind(manager) == NOTHING


async def test_cancellation_is_not_an_outcome() -> None:
    """A snapshot that is cancelled is cancelled, and says nothing of its accounts."""
    users = [down(None, "canary-t"), down(HANG, "canary-u")]
    async with FleetServer(*users) as wire, desk(wire) as manager:
        task = asyncio.create_task(manager.balances())
        await wire.until(requests=2, endpoint="balances")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wire.until_idle()

        assert task.cancelled()
        assert left_behind(manager) == NOTHING
