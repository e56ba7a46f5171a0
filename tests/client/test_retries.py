"""What is sent again, and how often: counted by the server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, FAST, GOOD, NOON, PAIR, READS
from tests.support.wire import TOKEN, Step, Wire, cut, drip, hang_up, reply, reset, stall
from tread_async import (
    ApiError,
    AuthError,
    BlockedError,
    DecodeError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    RetryPolicy,
    ServerError,
    TransportError,
    TreadClient,
    TreadError,
    UnprocessableError,
)
from tread_async.simulator import Simulator

REPEATED = READS | ABSOLUTE
QUICK = RetryPolicy(attempts=3, attempt_timeout_s=0.03, base_s=0.001, throttled_base_s=0.001, cap_s=0.001)

PASSING: dict[str, tuple[Step, str]] = {
    "500": (reply(status=500), "HTTP 500"),
    "502": (reply(b"<html>", 502, Content_Type="text/html"), "HTTP 502"),
    "503": (reply(status=503), "HTTP 503"),
    "504": (reply(status=504), "HTTP 504"),
    "429": (reply(status=429), "HTTP 429"),
    "429 at once": (reply(status=429, Retry_After="0"), "HTTP 429"),
    "hang up": (hang_up, "TransportError"),
    "reset": (reset, "TransportError"),
    "time out": (stall, "DeadlineExceededError"),
    "drip": (drip(reply(b" " * 500), 0.005), "DeadlineExceededError"),
    "cut in the head": (cut(b"HTTP/1.1 200 OK\r\n"), "TransportError"),
    "cut in the body": (cut(reply(b"{", length=50)), "TransportError"),
    "cut without a length": (cut(reply(b'{"a":', length=-1)), "DecodeError"),
    "not HTTP": (cut(b"nonsense\r\n\r\n"), "ProtocolError"),
}
LOST = ("hang up", "reset", "time out", "drip", "cut in the head", "cut in the body", "not HTTP")


@pytest.mark.fault("F04", "F13", "F23", "F31", "I4")
@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("failure", PASSING)
async def test_recovers(name: str, failure: str) -> None:
    """A passing failure is repeated until the answer comes; the server counts what the client counts."""
    step, label = PASSING[failure]
    async with (
        Wire([step, step, reply(GOOD[name])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=QUICK) as client,
    ):
        await REPEATED[name](client)
        stats = client.stats

    assert len(wire.requests) == stats.requests_sent == 3
    assert len({(request.target, request.body) for request in wire.requests}) == 1
    if name in ABSOLUTE and failure in LOST:
        label = "OutcomeUnknownError"
    assert stats.retries == {label: 2}


@pytest.mark.fault("F02", "F14", "I2", "I4")
@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
@pytest.mark.parametrize("failure", PASSING)
async def test_gives_up(name: str, failure: str) -> None:
    """One that stays ends after the policy's attempts: a read with its error, a write as unknown."""
    step, label = PASSING[failure]
    async with (
        Wire(step) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=QUICK) as client,
    ):
        with pytest.raises(TreadError) as caught:
            await REPEATED[name](client)

    error = caught.value
    assert len(wire.requests) == error.attempts == 3
    if name in ABSOLUTE and label != "HTTP 429":
        assert type(error) is OutcomeUnknownError
    elif label.startswith("HTTP"):
        assert isinstance(error, ApiError)
        assert label == f"HTTP {error.status}"
    else:
        assert type(error).__name__ == label


FINAL: dict[int, type[ApiError]] = {
    400: RejectedError,
    401: AuthError,
    403: RejectedError,
    404: RejectedError,
    405: RejectedError,
    409: RejectedError,
}


