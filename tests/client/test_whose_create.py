"""An account has one maker: what another call of the client made is no proof for this one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.listings import resolved
from tests.support.samples import FAST
from tread_async import (
    Account,
    Applied,
    NotSentError,
    OutcomeUnknownError,
    RejectedError,
    TreadClient,
    Unknown,
)
from tread_async._creates import Creates
from tread_async.secret import Secret
from tread_async.simulator import Simulator

LATE_S = 0.2


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(accounts=1) as sim:
        yield sim


@pytest.fixture
async def client(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TreadClient]:
    monkeypatch.setattr("tread_async._lifecycle._LISTED_AFTER_S", (0.0, 0.001))
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=FAST) as client:
        yield client


def create(client: TreadClient, *, api_key: str = "k", **more: Any) -> Any:
    return client.create_account(name="n", exchange="Gate", api_key=api_key, api_secret="s", **more)


async def unknown(client: TreadClient, **more: Any) -> OutcomeUnknownError:
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client, **more)
    return caught.value


async def late(sim: Simulator, client: TreadClient, delay_s: float = LATE_S) -> OutcomeUnknownError:
    """A create that is acted on when its call has ended long since."""
    sim.fail(endpoint="create_account", times=1, drop="late", delay_s=delay_s)
    return await unknown(client)


def made(sim: Simulator, number: int) -> list[str]:
    """The accounts that the create call with that *number* has made, by the server's journal."""
    posts = [request.number for request in sim.journal.requests if request.endpoint == "create_account"]
    changes = sim.journal.changes
    return [one.account_id for one in changes if (one.kind, one.request) == ("create", posts[number])]


@pytest.mark.fault("F07", "I2")
async def test_a_late_create_is_not_the_account_of_the_next(sim: Simulator, client: TreadClient) -> None:
    """It is unknown while the other has the name, and finds its own when the name is free."""
    error = await late(sim, client)
    account = await create(client)
    outcome = await resolved(error)

    assert isinstance(outcome, Unknown)
    assert "it was made by another call of this client" in str(outcome.error)
    await client.archive_account("n")
    assert isinstance(await resolved(error), Unknown)
    await sim.settle()
    found = await resolved(error)
    assert found == Applied(seen=made(sim, 0)[0])
    assert made(sim, 1) == [account.id] != made(sim, 0)


@pytest.mark.fault("F07", "I2")
async def test_while_it_is_read_back(sim: Simulator, client: TreadClient) -> None:
    """The account that another call was answered with is none for a call that looks for its own."""
    account = await create(client)
    sim.fail(endpoint="create_account", times=1, drop="before")
    error = await unknown(client)

    assert "it was made by another call of this client" in error.message
    assert made(sim, 0) == [account.id]
    assert made(sim, 1) == []


async def test_whoever_has_found_its_account_keeps_it(sim: Simulator, client: TreadClient) -> None:
    """However often it is asked, archived or not, and also when another of the name is made."""
    sim.fail(endpoint="create_account", times=1, drop="late", delay_s=LATE_S)
    error = await unknown(client)
    await sim.settle()
    applied = await resolved(error)
    assert applied == Applied(seen=made(sim, 0)[0])

    assert await resolved(error) == applied
    await client.archive_account("n")
    again = await create(client)
    assert await resolved(error) == applied
    assert again.id == made(sim, 1)[0] != applied.seen


@pytest.mark.fault("F07", "I2")
async def test_either_of_two_may_be_the_owner(sim: Simulator, client: TreadClient) -> None:
    """Two that are unknown, and one account: neither is told that it is its own."""
    first = await late(sim, client)
    sim.fail(endpoint="create_account", times=1, drop="after")
    second = await unknown(client)

    for error in (first, second, first):
        outcome = await resolved(error)
        assert isinstance(outcome, Unknown)
        assert "another call of this client may have made it" in str(outcome.error)
    assert (made(sim, 0), len(made(sim, 1))) == ([], 1)


@pytest.mark.fault("F07", "I2")
async def test_two_at_once(sim: Simulator, client: TreadClient) -> None:
    """One is acted on late and one at once, and its answer is lost: none says what it cannot know."""
    sim.fail(endpoint="create_account", times=1, drop="late", delay_s=LATE_S)
    sim.fail(endpoint="create_account", times=1, drop="after")
    said = await asyncio.gather(create(client), create(client), return_exceptions=True)

    errors = [one for one in said if isinstance(one, OutcomeUnknownError)]
    assert len(errors) == 2
    assert all([isinstance(await resolved(error), Unknown) for error in errors])


async def test_one_of_two_at_once_is_answered(sim: Simulator, client: TreadClient) -> None:
    """It is believed, and the account is its own; the other is unknown."""
    sim.fail(endpoint="create_account", times=1, drop="late", delay_s=LATE_S)
    said = await asyncio.gather(create(client), create(client), return_exceptions=True)

    (account,) = [one for one in said if isinstance(one, Account)]
    (error,) = [one for one in said if isinstance(one, OutcomeUnknownError)]
    assert isinstance(await resolved(error), Unknown)
    assert [account.id] in (made(sim, 0), made(sim, 1))


