"""Tokens whose accounts change from one answer to the next: python -m benchmarks.watch_server.

The simulator renders the accounts of `DATASETS` tokens at two moments, between which every account is priced
anew. Each cached answer is put together of these texts: some accounts, drawn with a seed, change from one
moment to the other, and the time stamps of all move on, as the token's `Kind` says. To put them together is
one copy, so that the bare asyncio protocol is far from being the bottleneck. Nothing grows with the rounds.
Prints its URL, and serves until its input is closed.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from typing import NamedTuple

from benchmarks.fleet_server import ACCOUNTS_PATH, CACHED_PATH
from benchmarks.gets import Gets, head, listening
from benchmarks.samples import fetched
from tread_async.simulator import Simulator

DATASETS = 5
ACCOUNTS = 500
ASSETS = 10
APART_S = 1000  # longer than any account of the simulator waits to be read again
OLDEST_S = 100_000  # the age of the first stamp: with each answer it is a second less


class Kind(NamedTuple):
    """How a token answers: accounts that change each time, and how much of the answer is sent."""

    changed: int
    stamps_move: bool = True
    sent: float = 1.0


KINDS = {
    "quiet": Kind(ACCOUNTS // 100),
    "stamps stand": Kind(ACCOUNTS // 100, stamps_move=False),
    "busy": Kind(ACCOUNTS),
    "silent": Kind(0, sent=0.0),
    "half": Kind(0, sent=0.5),
}
_SECONDS = re.compile(rb'(?<="timestamp_millis":)\d{10}(?=\d{3}\D)')


def token_of(kind: str, number: int) -> str:
    """The token number *number* of a kind, which has the accounts of set *number* modulo `DATASETS`."""
    return f"{list(KINDS).index(kind)}{number:039x}"


class Texts(NamedTuple):
    """One token's list of accounts, and its cached answer at two moments, cut where the stamps stand."""

    accounts: bytes
    moments: tuple[list[bytes], list[bytes]]


class _Token:
    def __init__(self, kind: Kind, texts: Texts, seed: int) -> None:
        self.accounts = texts.accounts
        self.kind = kind
        self._moments = texts.moments
        self._shown = [0] * ACCOUNTS
        self._texts = list(texts.moments[0])
        self._chance = random.Random(seed)
        self._stamp = int(time.time()) - OLDEST_S

    def cached(self) -> bytes:
        """The next answer."""
        for account in self._chance.sample(range(ACCOUNTS), self.kind.changed):
            self._shown[account] ^= 1
            self._texts[account] = self._moments[self._shown[account]][account]
        self._stamp += self.kind.stamps_move
        return (b"%d" % self._stamp).join(self._texts)


async def _datasets() -> list[Texts]:
    now = time.time()
    async with Simulator(
        seed=7, tokens=DATASETS, accounts=ACCOUNTS, assets=ASSETS, clock=lambda: now
    ) as simulator:

        async def fetch(path: str) -> list[bytes]:
            url = simulator.url + path
            return [await asyncio.to_thread(fetched, url, token) for token in simulator.tokens]

        accounts, first = await fetch(ACCOUNTS_PATH), await fetch(CACHED_PATH)
        now += APART_S
        second = await fetch(CACHED_PATH)
    sets = []
    for listed, *bodies in zip(accounts, first, second, strict=True):
        one, other = [_SECONDS.split(body) for body in bodies]
        assert len(one) == len(other) == ACCOUNTS + 1
        assert not any(text == later for text, later in zip(one[:-1], other[:-1], strict=True))
        sets.append(Texts(listed, (one, other)))
    return sets


class _Answering(Gets):
    def __init__(self, sets: list[Texts], tokens: dict[str, _Token]) -> None:
        self._sets = sets
        self._tokens = tokens

    def answer(self, request: bytes) -> None:
        name = request.partition(b"\r\nAuthorization: Token ")[2][:40].decode()
        token = self._tokens.get(name) or self._new(name)
        if request.startswith(b"GET %b " % CACHED_PATH.encode()):
            self._send(token.cached(), token.kind.sent)
        else:
            self._send(token.accounts, 1.0)

    def _new(self, name: str) -> _Token:
        kind, number = list(KINDS.values())[int(name[0])], int(name[1:], 16)
        token = self._tokens[name] = _Token(kind, self._sets[number % DATASETS], number)
        return token

    def _send(self, body: bytes, sent: float) -> None:
        if sent:
            self.transport.writelines((head(len(body)), body[: int(len(body) * sent)]))


async def _main() -> None:
    sets = await _datasets()
    tokens: dict[str, _Token] = {}
    server, url = await listening(lambda: _Answering(sets, tokens))
    print(url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
