"""Many tokens, whose accounts change: python -m benchmarks.fleet_server [ACCOUNTS [LATENCY_S]].

The accounts of `DATASETS` tokens are rendered once. Token number n has those of set n modulo `DATASETS`: it
is answered their list, a cached reply of all of them that moves as `moving` says, and one of each alone,
which is always the same. Each process has tokens of its own, so that what others read moves nothing for it.
A bare asyncio protocol sends the bytes, so that it is far from being the bottleneck; with a latency it begins
so many seconds after the request has come. Prints its URL, and serves until its input is closed.
"""

from __future__ import annotations

import asyncio
import os
import sys

import msgspec

from benchmarks.gets import Gets, head, listening
from benchmarks.moving import ACCOUNTS_PATH, BUSY, CACHED_PATH, QUIET, Moving, Texts, rendered

__all__ = ["ACCOUNTS", "ASSETS", "DATASETS", "token_of"]

DATASETS = 20
ACCOUNTS = 500
ASSETS = 10

_COURSES = (QUIET, BUSY)
_ALONE = b'{"balances":[%b]}'


class _Cached(msgspec.Struct):
    balances: list[msgspec.Raw]


class _Name(msgspec.Struct):
    account_name: str


def token_of(number: int, *, busy: bool = False) -> str:
    """This process's token that is answered from set *number* modulo `DATASETS`.

    One in a hundred of its accounts is priced anew for each reply of all, or every one if it is *busy*.
    """
    return f"{busy:d}{os.getpid():07x}{number:032x}"


class _Set:
    """What tokens have in common that have the same accounts: all that does not move."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.standing = {ACCOUNTS_PATH.encode(): texts.accounts}
        for raw in msgspec.json.decode(Moving(texts, QUIET, 0).cached(), type=_Cached).balances:
            name = msgspec.json.decode(raw, type=_Name).account_name
            self.standing[f"{CACHED_PATH}?account_names={name}".encode()] = _ALONE % bytes(raw)


class _Answering(Gets):
    def __init__(self, sets: list[_Set], moving: dict[bytes, Moving], latency_s: float) -> None:
        self._sets = sets
        self._moving = moving
        self._latency_s = latency_s

    def answer(self, request: bytes) -> None:
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        body = self._body(request)
        self.transport.writelines((head(len(body)), body))

    def _body(self, request: bytes) -> bytes:
        target = request.split(b" ", 2)[1]
        token = request.partition(b"\r\nAuthorization: Token ")[2][:40]
        number = int(token[8:], 16)
        one = self._sets[number % DATASETS]
        if target != CACHED_PATH.encode():
            return one.standing[target]
        if token not in self._moving:
            self._moving[token] = Moving(one.texts, _COURSES[int(token[:1])], number)
        return self._moving[token].cached()


async def _main(accounts: int = ACCOUNTS, latency_s: float = 0.0) -> None:
    sets = [_Set(texts) for texts in await rendered(tokens=DATASETS, accounts=accounts, assets=ASSETS)]
    moving: dict[bytes, Moving] = {}
    server, url = await listening(lambda: _Answering(sets, moving, latency_s))
    print(url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:])))
