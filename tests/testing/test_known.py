"""What an assertion names must be there: of what is misspelt every "nothing happened" would hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.samples import FAST, PAIR
from tread_async import AuthError, OutcomeUnknownError, RetryPolicy, TreadClient, UnprocessableError
from tread_async.testing import TreadSimulator

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def sim() -> Iterator[TreadSimulator]:
    with TreadSimulator(tokens=2) as opened:
        yield opened


@pytest.fixture
async def tread(sim: TreadSimulator) -> Any:
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=FAST) as client:
        yield client


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"account": "Typo"}, "there is no account 'Typo': there are A, B, C"),
        ({"account": "a"}, "there is no account 'a': there are A, B, C"),
        ({"kind": "levrage"}, "there is no kind 'levrage': there are archive, create, leverage, update"),
        ({"user": 2}, "there is no user 2: there are 0, 1"),
        ({"user": -1}, "there is no user -1: there are 0, 1"),
        ({"pair": "eth:perp-usdt"}, f"there is no pair 'eth:perp-usdt': there are {PAIR}"),
        ({"pair": "ETH-PERP"}, "'ETH-PERP' is no pair: it is written as ETH:PERP-USDT"),
    ],
)
def test_what_is_not_there_is_no_change(sim: TreadSimulator, named: dict[str, Any], said: str) -> None:
    """A mistake of the test, in both assertions."""
    for holds in (sim.assert_not_applied, sim.assert_applied_once):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - looked at below
            holds(**named)
        assert str(caught.value) == said


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"account": "Typo"}, "there is no account 'Typo': there are A, B, C"),
        ({"user": 9}, "there is no user 9: there are 0, 1"),
        (
            {"endpoint": "set_levrage"},
            "there is no endpoint 'set_levrage': there are accounts, archive_",
        ),
    ],
)
def test_what_is_not_there_is_no_request(sim: TreadSimulator, named: dict[str, Any], said: str) -> None:
    """Neither."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - looked at below
        sim.assert_requests(0, **named)

    assert str(caught.value).startswith(said)


def test_an_account_of_another_user_is_not_there() -> None:
    """By its id, which is nobody else's."""
    with TreadSimulator(tokens=2) as sim:
        other = sim.account("A", user=1).id
        sim.assert_not_applied(account=other, user=1)

        with pytest.raises(ValueError, match="there is no account"):
            sim.assert_not_applied(account=other, user=0)


def test_of_many_accounts_a_few_are_named() -> None:
    """The sentence stays one."""
    with TreadSimulator(accounts=14) as sim, pytest.raises(ValueError, match=r"-010 and 4 more$"):
        sim.assert_not_applied(account="x")


async def test_requests_are_found_by_id_too(sim: TreadSimulator, tread: TreadClient) -> None:
    """As by name, of that user's account only."""
    await tread.set_leverage(5, pair=PAIR, account_ids=[sim.account("A").id])

    for account in ("A", sim.account("A").id):
        sim.assert_requests(1, account=account, endpoint="set_leverage")
    for account in ("B", sim.account("B").id, sim.account("A", user=1).id):
        sim.assert_requests(0, account=account)


async def test_what_requests_have_named_is_known(sim: TreadSimulator, tread: TreadClient) -> None:
    """An id that the server does not have, and an account that was not created."""
    with pytest.raises(UnprocessableError):
        await tread.set_leverage(5, pair=PAIR, account_ids=["nobody's"], deadline_s=1)

    sim.assert_not_applied(account="nobody's")
    sim.assert_not_applied(account="new", kind="create")
    sim.assert_requests(0, account="new", endpoint="create_account")


async def test_an_archived_account_is_known_by_its_names(sim: TreadSimulator, tread: TreadClient) -> None:
    """The one before, the one after, and its id; also when the journal was emptied."""
    archived = sim.account("A").id
    await tread.archive_account("A")
    sim.assert_applied_once(account="A", kind="archive")
    sim.forget()

    [record] = [one for one in sim.accounts() if one.archived]
    for account in ("A", record.name, archived):
        sim.assert_not_applied(account=account, user=0)


async def test_a_token_that_nobody_has(sim: TreadSimulator) -> None:
    """What it asks for is in the journal, and of no user."""
    async with TreadClient("0" * 40, base_url=sim.url, retry=ONCE) as stranger:
        with pytest.raises(AuthError):
            await stranger.balances(["A"])

    sim.assert_requests(1, endpoint="balances")
    sim.assert_requests(0, account="A")


@pytest.mark.parametrize("pair", ["DOGE:PERP-USDC", "kPEPE:PERP-USDC"])
def test_a_pair_of_which_there_is_no_position(sim: TreadSimulator, pair: str) -> None:
    """It may be meant: a leverage can be set before there is one."""
    sim.assert_not_applied(pair=pair)


async def test_what_is_put_off_counts(sim: TreadSimulator) -> None:
    """The change is on its way when the client has its answer, and comes soon enough to be waited for."""
    sim.fail(endpoint="set_leverage", drop="late", delay_s=0.3)
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=ONCE) as tread:
        with pytest.raises(OutcomeUnknownError):
            await tread.set_leverage(5, pair=PAIR, account_ids=[sim.account("A").id])

    with pytest.raises(AssertionError, match=r"^Applied 1 times instead of 0: any change, account A\."):
        sim.assert_not_applied(account="A")
    sim.assert_applied_once(account="A")
