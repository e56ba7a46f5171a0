"""`no_backoff`: everything is as it would be, but for the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.samples import PAIR
from tread_async import (
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    SessionManager,
    TreadClient,
)
from tread_async._lifecycle import _LISTED_AFTER_S
from tread_async.testing import TreadSimulator, no_backoff

REAL_TIMES = _LISTED_AFTER_S


@pytest.fixture
def sim() -> Iterator[TreadSimulator]:
    with TreadSimulator() as opened:
        yield opened


@pytest.fixture(autouse=True)
def listed_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the place of the fixture that removes these waits for other tests."""
    monkeypatch.setattr("tread_async._lifecycle._LISTED_AFTER_S", REAL_TIMES)


@contextmanager
def at_once() -> Iterator[None]:
    began = time.monotonic()
    with no_backoff():
        yield
    took_s = time.monotonic() - began
    assert took_s < 0.9, took_s


async def test_between_attempts(sim: TreadSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts are as many as ever."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    sim.fail(endpoint="set_leverage", status=422, times=3)

    async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        with at_once():
            await tread.set_leverage(5, pair=PAIR, account_ids=[sim.account("A").id])

    sim.assert_requests(4)
    sim.assert_applied_once(account="A", pair=PAIR, leverage=5)


@pytest.mark.parametrize("rate", [None, 1000.0])
async def test_after_a_retry_after(sim: TreadSimulator, rate: float | None) -> None:
    """Neither the call itself waits, nor another of the token, with a rate or without."""
    sim.fail(status=429, headers={"Retry-After": "2"}, times=1)

    async with TreadClient(sim.tokens[0], base_url=sim.url, requests_per_s=rate) as tread:
        with at_once():
            await tread.balances()
            await tread.accounts()

    sim.assert_requests(3)


async def test_between_two_looks_at_the_list(sim: TreadSimulator) -> None:
    """Of a write whose outcome is unknown."""
    sim.fail(endpoint="create_account", status=500)

    async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        with at_once(), pytest.raises(OutcomeUnknownError):
            await tread.create_account(name="new", exchange="Gate", api_key="k", api_secret="s")

    sim.assert_requests(len(REAL_TIMES), endpoint="accounts")


async def test_a_manager_too(sim: TreadSimulator) -> None:
    """It has no settings that would have to be known."""
    sim.fail(account="A", status=503, headers={"Retry-After": "2"}, times=2)

    async with SessionManager({"desk": sim.tokens[0]}, base_url=sim.url) as desk:
        with at_once():
            assert (await desk.balances(["A"])).complete


async def test_what_ends_a_call_ends_it_still(sim: TreadSimulator) -> None:
    """A wait that is too long is refused, as it is without."""
    sim.fail(status=429, headers={"Retry-After": "61"})

    async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        with no_backoff(), pytest.raises(RateLimitedError, match="more than 60 s"):
            await tread.balances()

    sim.assert_requests(1)


async def test_waiting_comes_back(sim: TreadSimulator) -> None:
    """After the block, also when it ends with an error."""
    with pytest.raises(ZeroDivisionError), no_backoff():
        raise ZeroDivisionError

    sim.fail(status=503, headers={"Retry-After": "1"}, times=1)
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=RetryPolicy(attempts=2)) as tread:
        began = time.monotonic()
        await tread.accounts()

    assert time.monotonic() - began >= 1.0
