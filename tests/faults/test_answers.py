"""Answers that are none, or say no: the error of each, on every endpoint, and how often it is asked for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, DONE, EVERY, FAST, ONE_TRY, READS, answering, count_of
from tests.support.wire import Wire, cut, reply
from tread_async import OutcomeUnknownError, ProtocolError, RejectedError, ServerError, TreadClient


@pytest.mark.fault("F14")
@pytest.mark.parametrize("name", READS)
async def test_a_read_that_fails_for_ever(connect: Callable[..., Any], name: str) -> None:
    """Three attempts, and the error has the status and what the server said with it."""
    async with Wire(reply({"message": "database is down"}, 500)) as wire:
        client = await connect(wire)
        with pytest.raises(ServerError) as caught:
            await READS[name](client)

    assert (caught.value.status, caught.value.message) == (500, "database is down")
    assert len(wire.requests) == caught.value.attempts == 3


BAD_REQUESTS: dict[str, tuple[bytes, str, tuple[str, ...]]] = {
    "a list": (reply({"errors": ["bad name", "bad\x1b[31m key"]}, 400), "bad name", ("bad name", "bad")),
    "a message": (reply({"message": "bad\u202e name\n"}, 400), "bad", ()),
    "nothing": (reply(b"", 400), "no message", ()),
    "a web page": (reply(b"<html>secret page</html>", 400, Content_Type="text/html"), "", ()),
}


@pytest.mark.fault("F17", "I4")
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("shape", BAD_REQUESTS)
async def test_a_bad_request(connect: Callable[..., Any], name: str, shape: str) -> None:
    """Whatever its shape a 400 is one error that is safe to print, and is asked for once: not applied."""
    answer, message, errors = BAD_REQUESTS[shape]
    async with Wire(answering(name, answer)) as wire:
        client = await connect(wire)
        with pytest.raises(RejectedError) as caught:
            await EVERY[name](client)

    error = caught.value
    assert (error.status, count_of(wire, name)) == (400, 1)
    assert error.message.startswith(message)
    assert error.message.isprintable()
    assert "secret page" not in str(error)
    assert [text.startswith(start) for text, start in zip(error.errors, errors, strict=True)] == [
        True for _ in errors
    ]
    assert all(text.isprintable() for text in error.errors)


NO_ACKNOWLEDGEMENT = {
    "a web page": b"<html>log in</html>",
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"done"',
    "half of it": b'{"message": "Succ',
}


@pytest.mark.fault("F24", "I2")
@pytest.mark.parametrize("name", ABSOLUTE)
@pytest.mark.parametrize("body", NO_ACKNOWLEDGEMENT)
async def test_a_success_that_acknowledges_nothing(connect: Callable[..., Any], name: str, body: str) -> None:
    """A 200 without the documented body does not say that the value was set: unknown."""
    async with Wire(answering(name, reply(NO_ACKNOWLEDGEMENT[body]))) as wire:
        client = await connect(wire)
        with pytest.raises(OutcomeUnknownError, match="HTTP 200"):
            await ABSOLUTE[name](client)

    assert 1 <= count_of(wire, name) <= FAST.attempts


ZIPPED = gzip.compress(b'{"message": "Successfully created abcdef"}')
CUT = {
    "short of its length": reply(DONE, length=99),
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{",
    "without a length": reply(b'{"message":', length=-1),
    "packed": reply(ZIPPED[:-12], Content_Encoding="gzip"),
}


@pytest.mark.fault("F23", "I10")
@pytest.mark.parametrize("where", CUT)
async def test_a_leverage_whose_answer_is_cut(where: str) -> None:
    """It is unknown whether it was set; with attempts left it is set again, and then is known to be."""
    async with Wire([cut(CUT[where]), cut(CUT[where]), reply(DONE)]) as wire:
        async with TreadClient("token", base_url=wire.url, retry=ONE_TRY) as client:
            with pytest.raises(OutcomeUnknownError):
                await ABSOLUTE["set_leverage"](client)
        async with TreadClient("token", base_url=wire.url, retry=FAST) as client:
            await ABSOLUTE["set_leverage"](client)

    assert len(wire.requests) == 3


@pytest.mark.fault("F25")
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("status", [99, 101, 304, 999])
async def test_a_status_that_is_none(connect: Callable[..., Any], name: str, status: int) -> None:
    """A status outside what HTTP has for an answer is no success: a read fails, a write is unknown."""
    body = b"" if status in (101, 304) else b"{}"
    async with Wire(answering(name, cut(reply(body, status)))) as wire:
        client = await connect(wire, retry=ONE_TRY, deadline_s=5.0)
        with pytest.raises(ProtocolError if name in READS else OutcomeUnknownError):
            await EVERY[name](client)

    assert count_of(wire, name) == 1


@pytest.mark.fault("F25")
@pytest.mark.parametrize("name", EVERY)
async def test_a_protocol_that_changes(connect: Callable[..., Any], name: str) -> None:
    """The connection speaks something else from then on: it is closed, and nothing is left to be found."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_debug(True)  # or an answer that nobody closes ends in silence
    loop.set_exception_handler(lambda _, context: told.append(context))
    switched = reply(b"", 101, length=-1, Connection="Upgrade", Upgrade="websocket")
    async with Wire(answering(name, switched, reply(DONE))) as wire:
        client = await connect(wire, retry=ONE_TRY, deadline_s=5.0)
        with pytest.raises(ProtocolError if name in READS else OutcomeUnknownError):
            await EVERY[name](client)

    assert count_of(wire, name) == 1
    assert not told
