"""Many tokens, all answers ready made: python -m benchmarks.fleet_server [ACCOUNTS [LATENCY_S]].

The simulator renders the accounts of `DATASETS` tokens once, with its clock stopped at the start of this
process. Token number n, which is n in 40 hex digits, is answered from set n modulo `DATASETS`: the list of
its accounts, the cached reply of all of them, and that of each alone. A bare asyncio protocol sends the
bytes, so that it is far from being the bottleneck; with a latency it begins so many seconds after the request
has come. Prints its URL, and serves until its input is closed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from email.utils import formatdate

import msgspec

from benchmarks.samples import fetched
from tread_async.simulator import Simulator

DATASETS = 20
ACCOUNTS = 500
ASSETS = 10
ACCOUNTS_PATH = "/api/accounts/"
CACHED_PATH = "/api/sor/get_cached_account_balance"

_ALONE = b'{"balances":[%b]}'


class _Cached(msgspec.Struct):
    balances: list[msgspec.Raw]


class _Name(msgspec.Struct):
    account_name: str


def token_of(number: int) -> str:
    """The token that is answered from set *number* modulo `DATASETS`."""
    return f"{number:040x}"


async def _datasets(count: int) -> list[dict[bytes, bytes]]:
    """For each set: the body for each target."""
    now = time.time()
    sets = []
    async with Simulator(
        seed=7, tokens=DATASETS, accounts=count, assets=ASSETS, clock=lambda: now
    ) as simulator:
        for token in simulator.tokens:
            accounts, cached = [
                await asyncio.to_thread(fetched, simulator.url + path, token)
                for path in (ACCOUNTS_PATH, CACHED_PATH)
            ]
            answers = {ACCOUNTS_PATH.encode(): accounts, CACHED_PATH.encode(): cached}
            for raw in msgspec.json.decode(cached, type=_Cached).balances:
                name = msgspec.json.decode(raw, type=_Name).account_name
                answers[f"{CACHED_PATH}?account_names={name}".encode()] = _ALONE % bytes(raw)
            sets.append(answers)
    return sets


class _Answering(asyncio.Protocol):
    def __init__(self, sets: list[dict[bytes, bytes]], latency_s: float) -> None:
        self._sets = sets
        self._latency_s = latency_s
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._seen = (self._seen + data).split(b"\r\n\r\n")  # GETs only: no bodies
        for request in requests:
            if self._latency_s:
                asyncio.get_running_loop().call_later(self._latency_s, self._answer, request)
            else:
                self._answer(request)

    def _answer(self, request: bytes) -> None:
        target = request.split(b" ", 2)[1]
        token = request.partition(b"\r\nAuthorization: Token ")[2][:40]
        body = self._sets[int(token, 16) % DATASETS][target]
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Date: {formatdate(usegmt=True)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._transport.writelines((head.encode(), body))


async def _main(accounts: int = ACCOUNTS, latency_s: float = 0.0) -> None:
    sets = await _datasets(accounts)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Answering(sets, latency_s), "127.0.0.1", 0
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:])))
