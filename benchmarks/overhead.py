"""What does one successful call cost in CPU, against a hand-written aiohttp call with the same decoder?

Both run in this process, in turn, over a kept connection to a server in another process, and decode
the same 2 KB cached reply. The figure is CPU of the client's side alone. It says nothing about latency,
concurrency, other replies or failing calls.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import aiohttp

from benchmarks.measuring import interleaved_async, machine, other_process, ratios, spread
from benchmarks.samples import small_cached_reply
from tread_async import TreadClient
from tread_async._codec.endpoints import CACHED_BALANCES

CALLS = 200
ROUNDS = 60
TARGET = 1.15


def main() -> None:
    body = small_cached_reply(2000)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reply.json"
        file.write_bytes(body)
        asyncio.run(_measure(file, len(body)))


async def _measure(file: Path, size: int) -> None:
    token = "0" * 40
    async with other_process("benchmarks.reply_server", str(file)) as url:
        target = url + CACHED_BALANCES.path
        async with (
            TreadClient(token, base_url=url) as tread,
            aiohttp.ClientSession(headers={"Authorization": f"Token {token}"}) as session,
        ):

            async def ours() -> None:
                for _ in range(CALLS):
                    await tread.cached_balances()

            async def by_hand() -> None:
                for _ in range(CALLS):
                    async with session.get(target) as reply:
                        reply.raise_for_status()
                        CACHED_BALANCES.decode(await reply.read())

            taken = await interleaved_async({"tread_async": ours, "by hand": by_hand}, rounds=ROUNDS)
    print(f"{machine()}; reply of {size} bytes, {ROUNDS} rounds of {CALLS} calls each, in turn")
    for name, seconds in taken.items():
        low, middle, high = (value / CALLS * 1e6 for value in spread(seconds))
        print(f"{name:12} {middle:7.1f} us of CPU a call (quartiles {low:.1f} to {high:.1f})")
    low, middle, high = spread(ratios(taken, "tread_async", "by hand"))
    print(f"ratio        {middle:7.3f}  (quartiles {low:.3f} to {high:.3f}); to reach: at most {TARGET}")