@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
@pytest.mark.parametrize(
    "answer",
    [
        reply(b"", 204),
        reply(b"", 302, Location="/login"),
        reply(b"[]", length=9_000_000),
        reply(b"[]", Content_Encoding="x"),
    ],
    ids=["204", "302", "too large", "unknown encoding"],
)
async def test_an_odd_answer_is_final(name: str, answer: bytes) -> None:
    """What a repeat would not change, such as a redirect, is not asked for again."""
    async with Wire(answer) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(OutcomeUnknownError if name in ABSOLUTE else ProtocolError):
            await REPEATED[name](client)

    assert len(wire.requests) == 1


@pytest.mark.fault("F17", "F18")
@pytest.mark.trap(36, 39)
@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("status", FINAL)
async def test_refusal_is_final(name: str, status: int) -> None:
    """A refusal is raised at once, told by its status whatever the body's shape, on every endpoint."""
    shapes = [{"message": "no"}, {"detail": "no"}, {"error": "no"}, {"errors": ["no"]}, ["no"], b"no"]
    async with Wire([reply(shape, status) for shape in shapes]) as wire:
        for count in range(1, len(shapes) + 1):
            async with TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
                with pytest.raises(FINAL[status]) as caught:
                    await REPEATED[name](client)

            assert len(wire.requests) == count
            assert (caught.value.status, caught.value.message, caught.value.attempts) == (status, "no", 1)


@pytest.mark.trap(39)
@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
@pytest.mark.parametrize("status", [401, 404])
async def test_refusal_with_a_large_page(name: str, status: int) -> None:
    """The status decides, even where its page is larger than what is read of an error."""
    page = reply(b"<html>" + b"x" * 100_000, status, Content_Type="text/html")
    async with Wire(page) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(ApiError) as caught:
            await REPEATED[name](client)

    assert caught.value.status == status
    assert len(wire.requests) == 1


@pytest.mark.parametrize("name", REPEATED)
async def test_firewall(name: str) -> None:
    """A 403 with a web page is told apart: the token may be fine."""
    page = reply(b"<!DOCTYPE html><title>Just a moment...</title>", 403, Content_Type="text/html")
    async with Wire(page) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(BlockedError, match="User-Agent"):
            await REPEATED[name](client)

    assert len(wire.requests) == 1


@pytest.mark.fault("F15")
@pytest.mark.parametrize("status", [500, 422])
async def test_leverage_recovers(sim: Simulator, client: TreadClient, status: int) -> None:
    """A leverage that the server or the exchange failed to set twice is set at the third attempt."""
    sim.fail(endpoint="set_leverage", status=status, times=2)
    await client.set_leverage("9", pair=PAIR, account_ids=[sim.accounts()[0].id])

    assert sim.accounts()[0].leverage[PAIR] == "9"
    assert sim.journal.count("set_leverage") == client.stats.requests_sent == 3
    assert client.stats.retries == {f"HTTP {status}": 2}


@pytest.mark.fault("F16", "I2")
@pytest.mark.trap(16)
@pytest.mark.parametrize("apply", ["none", "others", "all"])
async def test_leverage_of_several_refused(sim: Simulator, client: TreadClient, apply: str) -> None:
    """A refusal of several accounts says nothing of each: the outcome is unknown."""
    one, *others = sim.accounts()[:3]
    sim.fail(endpoint="set_leverage", account=one.name, status=422, apply=apply)
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.set_leverage(9, pair=PAIR, account_ids=[one.id, *[other.id for other in others]])

    assert isinstance(caught.value.cause, UnprocessableError)
    assert caught.value.attempts == sim.journal.count("set_leverage") == 3


@pytest.mark.fault("F16", "I2")
@pytest.mark.trap(16)
async def test_leverage_of_one_refused(sim: Simulator, client: TreadClient) -> None:
    """A refusal of the one account asked is known: not applied."""
    sim.fail(endpoint="set_leverage", status=422)
    with pytest.raises(UnprocessableError) as caught:
        await client.set_leverage(9, pair=PAIR, account_ids=[sim.accounts()[0].id])

    assert caught.value.attempts == 3
    assert sim.journal.changes == []


