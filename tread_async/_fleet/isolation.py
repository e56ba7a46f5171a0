"""Finding the account that spoils a batch, so that the others get what they asked for."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from tread_async._together import together
from tread_async.errors import (
    AuthError,
    BlockedError,
    ClientClosedError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    TreadError,
    UnprocessableError,
    UsageError,
)

__all__ = ["Isolation", "halves", "is_shared", "timeout_of_a_part_s"]

T = TypeVar("T")

_SMALL: Final = 4
_MANY: Final = 8
_SHORTEST_TRY_S: Final = 0.5
_SHARED: Final = (AuthError, BlockedError, ClientClosedError, NotSentError, RateLimitedError, UsageError)


class Isolation(Generic[T]):
    """Asks for batches, and splits those that fail until what fails is alone.

    What fails all accounts alike is not split: a token that is refused, a host out of reach, an outage.
    An outage is told from a few bad accounts by asking for three of them alone: if none of those
    succeeds, and nothing else has, it is one.

    Args:
        ask: Asks for a batch and settles it; raises `TreadError` if it failed as a whole.
        give_up: Settles the batch with the error.
        split: Parts of a batch of several; none where asking for less is no way to ask. The other
            argument says whether each is to be alone.
        left_s: Seconds that are left.
        telling: Whether asking for a member alone tells if anything answers; of all, unless given.
    """

    def __init__(
        self,
        ask: Callable[[list[T]], Awaitable[None]],
        give_up: Callable[[list[T], TreadError], None],
        split: Callable[[list[T], bool], list[list[T]]],
        left_s: Callable[[], float],
        telling: Callable[[T], bool] = lambda _: True,
    ) -> None:
        self._ask = ask
        self._give_up = give_up
        self._split = split
        self._left_s = left_s
        self._telling = telling
        self.alive = False
        self._lead = 0  # of the batches that failed over those that did not
        self._probed = False
        self._lock = asyncio.Lock()

    async def run(self, batch: list[T]) -> None:
        """Settles every member of *batch*."""
        try:
            await self._ask(batch)
        except TreadError as error:
            failure = error.with_traceback(None)  # its frames hold the answer
        else:
            self.alive = True
            self._lead -= 1
            return
        self._lead += len(batch) > 1
        if len(batch) > 1 and not is_shared(failure) and self._left_s() > _SHORTEST_TRY_S:
            batch = await self._first_looked_at(batch, failure)
            if self.alive or len(batch) <= _SMALL or is_about_content(failure):
                # Where most fail, halving costs twice as much as asking for each.
                finely = self._lead > _MANY
                parts = self._split(batch, finely)
                if parts:
                    await self.run_all(parts)
                    return
        self._give_up(batch, failure)

    async def run_all(self, batches: list[list[T]]) -> None:
        """Settles every member of every batch, at once."""
        if batches:
            await together([functools.partial(self.run, batch) for batch in batches if batch])

    async def _first_looked_at(self, batch: list[T], failure: TreadError) -> list[T]:
        """*batch* without those that had to be asked alone to see whether anything answers at all."""
        if self.alive or len(batch) <= _SMALL or is_about_content(failure):
            return batch
        async with self._lock:
            if self.alive or self._probed:
                return batch
            self._probed = True
            told = [place for place, member in enumerate(batch) if self._telling(member)]
            told = told or list(range(len(batch)))
            places = sorted({told[0], told[len(told) // 2], told[-1]})
            await self.run_all([[batch[place]] for place in places])
        return [member for place, member in enumerate(batch) if place not in places]


def is_shared(error: TreadError) -> bool:
    """Whether *error* would meet every account of the token alike."""
    error = _answered(error)
    if isinstance(error, ProtocolError):
        return not (error.broken or error.too_large)
    return isinstance(error, _SHARED)


def is_about_content(error: TreadError) -> bool:
    """Whether *error* is the API's answer to what the batch asks, so that the API is there for certain."""
    error = _answered(error)
    too_large = isinstance(error, ProtocolError) and error.too_large
    return too_large or isinstance(error, UnprocessableError)


def _answered(error: TreadError) -> TreadError:
    """What the server answered, of a write whose outcome that leaves unknown."""
    cause = error.cause if isinstance(error, OutcomeUnknownError) else None
    return cause or error


def timeout_of_a_part_s(timeout_s: float, left_s: float, size: int) -> float:
    """The attempt timeout of a part of *size*: as much is left for each of the halvings to come."""
    return min(timeout_s, max(0.1, left_s) / (math.ceil(math.log2(size)) + 1))


def halves(batch: list[T], finely: bool = False) -> list[list[T]]:
    """The two halves of *batch*, or each of it alone."""
    if finely:
        return [[one] for one in batch]
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]
