"""How much memory do the balances of a whole fleet take, for as long as you keep them?

The cached balances of 10,000 accounts of ten rows under 20 tokens, the same bytes for all: the `Snapshot` of
`SessionManager.balances`, against the dicts of `json.loads`, and for comparison our structs as msgspec decodes
them, unchecked and with a text and a `Decimal` for each value. The figure is by how much the resident memory
of a process grows when it reads them: everything has been imported and used on the accounts of one token
before, and of the manager the list of accounts is known. What was received is let go of, as far as Python and
the C library give it back. Each round is a new process, and the server is another one. It says nothing of
what a watch keeps besides, nor of accounts that all hold different things. Linux only.
"""

from __future__ import annotations

import asyncio
import json

from benchmarks.balances_memory_reader import JSON, KINDS, TOKENS, US
from benchmarks.fleet_server import ACCOUNTS, ASSETS
from benchmarks.measuring import machine, other_process, spread

ROUNDS = 7
MOST_OF_JSON = 0.6


def main() -> None:
    print(f"{machine()}; {TOKENS * ACCOUNTS:,} accounts of {ASSETS} rows, {ROUNDS} processes each in turn")
    grown = asyncio.run(_measured())
    rows = TOKENS * ACCOUNTS * ASSETS
    for kind, sizes in grown.items():
        low, middle, high = spread(sizes)
        print(
            f"{KINDS[kind]:32} {middle / 1e6:6.1f} MB (quartiles {low / 1e6:.1f} to {high / 1e6:.1f}),"
            f" {middle / rows:5.0f} bytes a row"
        )
    low, middle, high = spread([ours / theirs for ours, theirs in zip(grown[US], grown[JSON], strict=True)])
    print(f"{'ratio':32} {middle:6.2f} (quartiles {low:.2f} to {high:.2f}); to reach: at most {MOST_OF_JSON}")


async def _measured() -> dict[str, list[float]]:
    """Bytes by which each kind of process has grown."""
    grown: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with other_process("benchmarks.fleet_server") as url:
        for _ in range(ROUNDS):
            for kind, sizes in grown.items():
                async with other_process("benchmarks.balances_memory_reader", kind, url) as line:
                    sizes.append(json.loads(line))
    return grown
