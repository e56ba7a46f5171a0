"""Assertions on the journal: when they hold, and what they say when they do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.samples import FAST, PAIR
from tread_async import RejectedError, TreadClient
from tread_async.testing import TreadSimulator


@pytest.fixture
def sim() -> Iterator[TreadSimulator]:
    with TreadSimulator(tokens=2) as opened:
        yield opened


@pytest.fixture
async def tread(sim: TreadSimulator) -> Any:
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=FAST) as client:
        yield client


@pytest.fixture
def lever(sim: TreadSimulator, tread: TreadClient) -> Callable[..., Any]:
    """Sets a leverage of A."""

    async def one(leverage: int) -> None:
        await tread.set_leverage(leverage, pair=PAIR, account_ids=[sim.account("A").id])

    return one


async def test_applied_once(sim: TreadSimulator, lever: Callable[..., Any]) -> None:
    """By account name or id, pair, leverage, kind and user, each of which may be left out."""
    await lever(5)

    sim.assert_applied_once()
    sim.assert_applied_once(account="A", kind="leverage", pair=PAIR, leverage="5.0", user=0)
    sim.assert_applied_once(account=sim.account("A").id)


@pytest.mark.parametrize(
    "other",
    [{"account": "B"}, {"kind": "create"}, {"pair": "BTC:PERP-USDT"}, {"leverage": 4}, {"user": 1}],
    ids=str,
)
async def test_what_does_not_fit(
    sim: TreadSimulator, lever: Callable[..., Any], other: dict[str, Any]
) -> None:
    """Every condition counts."""
    await lever(5)

    sim.assert_not_applied(**other)
    with pytest.raises(AssertionError, match=r"^Applied 0 times instead of 1: "):
        sim.assert_applied_once(**other)


async def test_twice_is_not_once(sim: TreadSimulator, lever: Callable[..., Any]) -> None:
    """The message shows what was sent and what it changed."""
    sim.fail(endpoint="set_leverage", drop="after", times=1)
    await lever(5)

    with pytest.raises(AssertionError) as caught:
        sim.assert_applied_once(account="A", pair=PAIR, leverage=5)

    assert str(caught.value).splitlines() == [
        f"Applied 2 times instead of 1: any change, account A, pair {PAIR}, leverage 5.",
        "The server received:",
        '  1. set_leverage of A {"leverage": "5", "pair": "ETH:PERP-USDT"}: no answer',
        f"       applied: leverage of A, pair {PAIR}, leverage 5",
        '  2. set_leverage of A {"leverage": "5", "pair": "ETH:PERP-USDT"}: HTTP 200',
        f"       applied: leverage of A, pair {PAIR}, leverage 5",
    ]


async def test_applied_although_it_should_not(sim: TreadSimulator, lever: Callable[..., Any]) -> None:
    """`assert_not_applied` fails too."""
    await lever(5)

    with pytest.raises(AssertionError, match=r"^Applied 1 times instead of 0: leverage, user 0\."):
        sim.assert_not_applied(kind="leverage", user=0)


async def test_a_change_of_another_kind_has_no_leverage(sim: TreadSimulator, tread: TreadClient) -> None:
    """It does not fit a leverage, and is not taken for an error."""
    await tread.update_account(sim.account("A").id, margin_mode="ISOLATED")

    sim.assert_not_applied(leverage=5)
    sim.assert_not_applied(pair=PAIR)
    sim.assert_applied_once(kind="update")


async def test_a_change_of_every_pair_is_one_of_each(sim: TreadSimulator, tread: TreadClient) -> None:
    """A leverage set without a pair."""
    body = {"leverage": "5", "account_ids": [sim.account("A").id]}
    await tread.request("POST", "/api/set_leverage/", json=body)

    sim.assert_applied_once(pair=PAIR, leverage=5)


async def test_requests(sim: TreadSimulator, tread: TreadClient) -> None:
    """Counted by endpoint, account and user; a read of everything is about each account."""
    await tread.balances(["A"])
    await tread.balances()

    sim.assert_requests(2)
    sim.assert_requests(2, endpoint="balances", account="A", user=0)
    sim.assert_requests(1, account="B")
    sim.assert_requests(0, endpoint="set_leverage")
    sim.assert_requests(0, user=1)
    with pytest.raises(AssertionError, match=r"^Received 1 times instead of 2: balances, account B\.\nThe"):
        sim.assert_requests(2, endpoint="balances", account="B")


async def test_what_came_before_can_be_forgotten(sim: TreadSimulator, tread: TreadClient) -> None:
    """The journal of what a test prepares."""
    await tread.accounts()
    sim.forget()

    sim.assert_requests(0)
    with pytest.raises(AssertionError, match=r"The server received no request\.$"):
        sim.assert_requests(1)


def test_a_fault_that_struck_nothing_is_named(sim: TreadSimulator) -> None:
    """A misspelt account is the usual reason why a test does not see what it expects."""
    sim.fail(account="AA", user=0, status=422)

    with pytest.raises(AssertionError) as caught:
        sim.assert_requests(1)

    last = str(caught.value).splitlines()[-1]
    assert last == "It met no request that fits Fault(account='AA', user=0, status=422)"


async def test_a_long_journal_is_shortened(sim: TreadSimulator, tread: TreadClient) -> None:
    """The newest lines are shown, and how many are not."""
    for _ in range(50):
        await tread.accounts()

    with pytest.raises(AssertionError) as caught:
        sim.assert_requests(0)

    assert re.search(r"received:\n  \.\.\. 10 lines before\n  11\. accounts of A, B, C: ", str(caught.value))


async def test_many_accounts_are_a_number() -> None:
    """A line stays a line."""
    with TreadSimulator(accounts=9) as many:
        async with TreadClient(many.tokens[0], base_url=many.url) as client:
            with pytest.raises(RejectedError):
                await client.request("GET", "/api/nothing")
            await client.balances()

        with pytest.raises(AssertionError) as caught:
            many.assert_requests(0)

    assert "1. GET /api/nothing of no account: HTTP 404\n  2. balances of 9 accounts: " in str(caught.value)


async def test_no_secret_is_shown(sim: TreadSimulator, tread: TreadClient) -> None:
    """Neither of an account that is made, nor the token."""
    await tread.create_account(name="new", exchange="Gate", api_key="the-key", api_secret="the-secret")

    with pytest.raises(AssertionError) as caught:
        sim.assert_applied_once(account="A")

    said = str(caught.value)
    assert "applied: create of new, exchange Gate" in said
    assert not [one for one in ("the-key", "the-secret", sim.tokens[0]) if one in said]
