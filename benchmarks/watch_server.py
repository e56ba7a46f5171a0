"""Tokens whose accounts change from one answer to the next: python -m benchmarks.watch_server.

Each cached answer of a token moves as `moving` says and the token's `Kind`; of some kinds only a part is
sent, or nothing. Prints its URL, and serves until its input is closed.
"""

from __future__ import annotations

import asyncio
import sys
from typing import NamedTuple

from benchmarks.gets import Gets, head, listening
from benchmarks.moving import BUSY, CACHED_PATH, QUIET, STAMPS_STAND, Course, Moving, Texts, rendered

DATASETS = 5
ACCOUNTS = 500
ASSETS = 10


class Kind(NamedTuple):
    """How a token answers: what changes each time, and how much of the answer is sent."""

    course: Course
    sent: float = 1.0


KINDS = {
    "quiet": Kind(QUIET),
    "stamps stand": Kind(STAMPS_STAND),
    "busy": Kind(BUSY),
    "silent": Kind(QUIET, sent=0.0),
    "half": Kind(QUIET, sent=0.5),
}


def token_of(kind: str, number: int) -> str:
    """The token number *number* of a kind, which has the accounts of set *number* modulo `DATASETS`."""
    return f"{list(KINDS).index(kind)}{number:039x}"


class _Token(NamedTuple):
    accounts: bytes
    moving: Moving
    sent: float


class _Answering(Gets):
    def __init__(self, sets: list[Texts], tokens: dict[str, _Token]) -> None:
        self._sets = sets
        self._tokens = tokens

    def answer(self, request: bytes) -> None:
        name = request.partition(b"\r\nAuthorization: Token ")[2][:40].decode()
        token = self._tokens.get(name) or self._new(name)
        if request.startswith(b"GET %b " % CACHED_PATH.encode()):
            self._send(token.moving.cached(), token.sent)
        else:
            self._send(token.accounts, 1.0)

    def _new(self, name: str) -> _Token:
        kind, number = list(KINDS.values())[int(name[0])], int(name[1:], 16)
        texts = self._sets[number % DATASETS]
        token = self._tokens[name] = _Token(texts.accounts, Moving(texts, kind.course, number), kind.sent)
        return token

    def _send(self, body: bytes, sent: float) -> None:
        if sent:
            self.transport.writelines((head(len(body)), body[: int(len(body) * sent)]))


async def _main() -> None:
    sets = await rendered(tokens=DATASETS, accounts=ACCOUNTS, assets=ASSETS)
    tokens: dict[str, _Token] = {}
    server, url = await listening(lambda: _Answering(sets, tokens))
    print(url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
