"""Files that are looked at before they are believed: through their descriptor, so that none is swapped."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import select
import shlex
import stat
from collections.abc import Callable, Iterator
from typing import Final

__all__ = [
    "UnreadableError",
    "configuration_bytes",
    "is_readable",
    "patiently_read",
    "secret_bytes",
    "token_bytes",
]

_MOST_BYTES: Final = 1 << 20  # of a configuration
_MOST_OF_A_TOKEN_BYTES: Final = 1 << 16
_HAS_OWNERS: Final = hasattr(os, "geteuid")  # not on Windows


class UnreadableError(Exception):
    """What is wrong with a file or another source, in words that repeat nothing of what is in it."""


def secret_bytes(path: str) -> bytes:
    """The content of a file that is ours, and that nobody else can read or replace.

    Raises:
        UnreadableError: it is a link, somebody else's, open to others, in their folder, or not there.
    """
    if not _HAS_OWNERS:  # pragma: no cover - Windows
        raise UnreadableError("who may read a file cannot be told on Windows; use token_command instead")
    try:
        with _opened(path, os.O_NOFOLLOW) as descriptor:
            _check_secret(path, os.fstat(descriptor))
            _check_folder(os.path.dirname(os.path.abspath(path)))
            return token_bytes(functools.partial(os.read, descriptor))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnreadableError(f"{path} is a symbolic link; name the file itself") from None
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from None


def _check_secret(path: str, state: os.stat_result) -> None:
    mode = stat.S_IMODE(state.st_mode)
    if not stat.S_ISREG(state.st_mode):
        raise UnreadableError(f"{path} is not a regular file")
    if state.st_uid != os.geteuid():
        raise UnreadableError(f"{path} belongs to another user; a token is read from a file of yours")
    if mode & ~0o600:
        raise UnreadableError(f"{path} has the mode {mode:04o}; run: chmod 600 {shlex.quote(path)}")


def configuration_bytes(path: str) -> bytes:
    """The content of a file that nobody else can write to or replace: it says which program gives a token.

    Raises:
        UnreadableError: others could have written it, or it is no file.
        OSError: it cannot be read, as when it is not there.
    """
    with _opened(path) as descriptor:
        _check_configuration(path, os.fstat(descriptor))
        for one in (path, os.path.realpath(path)):  # both a link and what it leads to can be replaced
            _check_folder(os.path.dirname(os.path.abspath(one)))
        return _all_of(functools.partial(os.read, descriptor), _MOST_BYTES)


def _check_configuration(path: str, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise UnreadableError("it is not a regular file")
    if not _HAS_OWNERS:  # pragma: no cover - Windows
        return
    if state.st_uid not in (0, os.geteuid()):
        raise UnreadableError("it belongs to another user, who could have your tokens sent elsewhere")
    if state.st_mode & 0o022:
        raise UnreadableError(
            "others can write to it, and so have your tokens sent elsewhere; "
            f"run: chmod go-w {shlex.quote(path)}"
        )


def _check_folder(folder: str) -> None:
    if not _HAS_OWNERS:  # pragma: no cover - Windows
        return
    state = os.stat(folder)
    if state.st_uid not in (0, os.geteuid()):
        raise UnreadableError(f"{folder} belongs to another user, who can replace what is in it")
    if state.st_mode & 0o022 and not state.st_mode & stat.S_ISVTX:
        raise UnreadableError(
            f"others can write to {folder}, and so replace what is in it; "
            f"run: chmod go-w {shlex.quote(folder)}"
        )


def token_bytes(read: Callable[[int], bytes]) -> bytes:
    """Everything that *read* gives, if that can be a token. Raises `UnreadableError`."""
    return _all_of(read, _MOST_OF_A_TOKEN_BYTES)


def patiently_read(descriptor: int, most: int) -> bytes:
    """As `os.read`, also of a pipe that somebody made non-blocking: what has come so far is not all."""
    while True:
        try:
            return os.read(descriptor, most)
        except BlockingIOError:
            is_readable(descriptor, None)


def is_readable(descriptor: int, within_s: float | None) -> bool:
    """Whether there is something to read, or the end, within that time. On Windows reading itself waits."""
    if not hasattr(select, "poll"):  # pragma: no cover - Windows
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if within_s is None else within_s * 1000))


def _all_of(read: Callable[[int], bytes], most: int) -> bytes:
    content, more = bytearray(), b""
    try:
        while more := read(most):
            content += more
            if len(content) > most:
                raise UnreadableError(f"there is more than {most >> 10} KiB to read")
        return bytes(content)
    finally:
        content.clear()  # the frame of an error holds it
        more = b""


@contextlib.contextmanager
def _opened(path: str, more: int = 0) -> Iterator[int]:
    # Without waiting for whoever writes to a named pipe: what it is shows only when it is open.
    nonblocking = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_RDONLY | nonblocking | more)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
