"""Two tokens side by side: no connection, cookie or answer of the one reaches the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from tests.support.samples import DONE, EVERY
from tests.support.wire import Exchange, Wire, reply

TOKENS = ("token-one", "token-two")
COOKIE = {"Set_Cookie": "sessionid=abc; Path=/"}


class Personal:
    """Every answer of a read holds the token that asked, and every answer sets a cookie."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()

    async def __call__(self, exchange: Exchange) -> None:
        whose = exchange.request.header("authorization")[0].removeprefix("Token ")
        target = urlsplit(exchange.request.target)
        self.made[whose] += (exchange.request.method, target.path) == ("POST", "/api/accounts/")
        await asyncio.sleep(0)
        read = exchange.request.method == "GET"
        await exchange.send(reply(self._answer(whose, target) if read else DONE, **COOKIE))

    def _answer(self, whose: str, target: SplitResult) -> Any:
        old = {"id": whose, "name": "old", "exchange": "Binance", "archived": bool(target.query)}
        new = {"id": f"{whose} {self.made[whose]}", "name": "new", "exchange": "Binance"}
        rows = {"account_name": whose, "account_id": whose, "assets": []}
        answers: dict[str, Any] = {
            "/api/balances/": {whose: {"exchange": "Gate", "assets": []}},
            "/api/sor/get_cached_account_balance": {"balances": [rows]},
            "/api/accounts/": [old, new],
        }
        return answers.get(target.path, {"whose": whose})


@pytest.mark.fault("F34", "I9")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_every_call_of_two_tokens(connect: Callable[..., Any], host: str) -> None:
    """All calls of both at once, three times over: each gets its own answers, and no cookie is sent."""
    async with Wire(Personal(), name=host) as wire:
        clients = [await connect(wire, token) for token in TOKENS]
        for _ in range(3):
            found = await asyncio.gather(*[call(client) for client in clients for call in EVERY.values()])
            shown = [repr(one) for one in found]
            for own, other, place in ((*TOKENS, 0), (*TOKENS[::-1], len(EVERY))):
                of_one = shown[place : place + len(EVERY)]
                assert [text for text in of_one if other in text] == []
                assert (
                    sum(own in text for text in of_one) == 6
                )  # the four reads, and what was made and archived

    assert {len(tokens) for tokens in wire.carried.values()} == {1}
    assert set().union(*wire.carried.values()) == {f"Token {token}" for token in TOKENS}
    assert [request for request in wire.requests if request.header("cookie")] == []
    assert wire.connections < len(
        wire.requests
    )  # connections were used again, so that they could be mixed up
