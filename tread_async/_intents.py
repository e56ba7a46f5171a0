"""Writes that set a value: one at a time for each thing they set, and the newest call wins.

A late repeat of an older call would overwrite what a newer one has set, and nobody would know.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Final, TypeAlias

from tread_async.errors import NotSentError

__all__ = ["Intent", "Intents", "Key"]

Key: TypeAlias = tuple[str, str]

LOST_FOR_S: Final = 300.0  # longer than proxies and servers are known to hold a request

_SUPERSEDED = "a newer call sets the same; this one was not sent"


class _Held:
    """What is known of one key while calls are about it."""

    __slots__ = ("calls", "lock", "newest")

    def __init__(self) -> None:
        self.calls = 0
        self.lock = asyncio.Lock()
        self.newest = 0


class _Lost:
    """Keys of which a write that nobody has answered for could still arrive; for a while."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[Key, float] = {}  # the oldest first

    def add(self, keys: Iterable[Key]) -> None:
        now = asyncio.get_running_loop().time()
        for key in keys:
            self._until.pop(key, None)
            self._until[key] = now + LOST_FOR_S
        while self._until and next(iter(self._until.values())) < now:
            del self._until[next(iter(self._until))]

    def __contains__(self, key: Key) -> bool:
        return self._until.get(key, 0.0) > asyncio.get_running_loop().time()


class Intent:
    """One call's wish to set the values behind its keys, or behind some of them."""

    __slots__ = ("_held", "_lost", "_number")

    def __init__(self, number: int, held: dict[Key, _Held], lost: _Lost) -> None:
        self._number = number
        self._lost = lost
        # In one order everywhere, so that two batches cannot wait for each other.
        self._held = held

    def part(self, keys: Iterable[Key]) -> Intent:
        """The same wish for some of its keys alone."""
        return Intent(self._number, {key: self._held[key] for key in sorted(keys)}, self._lost)

    def note_lost(self) -> None:
        """An attempt to set its values may still be on its way."""
        self._lost.add(self._held)

    def may_arrive_late(self, key: Key) -> bool:
        """Whether an attempt to set *key*, of this call or another, may still be on its way."""
        return key in self._lost

    def gives_way(self, key: Key) -> bool:
        """Whether a newer call is about *key*."""
        return self._held[key].newest != self._number

    @property
    def superseded(self) -> bool:
        """Whether a newer call is about one of the same keys."""
        return any(held.newest != self._number for held in self._held.values())

    @contextlib.asynccontextmanager
    async def turn(self, wait: Callable[[Awaitable[None]], Awaitable[None]]) -> AsyncIterator[None]:
        """Holds every key for one attempt. *wait* bounds the time until they are free.

        Raises:
            NotSentError: a newer call came meanwhile.
        """
        async with contextlib.AsyncExitStack() as stack:
            for held in self._held.values():
                if held.calls == 1:  # nobody else: free for certain
                    await held.lock.acquire()
                else:
                    await wait(_acquired(held.lock))
                stack.callback(held.lock.release)
            self.give_way()
            yield

    def give_way(self) -> None:
        """Refuses to go on if a newer call came meanwhile.

        Raises:
            NotSentError: it did.
        """
        if self.superseded:
            failure = NotSentError(_SUPERSEDED)
            failure.permanent = True
            raise failure


class Intents:
    """The intents of all calls that may set the same.

    Of calls that have ended it keeps nothing but, for a while, the keys of attempts that were lost.
    """

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}
        self._numbers = itertools.count(1)
        self._expected: set[int] = set()
        self._idle: set[Key] = set()
        self._lost = _Lost()

    @contextlib.contextmanager
    def expected(self) -> Iterator[int]:
        """The place, among all calls, of one whose keys are not known yet; for `declared` in the block."""
        number = next(self._numbers)
        self._expected.add(number)
        try:
            yield number
        finally:
            self._expected.discard(number)
            self._forget()

    @contextlib.contextmanager
    def declared(self, keys: Iterable[Key], number: int | None = None) -> Iterator[Intent]:
        """An intent for *keys*, with the place *number*; by default the newest of all."""
        number = next(self._numbers) if number is None else number
        held = {key: self._held.setdefault(key, _Held()) for key in sorted(keys)}
        for one in held.values():
            one.calls += 1
            one.newest = max(one.newest, number)
        try:
            yield Intent(number, held, self._lost)
        finally:
            for key, one in held.items():
                one.calls -= 1
                if not one.calls:
                    self._idle.add(key)
            self._forget()

    def _forget(self) -> None:
        # Not while an older call is still to say what it sets: it has to hear of the newer ones.
        oldest = min(self._expected, default=None)
        for key in [key for key in self._idle if oldest is None or self._held[key].newest < oldest]:
            self._idle.discard(key)
            if not self._held[key].calls:
                del self._held[key]


async def _acquired(lock: asyncio.Lock) -> None:
    await lock.acquire()
