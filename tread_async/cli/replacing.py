"""A file that is replaced as a whole, or left as it is."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from tread_async.errors import UsageError

__all__ = ["Replacement", "replacing"]

_LENGTH: Final = 8  # of a name of its own, also where two commands write the same file


class Replacement:
    """A file beside the one of the user, to take its place."""

    def __init__(self, path: Path) -> None:
        """Raises `UsageError`."""
        self._path = path
        with self._said():
            self._target, self._beside, self._file = _opened(path)

    def put(self, write: Callable[[BinaryIO], object]) -> None:
        """Replaces the file by what *write* writes. Raises `UsageError`."""
        with self._said():
            write(self._file)
            self._file.close()
            if self._beside is not None:
                self._beside.replace(self._target)

    def discard(self) -> None:
        """Leaves the file as it is, where it has not been replaced."""
        with contextlib.suppress(OSError):  # closing writes what is left, where the disk may be full
            self._file.close()
        if self._beside is not None:
            self._beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"{self._path} cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def replacing(path: Path | None) -> Iterator[Replacement | None]:
    """A replacement of *path*, to be opened before anything is read or sent; ``None`` without one.

    Raises:
        UsageError: it cannot be written.
    """
    if path is None:
        yield None
        return
    replacement = Replacement(path)
    try:
        yield replacement
    finally:
        replacement.discard()


def _opened(path: Path) -> tuple[Path, Path | None, BinaryIO]:
    """What is replaced, by what, and that opened; a pipe or a device is not replaced, but written to."""
    mode = path.stat().st_mode if path.exists() else None
    if mode is not None and not stat.S_ISREG(mode):
        return path, None, path.open("wb")
    target = Path(os.path.realpath(path))  # and not a link to it
    beside = target.with_name(f".tread-{secrets.token_hex(_LENGTH)}")
    if mode is None:
        return target, beside, beside.open("xb")
    with target.open("ab"):  # one that must not be written to must not be replaced
        file = beside.open("xb")
    beside.chmod(stat.S_IMODE(mode))
    return target, beside, file
