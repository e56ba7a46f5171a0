"""Writes that set a value: one at a time for each thing they set, and the newest call wins.

A late repeat of an older call would overwrite what a newer one has set, and nobody would know.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

from tread_async.errors import NotSentError

__all__ = ["Intent", "Intents", "Key"]

Key: TypeAlias = tuple[str, str]

_SUPERSEDED = "a newer call sets the same; this one was not sent"


class _Held:
    """What is known of one key while calls are about it."""

    __slots__ = ("calls", "lock", "newest")

    def __init__(self) -> None:
        self.calls = 0
        self.lock = asyncio.Lock()
        self.newest: Intent | None = None


class Intent:
    """One call's wish to set the values behind its keys."""

    __slots__ = ("_held",)

    def __init__(self, held: list[_Held]) -> None:
        self._held = held

    @property
    def superseded(self) -> bool:
        """Whether a newer call is about one of the same keys."""
        return any(held.newest is not self for held in self._held)

    @contextlib.asynccontextmanager
    async def turn(self, wait: Callable[[Awaitable[None]], Awaitable[None]]) -> AsyncIterator[None]:
        """Holds every key for one attempt. *wait* bounds the time until they are free.

        Raises:
            NotSentError: a newer call came meanwhile.
        """
        async with contextlib.AsyncExitStack() as stack:
            for held in self._held:
                if held.calls == 1:  # nobody else: free for certain
                    await held.lock.acquire()
                else:
                    await wait(_acquired(held.lock))
                stack.callback(held.lock.release)
            if self.superseded:
                failure = NotSentError(_SUPERSEDED)
                failure.permanent = True
                raise failure
            yield


class Intents:
    """The intents of all calls of one client. It keeps nothing of calls that have ended."""

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}

    @contextlib.contextmanager
    def declared(self, keys: tuple[Key, ...]) -> Iterator[Intent]:
        """A new intent for *keys*, the newest until another one is declared."""
        ordered = sorted(keys)  # in one order everywhere, so that two batches cannot wait for each other
        held = [self._held.setdefault(key, _Held()) for key in ordered]
        intent = Intent(held)
        for one in held:
            one.calls += 1
            one.newest = intent
        try:
            yield intent
        finally:
            for key, one in zip(ordered, held, strict=True):
                one.calls -= 1
                if not one.calls:
                    del self._held[key]


async def _acquired(lock: asyncio.Lock) -> None:
    await lock.acquire()
