"""How much memory do the balances of a whole fleet take, for as long as you keep them?

The cached balances of 10,000 accounts of ten rows under 20 tokens, the same bytes for all, read at once: the
`Snapshot` of `SessionManager.balances`, against the dicts of `json.loads`, and for comparison our structs as
msgspec decodes them, unchecked and with a text and a `Decimal` for each value. A process reads them five
times, and keeps them all. The figure is by how much its resident memory grows with each but the first, with
which come buffers that later ones use again: what the first takes is said besides. Everything has been
imported and used on the accounts of one token before, and the manager knows the list of accounts. Each round
is a new process, and the server is another one. It says nothing of what a watch keeps besides, nor of rows in
which every amount is another one. Linux only.
"""

from __future__ import annotations

import asyncio
import json
import statistics

from benchmarks.balances_memory_reader import JSON, KINDS, TOKENS, US
from benchmarks.fleet_server import ACCOUNTS, ASSETS
from benchmarks.measuring import machine, other_process, spread

ROUNDS = 7
MOST_OF_JSON = 0.6


def main() -> None:
    print(f"{machine()}; {TOKENS * ACCOUNTS:,} accounts of {ASSETS} rows, {ROUNDS} processes each in turn")
    grown = asyncio.run(_grown())
    rows = TOKENS * ACCOUNTS * ASSETS
    for kind, processes in grown.items():
        low, middle, high = spread([_each(sizes) for sizes in processes])
        first = statistics.median([sizes[0] for sizes in processes])
        print(
            f"{KINDS[kind]:32} {middle / 1e6:6.1f} MB (quartiles {low / 1e6:.1f} to {high / 1e6:.1f}),"
            f" {middle / rows:5.0f} bytes a row; the first {first / 1e6:.1f} MB"
        )
    each = [_each(ours) / _each(theirs) for ours, theirs in zip(grown[US], grown[JSON], strict=True)]
    low, middle, high = spread(each)
    print(f"{'ratio':32} {middle:6.2f} (quartiles {low:.2f} to {high:.2f}); to reach: at most {MOST_OF_JSON}")


def _each(sizes: list[int]) -> float:
    return statistics.mean(sizes[1:])


async def _grown() -> dict[str, list[list[int]]]:
    """Bytes by which each process has grown with each reading, by kind."""
    grown: dict[str, list[list[int]]] = {kind: [] for kind in KINDS}
    async with other_process("benchmarks.fleet_server") as url:
        for _ in range(ROUNDS):
            for kind, processes in grown.items():
                async with other_process("benchmarks.balances_memory_reader", kind, url) as line:
                    processes.append(json.loads(line))
    return grown
