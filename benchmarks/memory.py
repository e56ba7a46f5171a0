"""How much memory does a manager of 1,000 tokens take, each with its sessions and kept connections?

A process opens a `SessionManager` with 1,000 credentials and lists the one account of each, so that every
token has an open session and a connection that is kept. The figure is by how much its resident memory has
grown then, against what it was before, when everything had been imported and a manager of one token had been
used and closed. It is measured over plain HTTP, and over TLS, where asyncio allots 256 KiB to each connection
(uvloop does not). Each round is a new process, and the server is another one. Resident memory is not all:
buffers of the kernel are not in it. Nor are balances, which stay for as long as you keep a snapshot, nor do
the figures hold for many connections of one token at once. Linux only.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine, other_process, spread
from benchmarks.samples import listing

CREDENTIALS = 1000
ROUNDS = 7
TARGET_MB = 60
HOST = "localhost"


def main() -> None:
    import trustme  # of the extra dev; the other questions do without

    _allow_connections()
    print(f"{machine()}; {CREDENTIALS:,} credentials, {ROUNDS} processes each")
    with tempfile.TemporaryDirectory() as folder:
        reply, chain, authority = (Path(folder) / name for name in ("reply.json", "chain.pem", "ca.pem"))
        reply.write_bytes(listing(accounts=1))
        issuer = trustme.CA()
        issuer.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(chain)
        issuer.cert_pem.write_to_path(authority)
        asyncio.run(_measure("plain HTTP", [str(reply)], []))
        asyncio.run(_measure("TLS", [str(reply), str(chain)], [str(authority)]))


def _allow_connections() -> None:
    """As many open files as we may; other processes inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _measure(over: str, server: list[str], client: list[str]) -> None:
    async with other_process("benchmarks.reply_server", *server) as url:
        rounds: list[dict[str, Any]] = []
        for _ in range(ROUNDS):
            async with other_process("benchmarks.memory_desk", str(CREDENTIALS), url, *client) as line:
                rounds.append(json.loads(line))
    print(f"\n{over}: {rounds[0]['connections']:,} connections were open")
    for what, goal in (
        ("grown", f"; to reach: at most {TARGET_MB}" if over == "plain HTTP" else ""),
        ("left after closing", ""),
        ("before", ""),
    ):
        low, middle, high = spread([one[what] / 1e6 for one in rounds])
        print(f"  {what:20} {middle:6.1f} MB (quartiles {low:.1f} to {high:.1f}){goal}")
    each = spread([one["grown"] / CREDENTIALS / 1e3 for one in rounds])[1]
    print(f"  {'for each credential':20} {each:6.1f} kB")
