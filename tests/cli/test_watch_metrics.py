"""`tread watch --metrics`: where they are served, and what is said where they cannot be."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
import urllib.request
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest

from tests.support.command import done, started, surroundings
from tests.support.prometheus import metrics_of
from tread_async.simulator import Simulator

FAST = ("--interval", "0.05", "--json")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=6, assets=4) as opened:
        yield opened


async def read(url: str) -> str:
    def get() -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_they_are_served_while_it_runs(sim: Simulator) -> None:
    """To this machine alone, with those of the process; nothing is on stdout, and no secret in them."""
    async with started(sim, "watch", *FAST, "--metrics", ":0") as process:
        url = await metrics_of(process)
        assert process.stdout is not None
        for _ in range(3):
            assert (await process.stdout.readline()).startswith(b"{")
        text = await read(url)
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()

    assert url.startswith("http://127.0.0.1:")
    assert (process.returncode, err) == (143, b"")
    assert len(re.findall(r"^tread_account_age_seconds\{", text, flags=re.MULTILINE)) == 6
    assert 'tread_accounts{credential="token",outcome="ok"} 6.0' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text
    assert sim.tokens[0] not in text
    with pytest.raises(OSError, match="refused"):
        await read(url)


async def test_they_end_with_it(sim: Simulator) -> None:
    """Without a warning, and with the code of the watch."""
    code, out, err = await done(sim, "watch", *FAST, "--rounds", "2", "--metrics", "127.0.0.1:0")

    assert (code, out.count("\n"), err.count("\n")) == (0, 2, 1)


async def test_ipv6(sim: Simulator) -> None:
    """In brackets, as in a URL."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    async with started(sim, "watch", *FAST, "--metrics", "[::1]:0") as process:
        url = await metrics_of(process)
        assert "tread_info" in await read(url)
        process.send_signal(signal.SIGTERM)
        await process.communicate()

    assert url.startswith("http://[::1]:")


async def test_a_port_that_is_taken(sim: Simulator) -> None:
    """A sentence and code 2, before anything is sent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await done(sim, "watch", *FAST, "--metrics", f":{port}")

    assert (code, out) == (2, "")
    assert err == f"tread watch: --metrics: port {port} of 127.0.0.1 is in use\n"
    assert sim.journal.requests == []


async def test_an_address_that_is_not_ours(sim: Simulator) -> None:
    """Likewise."""
    code, out, err = await done(sim, "watch", *FAST, "--metrics", "192.0.2.1:9464")

    assert (code, out) == (2, "")
    assert err.startswith("tread watch: --metrics: cannot listen on 192.0.2.1, port 9464: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("address", ["9464", "host:", "host:http", ":65536", ":-1", ":²"])
async def test_what_is_no_address(address: str, sim: Simulator) -> None:
    """It is said what one looks like."""
    code, out, err = await done(sim, "watch", *FAST, "--metrics", address)

    assert (code, out) == (2, "")
    assert err.startswith("tread watch: --metrics is [HOST]:PORT, such as :9464 or 0.0.0.0:9464, not ")
    assert err.count("\n") == 1


async def test_a_missing_extra(sim: Simulator) -> None:
    """A sentence that says what to install."""
    script = "import sys; sys.modules['prometheus_client'] = None; from tread_async.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, "watch", "--metrics", ":0"),
        env=surroundings(sim),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, out) == (2, b"")
    assert err.decode() == (
        "tread watch: --metrics: tread_async.metrics needs its extra: pip install 'tread-async[metrics]'\n"
    )
