"""The guard against leaks catches what it is for."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.leaks import LeakError, no_leaks

LEAKING = """
import asyncio

kept = []

async def test_clean():
    await asyncio.sleep(0)

async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(60)))

async def test_unretrieved():
    asyncio.get_running_loop().create_future().set_exception(ValueError("unseen"))

async def test_descriptor():
    kept.append(open(__file__))
"""


async def caught(leak: Callable[[], Awaitable[None]], why: str) -> None:
    with pytest.raises(LeakError, match=why):
        async with no_leaks():
            await leak()


async def test_task() -> None:
    """A task that still runs is caught, named, and ended."""
    kept = []

    async def leak() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(60)))

    await caught(leak, "task still running")

    assert kept[0].cancelled()


async def test_socket() -> None:
    """A socket that is still open is caught."""
    kept = []

    async def leak() -> None:
        kept.append(socket.socket())

    await caught(leak, "still open: socket")
    kept[0].close()


async def test_unretrieved_exception() -> None:
    """An exception that nobody retrieved is caught, in a cycle too."""

    async def fail() -> None:
        raise ValueError("unseen")

    async def leak() -> None:
        cycle: list[object] = [asyncio.create_task(fail())]
        cycle.append(cycle)
        await asyncio.sleep(0.001)

    await caught(leak, "nobody retrieved: .*unseen")


async def test_clean_block() -> None:
    """A block that cleans up passes, closing connections included."""
    async with no_leaks():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()
        server.close()


async def test_error_comes_first() -> None:
    """The error of a failing block is not hidden by what it leaves behind."""
    with pytest.raises(KeyError):
        async with no_leaks():
            raise KeyError("first")


def test_every_test_is_guarded(tmp_path: Path) -> None:
    """The fixture applies by itself: of four tests the three that leak fail."""
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-c", f"{root}/pyproject.toml", str(tmp_path)]
    options = ["--rootdir", str(tmp_path), "-p", "tests.conftest", "-p", "no:cacheprovider"]
    run = subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, timeout=60)

    assert "4 passed, 3 errors" in run.stdout, run.stdout
    for name in ("test_task", "test_unretrieved", "test_descriptor"):
        # How much of the error follows depends on the terminal's width and on the variable CI.
        assert re.search(rf"^ERROR \S*test_leaking\.py::{name}\b", run.stdout, flags=re.MULTILINE)
