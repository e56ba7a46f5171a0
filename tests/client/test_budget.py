"""The retry budget of a client or manager: an outage costs hardly more than the calls themselves."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.support.samples import ABSOLUTE, FAST
from tests.support.wire import TOKEN, Step, Wire, hang_up, reply
from tread_async import ApiError, RetryPolicy, ServerError, SessionManager, TreadClient, TreadError

AT_ONCE = msgspec.structs.replace(FAST, deadline_s=20.0)


@pytest.mark.fault("F20", "F14", "I5")
@pytest.mark.parametrize(
    ("answer", "extra"),
    [(reply({"message": "down"}, 503), 20), (reply({"message": "down"}, 500), 10), (hang_up, 10)],
    ids=["503", "500", "closed"],
)
async def test_an_outage(answer: Step, extra: int) -> None:
    """Two hundred callers send at most a tenth more requests than calls, and each has the error it met."""
    async with (
        Wire(answer) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=AT_ONCE, max_in_flight=16) as client,
    ):
        ended = await asyncio.gather(*[client.accounts() for _ in range(200)], return_exceptions=True)

    assert len(wire.requests) == 200 + extra
    assert all(isinstance(error, TreadError) for error in ended)
    told = [error for error in ended if getattr(error, "budget_exhausted", False)]
    assert len(told) >= 190
    if answer is not hang_up:
        assert {(error.status, error.budget_exhausted) for error in told} <= {(500, True), (503, True)}
        assert all("down; too many calls fail" in str(error) for error in told)


@pytest.mark.fault("I5")
async def test_it_recovers() -> None:
    """Ten calls that succeed at once pay for one repeat."""
    bad, good = reply(status=500), reply([])
    script = [bad] * 16 + [good] * 10 + [bad, good]
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url, retry=AT_ONCE) as client:
        attempts = []
        for _ in range(6):
            with pytest.raises(ServerError) as caught:
                await client.accounts()
            attempts.append(caught.value.attempts)
        for _ in range(11):
            await client.accounts()

    assert attempts == [3, 3, 3, 3, 3, 1]
    assert len(wire.requests) == 28


async def test_repeats_that_help_are_free() -> None:
    script = [step for _ in range(40) for step in (reply(status=500), reply([]))]
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url, retry=AT_ONCE) as client:
        for _ in range(40):
            await client.accounts()

    assert len(wire.requests) == 80


async def test_refusals_of_an_exchange_are_no_outage() -> None:
    """A 422 is repeated as its policy says, however many there are."""
    policy = RetryPolicy(attempts=2, refused_base_s=0.001, cap_s=0.001)
    async with Wire(reply({}, 422)) as wire, TreadClient(TOKEN, base_url=wire.url, retry=policy) as client:
        for _ in range(20):
            with pytest.raises(ApiError):
                await ABSOLUTE["set_leverage"](client)

    assert len(wire.requests) == 40


@pytest.mark.fault("I5")
async def test_a_manager_has_one_for_all_tokens() -> None:
    """They share the server that suffers."""
    tokens = {f"desk-{number:02}": f"token-{number:02}" for number in range(40)}
    async with (
        Wire(reply(status=500)) as wire,
        SessionManager(tokens, base_url=wire.url, retry=AT_ONCE) as manager,
    ):
        listing = await manager.accounts()

    assert len(listing.unlisted) == 40
    assert len(wire.requests) == 50
