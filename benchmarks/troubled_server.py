"""Servers that have trouble when told: python -m benchmarks.troubled_server TROUBLE ...

One server for each of `TROUBLES` that is named. Each answers every GET with the same balances after
`SERVICE_S`; while there is trouble it does as its trouble says. A bare asyncio protocol, so that it is not
the bottleneck. Any of them obeys the paths of `CONTROLS`. Prints the URLs in one line of JSON, and serves
until its input is closed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.gets import Gets, head, listening
from benchmarks.samples import small_cached_reply

__all__ = ["BEGIN", "END", "REQUESTS", "SERVICE_S", "SLOW_S", "SLOW_SHARE", "TROUBLES"]

BEGIN: Final = "/_trouble/begin"
END: Final = "/_trouble/end"
REQUESTS: Final = "/_trouble/requests"

SERVICE_S: Final = 0.02
SLOW_SHARE: Final = 0.02
SLOW_S: Final = (1.0, 2.0)
SEED: Final = 7

TROUBLES: Final = {
    "503": "answers 503 at once",
    "reset": "reads the request and resets the connection",
    "silence": "never answers",
    "slow": f"takes {SLOW_S[0]:g} to {SLOW_S[1]:g} s for {SLOW_SHARE:.0%} of the answers",
}

_REFUSAL: Final = b'{"message":"down"}'


class _Servers:
    """All servers of the process: whether there is trouble, and when each of them had requests."""

    def __init__(self, balances: bytes, count: int) -> None:
        self.good = _message(balances)
        self.bad = _message(_REFUSAL, "503 Service Unavailable")
        self.trouble = False
        self.requests: list[list[float]] = [[] for _ in range(count)]
        self.controls: dict[str, Callable[[], Any]] = {
            BEGIN: lambda: self._switched(True),
            END: lambda: self._switched(False),
            REQUESTS: lambda: self.requests,
        }

    def _switched(self, trouble: bool) -> float:
        self.trouble = trouble
        return time.monotonic()  # the same clock for all processes


class _Answering(Gets):
    def __init__(self, servers: _Servers, number: int, trouble: str, chance: random.Random) -> None:
        self._servers = servers
        self._requests = servers.requests[number]
        self._trouble = trouble
        self._chance = chance

    def answer(self, request: bytes) -> None:
        control = self._servers.controls.get(request.split(b" ", 2)[1].decode())
        if control is not None:
            self.transport.write(_message(json.dumps(control()).encode()))
        else:
            self._requests.append(time.monotonic())
            self._serve()

    def _serve(self) -> None:
        trouble = self._trouble if self._servers.trouble else ""
        if trouble == "503":
            self.transport.write(self._servers.bad)
        elif trouble == "reset":
            self.transport.abort()
        elif trouble != "silence":
            slow = trouble == "slow" and self._chance.random() < SLOW_SHARE
            seconds = self._chance.uniform(*SLOW_S) if slow else SERVICE_S
            asyncio.get_running_loop().call_later(seconds, self.transport.write, self._servers.good)


def _message(body: bytes, status: str = "200 OK") -> bytes:
    return head(len(body), status) + body


async def _main(balances: bytes, troubles: list[str]) -> None:
    servers = _Servers(balances, len(troubles))
    urls = [await _started(servers, number, trouble) for number, trouble in enumerate(troubles)]
    print(json.dumps(urls), flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def _started(servers: _Servers, number: int, trouble: str) -> str:
    chance = random.Random(SEED)
    _, url = await listening(lambda: _Answering(servers, number, trouble, chance))
    return url


if __name__ == "__main__":
    asyncio.run(_main(small_cached_reply(2000), sys.argv[1:]))
