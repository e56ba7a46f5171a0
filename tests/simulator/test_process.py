"""The simulator as a process, and its independence from the rest of the package."""

from __future__ import annotations

import ast
import asyncio
import json
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import tread_async.simulator
from tread_async.simulator import Simulator
from tread_async.simulator.__main__ import main

PACKAGE = pathlib.Path(tread_async.simulator.__file__).parent


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[Process, Any]]:
    """A simulator process and its ready line; killed if the test leaves it running."""
    command = (sys.executable, "-m", "tread_async.simulator", *arguments)
    made = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=PACKAGE.parent.parent
    )
    try:
        assert made.stdout is not None
        yield made, json.loads(await made.stdout.readline())
    finally:
        if made.returncode is None:
            made.kill()
        await made.communicate(b"")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as got:
        return json.load(got)


async def test_ready_line_and_stdin() -> None:
    """It prints one JSON line, serves, and ends cleanly when its standard input does."""
    arguments = ("--accounts", "3", "--tokens", "2", "--seed", "9", "--until-stdin-closes")
    async with process(*arguments) as (made, ready):
        expected = Simulator(seed=9, tokens=2, accounts=3)
        summary = await asyncio.to_thread(get, ready["url"] + "/_simulator/summary")
        out, err = await made.communicate(b"not read\n")  # and then ends its input

    assert list(ready) == ["url", "tokens", "accounts", "seed"]
    assert (ready["tokens"], ready["accounts"], ready["seed"]) == (list(expected.tokens), 3, 9)
    assert len(summary["users"]) == 2
    assert (made.returncode, out, err) == (0, b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("more", [(), ("--until-stdin-closes",)])
async def test_signals(number: signal.Signals, more: tuple[str, ...]) -> None:
    """Interrupt and terminate end it with code 0, also while it waits for its standard input."""
    async with process("--accounts", "1", *more) as (made, _):
        made.send_signal(number)
        assert made.stderr is not None
        err = await made.stderr.read()
        assert (await made.wait(), err) == (0, b"")


@pytest.mark.parametrize(
    ("stdout", "why"), [(">/dev/full", "No space left on device"), ("| true", "Broken pipe")]
)
def test_a_ready_line_that_cannot_be_written(stdout: str, why: str) -> None:
    """It ends with one sentence: nobody could find it."""
    script = f'set -o pipefail; "$0" -m tread_async.simulator {stdout}'
    command = ["bash", "-c", script, sys.executable]
    ended = subprocess.run(command, cwd=PACKAGE.parent.parent, stderr=PIPE, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (1, f"simulator: the ready line cannot be written: {why}\n")


def test_bad_start(capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments or an address that cannot be used end it with code 2 and one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for arguments in (["--tokens", "0"], ["--port", str(taken.getsockname()[1])]):
            assert main(arguments) == 2
            out, err = capsys.readouterr()
            assert (out, err.count("\n")) == ("", 1)
            assert err.startswith("simulator: ")


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_port_out_of_range(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is none is refused with the range, not with a traceback."""
    with pytest.raises(SystemExit) as ended:
        main([f"--port={port}"])

    assert ended.value.code == 2
    assert "from 0 to 65535" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Help shows every option and an example."""
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    text = capsys.readouterr().out
    assert left.value.code == 0
    assert "example:" in text
    assert "--until-stdin-closes" in text


def imported(path: pathlib.Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_imports() -> None:
    """It imports the standard library, aiohttp and itself: nothing of the client it is there to test."""
    imports = {(path.name, name) for path in PACKAGE.rglob("*.py") for name in imported(path)}
    known = {*sys.stdlib_module_names, "aiohttp"}
    others = {(file, name) for file, name in imports if name.partition(".")[0] not in known}

    assert ("server.py", "aiohttp") in imports
    assert [one for one in others if not one[1].startswith("tread_async.simulator")] == []


def test_not_loaded_by_the_package() -> None:
    """No module of the package outside the simulator imports it when it is loaded, but the kit for tests."""
    for path in PACKAGE.parent.rglob("*.py"):
        if {PACKAGE, PACKAGE.parent / "testing"} & {*path.parents}:
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert "simulator" not in ast.unparse(node), path


def test_public_names() -> None:
    """The exported names are sorted, complete and there."""
    names = tread_async.simulator.__all__

    assert names == sorted(names)
    assert all(hasattr(tread_async.simulator, name) for name in names)
