"""A program that gives a token."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import signal
import subprocess
import threading
import time
from typing import IO, Final

from tread_async._config.files import UnreadableError, is_readable, token_bytes

__all__ = ["Program"]

_WITHIN_S: Final = 60.0  # an agent may have to ask for a PIN; the deadline of the call is usually earlier
_LOOKS_EACH_S: Final = 0.01
_HAS_GROUPS: Final = hasattr(os, "killpg")  # not on Windows


class Program:
    """One run of *command*; its words on standard error go where ours do.

    It and what it starts are a session of their own, which is killed when the time is up or nobody wants
    the token any more.
    """

    def __init__(self, command: str, within_s: float = _WITHIN_S) -> None:
        self._command = command
        self._within_s = within_s
        self._until = time.monotonic() + within_s
        self._unwanted = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Lets `output` end soon. Any thread may call it."""
        self._unwanted.set()
        if not _HAS_GROUPS and self._process is not None:  # pragma: no cover - it cannot look up from a pipe
            self._process.kill()

    def output(self) -> bytes:
        """What it writes to standard output. Starting a program takes long: call it in a thread.

        Raises:
            UnreadableError: it could not be started, failed, took too long or wrote too much.
        """
        process = self._process = self._started()
        assert process.stdout is not None  # noqa: S101 - for mypy: it is a pipe
        with process.stdout:
            try:
                output = token_bytes(functools.partial(self._read, process.stdout))
                status = self._status(process)
            finally:
                _end(process)
        if status != 0:
            how = f"exited with {status}" if status > 0 else f"was ended by signal {-status}"
            raise UnreadableError(f"its token_command {how}")
        return output

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the configuration says so, and no shell is between
                shlex.split(self._command),
                bufsize=0,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise UnreadableError(f"its token_command cannot be started: {error.strerror}") from None

    def _read(self, stdout: IO[bytes], most: int) -> bytes:
        while True:
            self._check()
            if is_readable(stdout.fileno(), _LOOKS_EACH_S):
                return os.read(stdout.fileno(), most)

    def _status(self, process: subprocess.Popen[bytes]) -> int:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOKS_EACH_S)
            self._check()

    def _check(self) -> None:
        if self._unwanted.is_set():
            raise UnreadableError("nobody wants the token of its token_command any more")
        if time.monotonic() > self._until:
            raise UnreadableError(f"its token_command did not end within {self._within_s:g} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:
        return  # what it leaves running is meant to, such as an agent
    # Before it is waited for: until then its number is that of its group, and of no other.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if _HAS_GROUPS else process.kill()
    process.wait()
