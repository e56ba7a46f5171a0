"""`tread simulate`: the simulator as a command, for programs and for people."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.support.command import done, on_a_terminal, started, surroundings
from tread_async.simulator import Simulator
from tread_async.simulator.__main__ import parser


async def in_bash(script: str) -> dict[str, object]:
    """The JSON that *script* prints; ``$0`` is this Python."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TREAD_")}
    run = await asyncio.create_subprocess_exec("bash", "-c", script, sys.executable, env=plain, stdout=PIPE)
    out, _ = await run.communicate()
    found: dict[str, object] = json.loads(out)
    return found


async def test_one_line_of_json_and_words_for_nobody() -> None:
    """As `python -m tread_async.simulator` prints it; where stderr is no terminal nothing stands there."""
    arguments = ("--port", "0", "--tokens", "2", "--accounts", "3", "--seed", "9")
    async with started(None, "simulate", *arguments) as process:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()

    expected = Simulator(seed=9, tokens=2, accounts=3)
    assert list(ready) == ["url", "tokens", "accounts", "seed"]
    assert (ready["tokens"], ready["accounts"], ready["seed"]) == (list(expected.tokens), 3, 9)
    assert (process.returncode, out, err) == (143, b"", b"")


async def test_what_a_terminal_is_told_works_when_it_is_pasted() -> None:
    """The line exports what `tread watch` needs, and Ctrl-C ends the simulator like any command."""
    async with (
        Simulator(accounts=0) as nothing,
        on_a_terminal(nothing, "simulate", "--port", "0", columns=200, lines=30) as terminal,
    ):
        said = await terminal.until("In another terminal, paste this:", "Ctrl-C ends it.")
        (paste,) = re.findall(r"export .*TREAD_API_TOKEN=\w+", said)
        seen = await in_bash(
            f'{paste}; "$0" -c "from tread_async.cli import main; main()" watch --rounds 1 --json'
        )
        terminal.type("\x03")
        await terminal.rest()

    assert seen["complete"] is True
    assert terminal.process.returncode == 130


async def test_each_of_several_tokens_can_be_pasted() -> None:
    """A line for each: every token is a user with accounts of its own."""
    async with (
        Simulator(accounts=0) as nothing,
        on_a_terminal(nothing, "simulate", "--port=0", "--tokens=3", columns=200, lines=30) as terminal,
    ):
        said = await terminal.until("paste one of these:", "Ctrl-C ends it.")
        terminal.process.send_signal(signal.SIGTERM)
        await terminal.rest()

    pasted = re.findall(r"export TREAD_BASE_URL=http://127\.0\.0\.1:\d+ TREAD_API_TOKEN=(\w+)", said)
    assert pasted == list(Simulator(tokens=3).tokens)
    assert terminal.process.returncode == 143


async def test_a_port_that_is_taken_is_one_sentence() -> None:
    """With what to do about it, and code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await done(None, "simulate", "--port", str(port))

    assert (code, out) == (2, "")
    assert err == (
        f"tread simulate: port {port} of 127.0.0.1 is taken; give another with --port, or 0 for a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "203.0.113.1", "--port", "0"), "cannot listen on port 0 of 203.0.113.1"),
        (("--latency-s", "inf"), "latency_s must be 0 or more"),
    ],
)
async def test_what_cannot_be_served_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    """And code 2."""
    code, out, err = await done(None, "simulate", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tread simulate: ")
    assert said in err


async def test_it_ends_with_its_parent() -> None:
    """With ``--until-stdin-closes``, and code 0."""
    code, out, err = await done(None, "simulate", "--port", "0", "--until-stdin-closes")

    assert (code, out.count("\n"), err) == (0, 1, "")


_OPTIONS = """
import json, typer.main
from tread_async.cli.app import app

command = typer.main.get_group(app).commands["simulate"]
print(json.dumps({option.opts[0]: option.default for option in command.params}))
"""


def test_both_ways_to_start_it_have_the_same_options() -> None:
    """And the same defaults, but for the port: two terminals need one that they know."""
    # In a process that bears with what the oldest typer imports.
    shown = subprocess.run([sys.executable, "-c", _OPTIONS], env=surroundings(None), stdout=PIPE, check=True)
    ours = json.loads(shown.stdout)
    theirs = {
        action.option_strings[0]: action.default
        for action in parser()._actions
        if action.option_strings[0] != "-h"
    }

    assert ours.pop("--port") not in (0, 8080)
    assert theirs.pop("--port") == 0
    assert ours == theirs
