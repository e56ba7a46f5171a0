"""What is imported when: little with the package, the rest on opening, nothing during a call."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE

import pytest

from tread_async.simulator import Simulator

# What takes long, and what is for some only.
PUT_OFF = {"aiohttp", "tenacity", "email", "statistics", "typer", "rich", "hypothesis"}

CALLS = """
import asyncio, sys
from tread_async import ALL, SessionManager, TreadClient

async def main(kind, url, token, account_id):
    if kind == "client":
        client, accounts = TreadClient(token, base_url=url), {"account_ids": [account_id]}
    else:
        client, accounts = SessionManager({"a": token}, base_url=url), {"accounts": ALL}
    async with client:
        opened = set(sys.modules)
        await client.accounts()
        await client.set_leverage("5", pair="ETH:PERP-USDT", **accounts)
    print("opened:", *opened)
    print("later:", *set(sys.modules) - opened)

asyncio.run(main(*sys.argv[1:]))
"""


def loaded_by(script: str) -> set[str]:
    """The modules of a process that ran *script*."""
    script = f"{script}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "script",
    [
        "import tread_async",
        "from tread_async import *",
        "from tread_async import *; TreadClient('t'); SessionManager({'a': 't'}, hedge_cached=True)",
    ],
)
def test_what_takes_long_is_not_loaded_before_a_client_is_opened(script: str) -> None:
    """Neither aiohttp nor tenacity; and the simulator and the command never."""
    loaded = loaded_by(script)

    assert "tread_async" in loaded
    assert not PUT_OFF & loaded
    assert not {"tread_async.simulator", "tread_async.cli"} & loaded


@pytest.mark.parametrize("kind", ["client", "manager"])
async def test_no_call_imports_anything(kind: str) -> None:
    """An import holds the event loop, so all is done on opening: also what repeats and closing need."""
    async with Simulator(seed=7) as sim:
        sim.fail(status=500, times=2)
        arguments = (kind, sim.url, sim.tokens[0], sim.accounts()[0].id)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CALLS, *arguments, stdout=PIPE, stderr=PIPE
        )
        out, problem = await child.communicate()

        assert len(sim.journal.requests) > 3, problem.decode()
    opened, later = out.decode().splitlines()
    assert {"aiohttp", "tenacity"} < set(opened.split())
    assert later == "later:"