@pytest.mark.fault("I2")
@pytest.mark.parametrize("name", ABSOLUTE)
@pytest.mark.parametrize("last", [reply(status=400), reply(status=401), reply(status=429), reply({}, 422)])
async def test_unknown_stays_unknown(name: str, last: bytes) -> None:
    """A refusal after an attempt that may have been applied does not make it "not applied"."""
    async with (
        Wire([reply(status=500), last]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        with pytest.raises(OutcomeUnknownError, match="read back"):
            await ABSOLUTE[name](client)

    assert len(wire.requests) >= 2


async def test_422_elsewhere_is_final(sim: Simulator, client: TreadClient) -> None:
    """A 422 is repeated for what sets a value, and for nothing else."""
    sim.fail(status=422)
    with pytest.raises(UnprocessableError):
        await client.balances()

    assert sim.journal.count() == 1


@pytest.mark.fault("F24")
@pytest.mark.trap(40)
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("body", [b"<html>log in</html>", b"\n<!doctype html>"])
async def test_web_page_for_an_answer(name: str, body: bytes) -> None:
    """A 200 with a web page is a decode error with the status, and is not asked for again."""
    async with (
        Wire(reply(body, Content_Type="text/html")) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        with pytest.raises(DecodeError, match=r"HTTP 200.*web page"):
            await READS[name](client)

    assert len(wire.requests) == 1


@pytest.mark.fault("F19")
@pytest.mark.parametrize("status", [429, 503])
async def test_hint_too_long(sim: Simulator, client: TreadClient, status: int) -> None:
    """A server that asks for more than a minute is not asked again: the figure is on the error."""
    sim.fail(status=status, headers={"Retry-After": "61"})
    with pytest.raises(ApiError, match="61 s") as caught:
        await client.accounts()

    assert type(caught.value) is (RateLimitedError if status == 429 else ServerError)
    assert caught.value.retry_after_s == 61.0
    assert sim.journal.count() == 1


@pytest.mark.fault("F19")
@pytest.mark.parametrize("hint", ["nan", "1e9", "-5", "inf", "٣", "", "1_0", "0x1", "2.5", "soon", "1234567"])
async def test_hint_that_is_none(sim: Simulator, client: TreadClient, hint: str) -> None:
    """A hint that is neither whole seconds nor a date is ignored."""
    sim.fail(status=429, headers={"Retry-After": hint}, times=1)
    await client.accounts()

    assert sim.journal.count() == 2


@pytest.mark.fault("F19")
async def test_hint_as_a_date(sim: Simulator, client: TreadClient) -> None:
    """A date counts from the server's own clock, so that a wrong clock here does no harm."""
    sim.fail(
        status=429,
        headers={"Date": "Fri, 15 Jan 2027 08:00:00 GMT", "Retry-After": "Fri, 15 Jan 2027 08:02:00 GMT"},
    )
    with pytest.raises(RateLimitedError) as caught:
        await client.accounts()

    assert caught.value.retry_after_s == 120.0
    assert NOON == 1_800_000_000


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_success_does_not_enter_tenacity(sim: Simulator, connect: Callable[..., Any]) -> None:
    """A call that succeeds at once runs no line of tenacity; one that is repeated does."""
    client = await connect(sim)
    files: set[str] = set()

    def seen(frame: FrameType, event: str, _: object) -> None:
        files.add(frame.f_code.co_filename)

    async def profiled() -> set[str]:
        files.clear()
        sys.setprofile(seen)
        try:
            await client.balances()
        finally:
            sys.setprofile(None)
        return {name for name in files if "tenacity" in name}

    await client.balances()  # imports what is imported on first use
    at_once = await profiled()
    sim.fail(endpoint="balances", status=500, times=1)

    assert at_once == set()
    assert await profiled() != set()


async def test_transport_errors_of_reads() -> None:
    """A lost read is no `OutcomeUnknownError`: it changed nothing."""
    async with Wire(hang_up) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(TransportError) as caught:
            await client.balances()

    assert not isinstance(caught.value, OutcomeUnknownError | ProtocolError)
