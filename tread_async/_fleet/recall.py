"""What a token's answers looked like, for who reads them again and again."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator
from typing import Any, Final

from tread_async._codec.endpoints import Endpoint
from tread_async._codec.remembering import Remembered, remembered
from tread_async.balance import Source

__all__ = ["Recall"]

_AGAIN_WITHIN_S: Final = 60.0
_FEW: Final = 100  # accounts that are gone are not worth a look
_OF_NO_USE: Final = 0.8  # where so many accounts changed, to look took more than was spared
_READS_WITHOUT: Final = 30  # before it is tried again, which takes two


class Recall:
    """Begins with the second read within a minute: who reads once shall not pay for a memory.

    With it, an account that is said to hold what it held last time is not decoded, and is the same object.
    Where nearly all accounts change from one read to the next it goes without, for a while.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._read_at = -math.inf
        self._memory: Remembered[Any] | None = None
        self._known = self._replaced = 0  # when it was last used
        self._remembers = False
        self._without = 0  # reads to come

    def endpoint(self, now: float) -> Endpoint[Any] | None:
        """What is to decode the answer to a read at *now*, on the loop's clock; ``None`` for the usual."""
        if now - self._read_at >= _AGAIN_WITHIN_S:
            self._without = 1
        elif self._was_of_no_use():
            self._without = _READS_WITHOUT
        self._read_at = now
        self._remembers = not self._without
        if not self._remembers:
            self._without -= 1
            return None
        if self._memory is None:
            self._memory = remembered(self._source)
        self._known, self._replaced = self._memory.size, self._memory.replaced
        return self._memory.endpoint

    def _was_of_no_use(self) -> bool:
        if self._memory is None or not self._remembers or not self._known:
            return False
        return self._memory.replaced - self._replaced > _OF_NO_USE * self._known

    def forgetting(self, names: Collection[str]) -> Generator[None, None, None] | None:
        """Lets go in steps of what is not used any more, if there is any.

        That is all, while it goes without; or whatever is not of *names*, once it is about as much.
        """
        if self._memory is None or not self._memory.size:
            return None
        if not self._remembers:
            return self._memory.keeping_only(())
        if self._memory.size > 2 * len(names) + _FEW:
            return self._memory.keeping_only(names)
        return None
