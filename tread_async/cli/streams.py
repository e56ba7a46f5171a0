"""Standard output and error, which may be closed, full, without a reader, or in an old encoding."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, Final, TextIO

from tread_async.cli.masking import masked

__all__ = ["NOBODY_READS", "OutputError", "output_errors", "prepared", "say", "tell", "unwritten"]

_NOT_WRITTEN: Final = 1
NOBODY_READS: Final = 128 + 13  # SIGPIPE, which Windows does not have
_SHOWN: Final = "backslashreplace"  # two names may differ in nothing but a letter that the terminal lacks


class OutputError(Exception):
    """Standard output cannot be written. It is no `OSError`: click and rich do as they please with those.

    Attributes:
        code: The exit code: that of SIGPIPE where the reader is gone.
        why: In the words of the system, but for a stream that is closed.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.code: int = NOBODY_READS if error.errno == errno.EPIPE else _NOT_WRITTEN
        self.why: str = "standard output is closed" if error.errno == errno.EBADF else str(error.strerror)


class _Output(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            with output_errors():
                return super().write(data)
        except OutputError:
            _to_nowhere(1)
            raise


@contextlib.contextmanager
def output_errors() -> Iterator[None]:
    """Raises `OutputError` for an `OSError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(error) from None


def prepared() -> None:
    """Makes standard output raise `OutputError`, and both streams be there."""
    _hold_places()
    if sys.stderr is None:
        _to_nowhere(2)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = _output("utf-8")
    elif sys.stdout.isatty():  # it is never full, and Windows has a stream of its own for it
        _reconfigure(sys.stdout)
    else:
        sys.stdout = _output(sys.stdout.encoding)


def _hold_places() -> None:
    """Else a socket would take the number of a stream that is closed, and be written to."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(descriptor)


def _output(encoding: str) -> io.TextIOWrapper:
    raw = _Output(1, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=_SHOWN)


def _reconfigure(stream: Any) -> None:
    stream.reconfigure(errors=_SHOWN)


def _to_nowhere(descriptor: int) -> None:
    """What is left in its buffer must not fail once more when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def tell(words: str, *, end: str = "\n", on: TextIO | None = None) -> None:
    """Writes *words* on stderr. Where that is closed or full they are lost, and the work goes on.

    Args:
        on: Another stream, which is a terminal.
    """
    try:
        print(words, end=end, file=on or sys.stderr, flush=True)
    except OSError:
        _to_nowhere(2)


def say(command: str, sentence: str) -> None:
    """A sentence on stderr, made safe to show; of the program itself where *command* is empty."""
    tell(f"{f'tread {command}'.rstrip()}: {masked(sentence)}")


def unwritten(command: str, error: OutputError) -> int:
    """The exit code: quietly that of SIGPIPE where the reader is gone, else 1 and a sentence."""
    if error.code != NOBODY_READS:
        say(command, f"the output cannot be written: {error.why}")
    return error.code
