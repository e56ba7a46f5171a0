"""``tread`` as a process: with pipes, or on a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import struct
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from tread_async.simulator import Simulator

_TREAD: Final = "from tread_async.cli import main; main()"
_ON_ITS_TERMINAL: Final = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {_TREAD}"
_UNSET: Final = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "CI")
_WITHIN_S: Final = 30.0


def surroundings(sim: Simulator | None, **more: str) -> dict[str, str]:
    """The environment of a process that watches the first token of *sim*."""
    plain = {name: value for name, value in os.environ.items() if name not in _UNSET}
    # The oldest typer uses what the newest click calls deprecated.
    plain |= {"PYTHONWARNINGS": "error,ignore::DeprecationWarning:typer", "TERM": "xterm-256color"}
    if sim is not None:
        plain |= {"TREAD_API_TOKEN": sim.tokens[0], "TREAD_BASE_URL": sim.url}
    return plain | more


@contextlib.asynccontextmanager
async def started(
    sim: Simulator | None,
    *arguments: str,
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    within_s: float = _WITHIN_S,
    **environment: str,
) -> AsyncIterator[Process]:
    """The process with pipes and without a terminal; killed if the test leaves it running."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _TREAD, *arguments),
        env=surroundings(sim, **environment),
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(within_s):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def done(
    sim: Simulator | None, *arguments: str, given: str = "", **environment: str
) -> tuple[int | None, str, str]:
    """The exit code, the output and the words on stderr of a process that is *given* a text on stdin."""
    async with started(sim, *arguments, stdin=PIPE if given else DEVNULL, **environment) as process:
        out, err = await process.communicate(given.encode(errors="surrogateescape") or None)
    return process.returncode, out.decode(), err.decode()


async def in_bash(sim: Simulator | None, script: str, **environment: str) -> tuple[int | None, str, str]:
    """As `done`, of a script that calls ``tread``; a pipe has the exit code of the first that fails."""
    tread = f'set -o pipefail; tread() {{ {sys.executable} -c "{_TREAD}" "$@"; }}'
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{tread}; {script}"),
        env=surroundings(sim, **environment),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(_WITHIN_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


class Terminal:
    """A pseudo terminal with a process that it controls.

    Attributes:
        said: Everything that was written to it.
    """

    def __init__(self, process: Process, master: int) -> None:
        self.process = process
        self.said = ""
        self._master = master

    async def until(self, *texts: str) -> str:
        """Reads until all of *texts* have come since the last call; what has come."""
        fresh = ""
        try:
            async with asyncio.timeout(_WITHIN_S):
                while not all(text in fresh for text in texts):
                    fresh += await self._read()
        except TimeoutError:
            raise AssertionError(f"not all of {texts} came, but at last {fresh[-2000:]!r}") from None
        self.said += fresh
        return fresh

    async def rest(self) -> str:
        """Reads until the process has ended; what has come."""
        fresh = ""
        async with asyncio.timeout(_WITHIN_S):
            with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
                while more := await self._read():
                    fresh += more
            await self.process.wait()
        self.said += fresh
        return fresh

    def resize(self, columns: int, lines: int) -> None:
        """As when the window is: the process is told with SIGWINCH."""
        _set_size(self._master, columns, lines)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    @property
    def echoes(self) -> bool:
        """Whether what is typed shows, as usual."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    async def _read(self) -> str:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._master, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._master)
        return os.read(self._master, 65536).decode(errors="replace")


@contextlib.asynccontextmanager
async def on_a_terminal(
    sim: Simulator, *arguments: str, columns: int, lines: int, **environment: str
) -> AsyncIterator[Terminal]:
    """The process on a terminal of that size."""
    master, slave = os.openpty()
    try:
        _set_size(master, columns, lines)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _ON_ITS_TERMINAL, *arguments),
            env=surroundings(sim, **environment),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        try:
            yield Terminal(process, master)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    finally:
        os.close(master)


def _set_size(terminal: int, columns: int, lines: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


async def until(true: Callable[[], bool]) -> None:
    """Returns when it is, where there is no event for it."""
    async with asyncio.timeout(_WITHIN_S):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def only_lines(output: str) -> list[Any]:
    """The JSON of each line; every one has to be whole."""
    assert output.endswith("\n")
    return [json.loads(line) for line in output.splitlines()]
