"""Ctrl-C while `tread` is being loaded, before it has an event loop that would hear of it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.support.command import surroundings

_INTERRUPTED_AT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from tread_async.cli import main
main()
"""


@pytest.mark.parametrize(
    "name", ["importlib.util", "typer", "tread_async.cli.app", "tread_async.cli.usage", "aiohttp"]
)
async def test_ctrl_c_during_an_import(name: str) -> None:
    """It is silent, and has the code of every other Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-c", _INTERRUPTED_AT.format(name=name), "balances"),
        env=surroundings(None, PYTHONPATH=":".join(sys.path), TREAD_API_TOKEN="canary"),
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(30.0):
        out, err = await process.communicate()

    assert (process.returncode, out, err) == (130, b"", b"")