async def test_whose_caller_was_cancelled_may_have_made_it(sim: Simulator, client: TreadClient) -> None:
    """Nobody asks for its outcome any more, and its request may be acted on all the same."""
    sim.fail(endpoint="create_account", times=1, delay_s=5.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await create(client)
    sim.heal()
    await client.archive_account("n")
    sim.fail(endpoint="create_account", times=1, drop="after")
    error = await unknown(client)

    assert "another call of this client may have made it" in error.message


async def test_what_came_to_nothing_is_no_rival(sim: Simulator, client: TreadClient) -> None:
    """A refusal, one that never left, and one for another key: the account is found all the same."""
    sim.fail(endpoint="create_account", times=1, status=400)
    with pytest.raises(RejectedError):
        await create(client)
    with pytest.raises(NotSentError):
        await create(client, deadline_s=1e-9)
    sim.fail(endpoint="create_account", times=1, drop="before")
    await unknown(client, api_key="another")
    sim.fail(endpoint="create_account", times=1, drop="after")

    assert (await create(client)).id == made(sim, -1)[0]


async def test_what_never_left_because_of_its_token_is_no_rival(sim: Simulator) -> None:
    """Nor is one whose token function raised."""
    tokens = iter([KeyError("no token"), sim.tokens[0]])

    async def token() -> str:
        given = next(tokens)
        if isinstance(given, KeyError):
            raise given
        return given

    async with TreadClient(token, base_url=sim.url, retry=FAST) as client:
        with pytest.raises(KeyError):
            await create(client)
        sim.fail(endpoint="create_account", times=1, drop="after")

        assert (await create(client)).id == made(sim, 0)[0]


@pytest.mark.parametrize("archived", [False, True])
async def test_acknowledged_and_not_listed_at_once(
    sim: Simulator, client: TreadClient, archived: bool
) -> None:
    """Of what was acknowledged, the only account is the one; not so where it may be an archived one."""
    await late(sim, client, 0.5)  # the second has to come before it
    sim.fail(endpoint="accounts", times=6, status=500)
    error = await unknown(client)
    sim.heal()
    if archived:
        await client.archive_account("n")
    await sim.settle()
    outcome = await resolved(error)

    assert made(sim, 0) == [] or archived
    if archived:
        assert isinstance(outcome, Unknown)
    else:
        assert outcome == Applied(seen=made(sim, 1)[0])


@pytest.mark.fault("F07", "I2")
async def test_cancelled_before_it_is_sent_again(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request of that call has left all the same, and may have made what is listed later."""
    monkeypatch.setattr("tread_async._lifecycle._LISTED_AFTER_S", (0.0,))
    sim.fail(endpoint="create_account", times=1, drop="late", delay_s=0.5)
    sim.fail(endpoint="accounts", times=1, delay_s=0.05)
    sim.fail(endpoint="balances", times=1, delay_s=5.0)
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=FAST, max_in_flight=1) as client:
        call = asyncio.create_task(create(client, resend=True))
        while "accounts" not in [request.endpoint for request in sim.journal.requests]:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        read = asyncio.create_task(client.balances())  # has the only slot when the listing is there
        while "balances" not in [request.endpoint for request in sim.journal.requests]:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert not call.done()
        for task in (call, read):
            task.cancel()
        await asyncio.gather(call, read, return_exceptions=True)
        assert len([one for one in sim.journal.requests if one.endpoint == "create_account"]) == 1
        await sim.settle()
        sim.heal()
        sim.fail(endpoint="create_account", times=1, drop="before")
        error = await unknown(client)

    assert "another call of this client may have made it" in error.message
    assert (len(made(sim, 0)), made(sim, 1)) == (1, [])


@pytest.mark.parametrize("other", [("m", "Gate", "k"), ("n", "Binance", "k"), ("n", "Gate", "another")])
def test_who_wants_another_account_is_no_rival(other: tuple[str, str, str]) -> None:
    """A rival wants the same name and exchange, with the same key."""
    creates = Creates()
    create = creates.begun("n", "Gate", Secret("k"))
    name, exchange, api_key = other
    creates.begun(name, exchange, Secret(api_key))
    assert not creates.has_rivals(create)
    creates.begun("n", "gATE", Secret("k"))

    assert creates.has_rivals(create)


def test_of_ten_thousand_the_settled_are_forgotten_first() -> None:
    """Who does not know its account yet may have made one that others find."""
    creates = Creates()
    creates.begun("n", "Gate", Secret("a-key"))
    settled = creates.begun("m", "Gate", Secret("a-key"))
    settled.made = "1"
    for number in range(9_998):
        creates.begun(str(number), "Gate", Secret("a-key"))
    last = creates.begun("n", "Gate", Secret("a-key"))

    assert len(creates._known) == 10_000
    assert not creates.is_of_another(last, "1")
    assert creates.has_rivals(last)


def test_the_newest_ten_thousand_are_known() -> None:
    """What is kept does not grow for ever, and has no key in it."""
    creates = Creates()
    first = creates.begun("n", "Gate", Secret("a-key"))
    first.made = "1"
    later = creates.begun("n", "GATE", Secret("a-key"))

    assert creates.is_of_another(later, "1")
    assert not creates.is_of_another(first, "1")
    assert (creates.has_rivals(first), creates.has_rivals(later)) == (True, False)
    for number in range(9_999):
        creates.begun(str(number), "Gate", Secret("a-key"))
    assert not creates.is_of_another(later, "1")
    assert len(creates._known) == 10_000
