"""How much memory does it take: 1,000 tokens that are open, and the balances of 10,000 accounts?

For the tokens, a process opens a `SessionManager` with 1,000 credentials and lists the one account of each,
so that every token has an open session and a connection that is kept. The figure is by how much its resident
memory has grown then, against what it was before, when everything had been imported and a manager of one
token had been used and closed. It is measured over plain HTTP, and over TLS, where asyncio allots 256 KiB to
each connection (uvloop does not). What is left when all are closed is measured as well, and by how much the
process grows when it opens them a second time.

For the balances, a process reads the cached balances of accounts of ten rows under 20 tokens, and keeps them
as the `Snapshot` of `SessionManager.balances`, or as what another decoder makes of the replies. It does so
twice, and keeps both. The figure is by how much its resident memory grows with the second, since the first
has room that was left free before; what was received has been let go of. A snapshot is the first of its
manager, which remembers nothing then. A manager that reads again and again, while one account in a hundred
changes each time, remembers the text of every account, as a watch does: what that takes together with the
newest snapshot is said besides.

Before all that is measured, Python has collected its garbage, and the C library has given back what it can.
Each round is a new process, and the servers are others. Resident memory is not all: buffers of the kernel are
not in it. Nothing is said of what a watch keeps for its changes, of accounts that all hold different things,
or of many connections of one token. Linux only.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import resource
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.answers import Figure, Found, figures, goal, share
from benchmarks.contenders import US
from benchmarks.contenders.keepers import DICTS, KEEPERS, SNAPSHOT
from benchmarks.contenders.keeping import TOKENS
from benchmarks.contending import contenders, missing, skipped
from benchmarks.fleet_server import ACCOUNTS, ASSETS
from benchmarks.legends import legend
from benchmarks.measuring import machine, other_process
from benchmarks.samples import listing

CREDENTIALS = 1000
ROUNDS = 3
MOST_OF_CREDENTIALS_MB = 60
MOST_OF_DICTS = 0.60
HOST = "localhost"
PLAIN = f"{US}, plain HTTP"
TLS = f"{US}, TLS"
LEFT = (
    "what is left after closing is no leak: Python keeps its memory in pieces of 1 MiB, and gives back only"
    " those that are empty; opening the tokens again fills them first, so that both figures together are what"
    " the first opening took"
)


def measure() -> Found:
    """Keepers that are installed, and TLS where trustme is."""
    _allow_connections()
    with_tls = importlib.util.find_spec("trustme") is not None
    desks = {PLAIN: _desks_over_http()} | ({TLS: _desks_over_tls()} if with_tls else {})
    open_mb = _megabytes(desks, "grown")
    kept_mb = asyncio.run(_kept_mb())
    return Found(
        conditions=f"{machine()}; {CREDENTIALS:,} tokens; {TOKENS * ACCOUNTS:,} accounts of {ASSETS} rows;"
        f" {ROUNDS} processes each, the quartiles of which are the least and the most",
        figures=(
            *_whole_and_each("open tokens", "token", CREDENTIALS, open_mb),
            *figures("left after closing them", "MB", _megabytes(desks, "left")),
            *figures("grown by opening them again", "MB", _megabytes(desks, "grown again")),
            *_whole_and_each("accounts' balances", "account", TOKENS * ACCOUNTS, kept_mb),
        ),
        goals=(
            goal(
                f"MB for {CREDENTIALS:,} open tokens, {PLAIN}", open_mb[PLAIN], at_most=MOST_OF_CREDENTIALS_MB
            ),
            goal(
                f"memory of balances, {SNAPSHOT} over {DICTS}",
                share(kept_mb, SNAPSHOT, DICTS),
                at_most=MOST_OF_DICTS,
            ),
        ),
        skipped=(*skipped(list(KEEPERS)), *([] if with_tls else [f"{TLS} (trustme)"])),
        notes=(*legend(list(KEEPERS)), LEFT),
    )


def _whole_and_each(
    what: str, one: str, count: int, megabytes: Mapping[str, Sequence[float]]
) -> list[Figure]:
    each = {name: [whole / count * 1e3 for whole in rounds] for name, rounds in megabytes.items()}
    return [*figures(f"{count:,} {what}", "MB", megabytes), *figures(f"memory of one {one}", "kB", each)]


def _megabytes(desks: Mapping[str, Sequence[Mapping[str, int]]], what: str) -> dict[str, list[float]]:
    return {name: [desk[what] / 1e6 for desk in rounds] for name, rounds in desks.items()}


def _allow_connections() -> None:
    """As many open files as we may; other processes inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _desks_over_http() -> list[dict[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_desks([_reply(folder)], []))


def _desks_over_tls() -> list[dict[str, int]]:
    import trustme  # of the extras dev and bench; the other figures do without

    issuer = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        chain, authority = (Path(folder) / name for name in ("chain.pem", "ca.pem"))
        issuer.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(chain)
        issuer.cert_pem.write_to_path(authority)
        return asyncio.run(_desks([_reply(folder), str(chain)], [str(authority)]))


def _reply(folder: str) -> str:
    file = Path(folder) / "reply.json"
    file.write_bytes(listing(accounts=1))
    return str(file)


async def _desks(server: Sequence[str], client: Sequence[str]) -> list[dict[str, Any]]:
    """What a manager of all tokens took in each of the rounds, in bytes."""
    desks = []
    async with other_process("benchmarks.reply_server", *server) as url:
        for _ in range(ROUNDS):
            async with other_process("benchmarks.memory_desk", str(CREDENTIALS), url, *client) as line:
                desks.append(json.loads(line))
    return desks


async def _kept_mb() -> dict[str, list[float]]:
    """By how much a process of each keeper grew in each of the rounds."""
    lacking = missing(list(KEEPERS))
    kept: dict[str, list[float]] = {name: [] for name in KEEPERS if name not in lacking}
    async with other_process("benchmarks.fleet_server") as url:
        for _ in range(ROUNDS):
            for name, rounds in kept.items():
                async with contenders([name], url) as keepers:
                    rounds.append((await keepers[name].run("grown")).result / 1e6)
    return kept
