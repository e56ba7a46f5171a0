"""Is the simulator fast enough not to be what other benchmarks measure?

Three questions, each over loopback against a simulator in a process of its own (so on two cores neither
side waits for the other's interpreter), and one in this process:

* How many small replies does one server process give in a second? Eight keep-alive connections on asyncio
  streams, the next request sent as soon as the last reply is complete. Goal: 2,000.
* How long does a cached reply for 1,000 accounts of ten rows take, from the first byte sent to the last
  byte received? One blocking socket, the clock running, so some accounts re-price in between. Goal: 15 ms.
* How long does rendering one account take when it has re-priced? Goal: 100 us.
"""

from __future__ import annotations

import asyncio
import json
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

from tread_async.simulator.render import cached_object, live_member
from tread_async.simulator.state import User

CONNECTIONS: Final = 8
SECONDS: Final = 3.0
CACHED: Final = "/api/sor/get_cached_account_balance"
LEVERAGE_BODY: Final = json.dumps({"leverage": "5", "pair": "ETH:PERP-USDT", "account_ids": []}).encode()


@contextmanager
def server(accounts: int) -> Iterator[tuple[str, int, str]]:
    """Run a simulator; yields host, port and token. It ends with its standard input."""
    command = [
        sys.executable,
        "-m",
        "tread_async.simulator",
        "--until-stdin-closes",
        "--accounts",
        str(accounts),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        url = urlsplit(ready["url"])
        yield str(url.hostname), url.port or 0, ready["tokens"][0]


def request(method: str, target: str, token: str, body: bytes = b"") -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def content_length(head: bytes) -> int:
    assert b" 200 " in head, head
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])


async def replies_per_s(host: str, port: int, message: bytes) -> float:
    end = time.perf_counter() + SECONDS

    async def keep_asking() -> int:
        reader, writer = await asyncio.open_connection(host, port)
        count = 0
        while time.perf_counter() < end:
            writer.write(message)
            await reader.readexactly(content_length(await reader.readuntil(b"\r\n\r\n")))
            count += 1
        writer.close()
        return count

    counts = await asyncio.gather(*[keep_asking() for _ in range(CONNECTIONS)])
    return sum(counts) / SECONDS


def reply_ms(host: str, port: int, message: bytes, rounds: int) -> tuple[list[float], int]:
    """Milliseconds of each round after a warm-up, and the size of the last body in bytes."""
    took, size, buffer = [], 0, bytearray(1 << 20)
    with socket.create_connection((host, port)) as connection:
        for _ in range(rounds + 3):
            began = time.perf_counter()
            connection.sendall(message)
            got = bytes(buffer[: connection.recv_into(buffer)])
            while b"\r\n\r\n" not in got:
                got += bytes(buffer[: connection.recv_into(buffer)])
            head, _, rest = got.partition(b"\r\n\r\n")
            size = content_length(head + b"\r\n")
            left = size - len(rest)
            while left:
                left -= connection.recv_into(buffer)
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
    return took[3:], size


def render_us(render: Callable[[float], bytes]) -> float:
    took = []
    for step in range(2000):
        at = 1_800_000_000.0 + 10 * step  # no account re-prices less often than this
        began = time.perf_counter()
        render(at)
        took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took)


def spread(figures: list[float]) -> str:
    ordered = sorted(figures)
    return f"median {statistics.median(ordered):.1f}, p95 {ordered[int(len(ordered) * 0.95)]:.1f}"


def main() -> None:
    print(f"Python {platform.python_version()}, aiohttp {version('aiohttp')}, {platform.machine()}")
    with server(20) as (host, port, token):
        name = "binance-mm-001"
        for label, message in {
            "set_leverage, 46 bytes": request("POST", "/api/set_leverage/", token, LEVERAGE_BODY),
            "one live account, 2 KB": request("GET", f"/api/balances/?account_names={name}", token),
            "one cached account, 3 KB": request("GET", f"{CACHED}?account_names={name}", token),
        }.items():
            print(f"{label}: {asyncio.run(replies_per_s(host, port, message)):,.0f} replies/s")
    with server(1000) as (host, port, token):
        for label, target in {
            "cached": CACHED,
            "live": "/api/balances/",
            "accounts": "/api/accounts/",
        }.items():
            took, size = reply_ms(host, port, request("GET", target, token), 100)
            print(f"{label}, 1,000 accounts, {size / 1e6:.2f} MB: {spread(took)} ms")
    account = User(7, 0, 1, 10).accounts[0]
    print(f"render one live account: {render_us(lambda at: live_member(account, at)):.0f} us")
    print(f"render one cached account: {render_us(lambda at: cached_object(account, at, 0)[0]):.0f} us")
