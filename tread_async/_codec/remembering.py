"""A memory of the last answers, with which only the accounts whose bytes have changed are decoded.

An account is known again by its text: where an account must begin, the complete text of an object is that
object, so that nothing of it has to be parsed. What is remembered says of a text what it decodes to, and no
more: no body, whatever it holds, can make it wrong for another.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from typing import Any, Final, Generic, Literal, TypeVar

from tread_async._codec import scanning
from tread_async._codec.endpoints import BALANCES_BY_ACCOUNT, CACHED_BALANCES_BY_ACCOUNT, Endpoint, by_account
from tread_async._codec.recognising import CachedMemory
from tread_async._codec.scanning import Scanned
from tread_async.models import AccountBalances, CachedAccount

__all__ = ["Remembered", "remembered"]

A = TypeVar("A", AccountBalances, CachedAccount)

_FORGOTTEN_IN_A_STEP: Final = 64


class Remembered(Generic[A]):
    """What one token's accounts were last said to hold, by one kind of answer.

    ``endpoint`` decodes to exactly what its like without a memory does. But an account that is said to
    hold what it held last time, byte by byte, is the same object. If only its time stamp moved, all its
    values are. Of a name that stands twice in an answer, this holds for the last account only.

    Attributes:
        read: Accounts in the answers so far.
    """

    def __init__(self, endpoint: Endpoint[Scanned[A]], memory: _LiveMemory | CachedMemory) -> None:
        self.read: int = 0
        self._memory = memory
        self._by_name = memory.by_name
        self.endpoint: Endpoint[Scanned[A]] = by_account(endpoint, self._steps)

    @property
    def size(self) -> int:
        """How many accounts it knows."""
        return len(self._memory.kept)

    @property
    def decoded(self) -> int:
        """Of those that were `read`, how many had to be decoded."""
        return self._memory.decoded

    @property
    def replaced(self) -> int:
        """How often so far an account that it knew was said to hold something else."""
        return self._memory.replaced

    def _steps(self, pieces: Sequence[bytes]) -> Generator[None, None, Scanned[Any]]:
        found = yield from self._memory.steps(pieces)
        self.read += len(found.accounts)
        return found

    def keep_only(self, names: Collection[str]) -> None:
        """Forgets all other accounts."""
        for _ in self.keeping_only(names):
            pass

    def keeping_only(self, names: Collection[str]) -> Generator[None, None, None]:
        """The same in steps."""
        for known in self._by_name:
            for place, name in enumerate(known.keys() - names):
                if not place % _FORGOTTEN_IN_A_STEP:
                    yield
                known.pop(name, None)


def remembered(source: Literal["live", "cached"]) -> Remembered[Any]:
    """An empty memory."""
    if source == "live":
        return Remembered(BALANCES_BY_ACCOUNT, _LiveMemory())
    return Remembered(CACHED_BALANCES_BY_ACCOUNT, CachedMemory())


class _LiveMemory:
    """The accounts of live answers, with their texts."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, AccountBalances]] = {}
        self.by_name: tuple[dict[str, Any], ...] = (self.kept,)
        self.decoded = self.replaced = 0

    def steps(self, pieces: Sequence[bytes]) -> Generator[None, None, Scanned[AccountBalances]]:
        return scanning.live(pieces, self._account)

    def _account(self, name: str, text: bytes) -> AccountBalances:
        before = self.kept.get(name)
        if before is not None and before[0] == text:
            return before[1]
        account = scanning.live_account(name, text)
        self.decoded += 1
        self.replaced += before is not None
        self.kept[name] = text, account
        return account
