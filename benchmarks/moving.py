"""Accounts whose cached answers differ from one to the next.

The simulator renders the accounts of some tokens at two moments, between which every account is priced anew.
An answer is put together of these texts: some accounts, drawn with a seed, change from one moment to the
other, and the time stamps of all move on. To put it together is one copy, so that a server which does this
is far from being the bottleneck. Nothing grows with the answers.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from typing import Final, NamedTuple

from benchmarks.samples import fetched
from tread_async.simulator import Simulator

__all__ = [
    "ACCOUNTS_PATH",
    "BUSY",
    "CACHED_PATH",
    "QUIET",
    "STAMPS_STAND",
    "Course",
    "Moving",
    "Texts",
    "rendered",
]

ACCOUNTS_PATH: Final = "/api/accounts/"
CACHED_PATH: Final = "/api/sor/get_cached_account_balance"
APART_S = 1000  # longer than any account of the simulator waits to be read again
OLDEST_S = 100_000  # the age of the first stamp: with each answer it is a second less

_SECONDS = re.compile(rb'(?<="timestamp_millis":)\d{10}(?=\d{3}\D)')


class Course(NamedTuple):
    """What changes from one answer to the next: a part of the accounts, and the time stamps of all."""

    changed: float
    stamps_move: bool = True


QUIET: Final = Course(0.01)
STAMPS_STAND: Final = Course(0.01, stamps_move=False)
BUSY: Final = Course(1.0)


class Texts(NamedTuple):
    """One token's list of accounts, and its cached answer at two moments, cut where the stamps stand."""

    accounts: bytes
    moments: tuple[list[bytes], list[bytes]]


class Moving:
    """The cached answers of one token."""

    def __init__(self, texts: Texts, course: Course, seed: int) -> None:
        self._course = course
        self._moments = texts.moments
        self._texts = list(texts.moments[0])
        self._shown = [0] * (len(self._texts) - 1)
        self._chance = random.Random(seed)
        self._stamp = int(time.time()) - OLDEST_S

    def cached(self) -> bytes:
        """The next answer."""
        count = len(self._shown)
        for account in self._chance.sample(range(count), round(self._course.changed * count)):
            self._shown[account] ^= 1
            self._texts[account] = self._moments[self._shown[account]][account]
        self._stamp += self._course.stamps_move
        return (b"%d" % self._stamp).join(self._texts)


async def rendered(*, tokens: int, accounts: int, assets: int) -> list[Texts]:
    """The texts of so many tokens, each with so many accounts of so many rows."""
    now = time.time()
    async with Simulator(
        seed=7, tokens=tokens, accounts=accounts, assets=assets, clock=lambda: now
    ) as simulator:

        async def fetch(path: str) -> list[bytes]:
            url = simulator.url + path
            return [await asyncio.to_thread(fetched, url, token) for token in simulator.tokens]

        listed, first = await fetch(ACCOUNTS_PATH), await fetch(CACHED_PATH)
        now += APART_S
        second = await fetch(CACHED_PATH)
    found = []
    for names, *bodies in zip(listed, first, second, strict=True):
        one, other = [_SECONDS.split(body) for body in bodies]
        assert len(one) == len(other) == accounts + 1
        assert not any(text == later for text, later in zip(one[:-1], other[:-1], strict=True))
        found.append(Texts(names, (one, other)))
    return found
