"""What a token's answers looked like, for who reads them again and again."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final

from tread_async._codec.endpoints import Endpoint
from tread_async._codec.remembering import Remembered, remembered
from tread_async.balance import Source

__all__ = ["Recall"]

_AGAIN_WITHIN_S: Final = 60.0
_FEW: Final = 100  # accounts that are gone are not worth a look


class Recall:
    """Begins with the second read within a minute: who reads once shall not pay for a memory.

    With it, an account that is said to hold what it held last time is not decoded, and is the same object.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._read_at = -math.inf
        self._memory: Remembered[Any] | None = None

    def endpoint(self, now: float) -> Endpoint[Any] | None:
        """What is to decode the answer to a read at *now*, on the loop's clock; ``None`` for the usual."""
        again = now - self._read_at < _AGAIN_WITHIN_S
        self._read_at = now
        if not again:
            self._memory = None
        elif self._memory is None:
            self._memory = remembered(self._source)
        return None if self._memory is None else self._memory.endpoint

    def keep_only(self, names: Collection[str]) -> None:
        """Forgets all other accounts, once they are about as many."""
        if self._memory is not None and self._memory.size > 2 * len(names) + _FEW:
            self._memory.keep_only(names)
