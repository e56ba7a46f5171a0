"""Servers that repeat what they were sent, or fail in other ways, and what their errors must not show."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.support.canaries import shown, spellings
from tests.support.samples import SECRETS
from tests.support.wire import TOKEN, Exchange, Step, cut, hang_up, reply, reset, stall
from tread_async import RetryPolicy, TreadError

QUICK: Final = RetryPolicy(
    attempts=2, attempt_timeout_s=0.02, base_s=0.001, cap_s=0.001, throttled_base_s=0.001
)


def links(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it leads to."""
    yield error
    for further in (error.__cause__, error.__context__, getattr(error, "cause", None)):
        if further is not None:
            yield from links(further)


def check(error: BaseException, secrets: tuple[str, ...] = SECRETS) -> None:
    """No link shows a secret, is chained, or keeps a frame of aiohttp in its traceback."""
    for link in links(error):
        text = shown(link)
        for secret in secrets:
            for spelling in spellings(secret):
                assert spelling not in text
        assert link.__cause__ is None
        assert link.__context__ is None
        assert "aiohttp/" not in text
        assert isinstance(link, TreadError)
        assert str(pickle.loads(pickle.dumps(link))) == str(copy.copy(link)) == str(link)


def echo(status: int, shape: Callable[[Any], Any], **headers: str) -> Step:
    """Answers with everything the request carried, in a body of some shape."""

    async def step(exchange: Exchange) -> None:
        head = "; ".join(f"{name}: {text}" for name, text in exchange.request.headers)
        fields = {"head": head, **(exchange.request.json() if exchange.request.body else {})}
        await exchange.send(reply(shape(fields), status, **headers))

    return step


def spoken(fields: Any) -> str:
    return "; ".join(f"{name}={text}" for name, text in fields.items())


FAILURES: Final[dict[str, Step]] = {
    "500 with all in a message": echo(500, lambda fields: {"message": spoken(fields)}),
    "500 with all in a list": echo(500, lambda fields: {"errors": [spoken(fields), fields]}),
    "500 with all in fields": echo(500, lambda fields: fields),
    "500 with all as text": echo(500, lambda fields: spoken(fields).encode()),
    "400 with all in fields": echo(400, lambda fields: {"detail": fields}),
    "401 with all in a message": echo(401, lambda fields: {"message": spoken(fields)}),
    "403 with a web page": echo(403, lambda fields: f"<html>{spoken(fields)}".encode()),
    "422 with all in a message": echo(422, lambda fields: {"message": spoken(fields)}),
    "429 with all": echo(429, lambda fields: {"message": spoken(fields)}, Retry_After=TOKEN),
    "200 with all": echo(200, lambda fields: [spoken(fields)]),
    "200 cut": echo(200, lambda fields: b'{"message": "' + spoken(fields).encode()),
    "302 with all": echo(302, lambda fields: fields, Location=f"https://x/?{TOKEN}"),
    "encoding": reply(b"[]", Content_Encoding=TOKEN),
    "hang up": hang_up,
    "reset": reset,
    "time out": stall,
    "half a head": cut(b"HTTP/1.1 200 " + TOKEN.encode()),
    "half a body": cut(reply(TOKEN.encode(), length=99)),
    "not HTTP": cut(TOKEN.encode() + b"\r\n\r\n"),
    "bad header": cut(b"HTTP/1.1 200 OK\r\n" + TOKEN.encode() + b"\r\n\r\n"),
}
