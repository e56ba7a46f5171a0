"""Where and when a client may be used: once, in one process, on the event loop that opened it."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from tread_async.errors import UsageError

__all__ = ["Home"]

_NO_LOOP: Final = "there is no running asyncio event loop here; trio and plain threads cannot use a client"


_forks = 0  # between the first process and this one: cheaper to know than a process's number


def _count_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):  # pragma: no branch - on Windows nothing forks
    os.register_at_fork(after_in_child=_count_fork)


class Home:
    """The life of one client; *what* is the name of its class, for the sentences."""

    def __init__(self, what: str) -> None:
        self.state = "not open"
        self._what = what
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forks = _forks

    def enter(self) -> None:
        """Opens it here.

        Raises:
            UsageError: it was opened before, or there is no event loop.
        """
        if self.state != "not open":
            raise UsageError(f"a {self._what} is opened once; make a new one")
        loop = _running_loop()
        if loop is None:
            raise UsageError(_NO_LOOP)
        self._loop, self._forks = loop, _forks
        self.state = "open"

    def leave(self) -> None:
        self.state = "closed"

    def check(self) -> None:
        """Refuses a use before opening, after closing, and from another loop, process or thread.

        Raises:
            UsageError: with one sentence.
        """
        if self.state != "open":
            raise UsageError(self.not_open())
        loop = _running_loop()
        if loop is not self._loop or self._forks != _forks:
            raise UsageError(
                f"the {self._what} belongs to another event loop or process; open one where you use it"
                if loop
                else _NO_LOOP
            )

    def not_open(self) -> str:
        return f"the {self._what} is {self.state}; use a new one with 'async with {self._what}(...)'"


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
