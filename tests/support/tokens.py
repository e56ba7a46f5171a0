"""Functions that give tokens, and servers that refuse them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from tests.support.samples import EVERY, LISTED
from tests.support.wire import Exchange, Wire, reply
from tread_async import AuthError, TreadClient
from tread_async._identity import LATCH_S

REFUSED: Final = reply({"message": "Invalid token"}, 401)


class Issuer:
    """A function that gives out some tokens in turn, the last one for ever, and counts."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.tokens[min(self.asked, len(self.tokens)) - 1]


def only(*good: str) -> Callable[[Exchange], Awaitable[None]]:
    """A server that knows some tokens, and refuses all others."""

    async def answer(exchange: Exchange) -> None:
        known = exchange.request.header("authorization")[0].removeprefix("Token ") in good
        await exchange.send(reply([LISTED]) if known else REFUSED)

    return answer


def used(wire: Wire) -> list[str]:
    """The token of each request."""
    return [request.header("authorization")[0].removeprefix("Token ") for request in wire.requests]


async def refused(client: TreadClient, name: str = "accounts") -> AuthError:
    """The 401 that a call must end with."""
    with pytest.raises(AuthError) as caught:
        await EVERY[name](client)
    return caught.value


def let_pass(client: TreadClient, seconds: float = LATCH_S) -> None:
    """As if so many seconds had passed since the latch closed."""
    assert client._calls is not None
    client._calls._identity._latched_until -= seconds
