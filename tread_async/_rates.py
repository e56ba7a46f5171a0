"""How many requests of one token may leave in a second, over every client of the process.

Nothing here waits: a `Budget` says whether a request may leave now, or after how many seconds to ask
again. Clients on several event loops share it, in whatever threads those run; `_gates` does the waiting.

Requests leave evenly, one in each ``1 / (0.97 * rate)`` seconds. Whoever is woken late may make up for
at most `_LATE_S`. So a second has at most ``(1 + late + way) * 0.97 * rate + 1`` of them, rounded down,
which is no more than the rate while ``late + way`` is below 30 ms: half of that is left for the way to the
server to be longer for one request than for the next.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import threading
import time
import types
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol, TypeAlias
from weakref import WeakValueDictionary, ref

from tread_async.secret import Secret

__all__ = ["RATES", "Budget", "Registry", "Turn"]

_USED: Final = 0.97
_LATE_S: Final = 0.015
_GRACE_S: Final = 0.005  # for the loop whose turn it is; shorter than _LATE_S, so that it costs no slot
_DIGEST_KEY: Final = secrets.token_bytes(32)  # so that nobody finds a token by trying out digests

Source: TypeAlias = Secret | Callable[[], Any]


class Member(Protocol):
    """A client that sends with the token, at a rate or without one."""

    requests_per_s: float | None


class Turn:
    """The place of one event loop among those that share a budget."""

    __slots__ = ("__weakref__", "served", "since", "write")

    def __init__(self) -> None:
        self.served: int = 0
        self.since: float | None = None  # when it began to wait
        self.write: bool = False


class Budget:
    """The rate of one token at one server; any thread may use it."""

    __slots__ = (
        "__weakref__", "_clock", "_closed_until", "_count", "_interval_s", "_lock", "_members", "_next_at",
        "_owner", "_turns",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float] = time.monotonic, owner: object = None) -> None:
        self._clock = clock
        self._owner = owner  # a token function is known by its address: no other may get it meanwhile
        self._lock = threading.RLock()  # the garbage collector may close somebody's client inside
        self._members: list[ref[Any]] = []  # a client that is dropped without closing is gone, too
        self._turns: list[ref[Turn]] = []
        self._count = itertools.count(1)
        self._interval_s = 0.0
        self._next_at = 0.0
        self._closed_until = 0.0

    def renew_lock(self) -> None:
        """In a child that was forked the thread that holds the lock may not exist."""
        self._lock = threading.RLock()

    def join(self, member: Member) -> None:
        """Counts *member* in: of several rates the lowest holds."""
        with self._lock:
            self._members.append(ref(member))
            self._measure()

    def leave(self, member: Member) -> None:
        with self._lock:
            self._members = [one for one in self._members if one() not in (member, None)]
            self._measure()

    def _measure(self) -> None:
        rates = [member.requests_per_s for member in self.members if member.requests_per_s is not None]
        if rates:
            self._interval_s = 1.0 / (_USED * min(rates))

    @property
    def members(self) -> list[Any]:
        """The clients that are open."""
        return [member for one in tuple(self._members) if (member := one()) is not None]

    @property
    def matters(self) -> bool:
        """Whether a client that is opened now would have to know of what was sent before."""
        return max(self._next_at, self._closed_until) > self._clock()

    def turn(self) -> Turn:
        """A place for one more event loop."""
        with self._lock:
            turn = Turn()
            self._turns = [*(one for one in self._turns if one() is not None), ref(turn)]
            return turn

    def take(self, turn: Turn, *, write: bool) -> bool:
        """Whether a request may leave now, which then counts as sent. If not, *turn* waits."""
        with self._lock:
            since, now = turn.since, self._clock()
            if self._left_s(turn, write, now) > 0:
                return False
            turn.since, turn.served = since, next(self._count)
            # What the loop was late is made up for; the time in which nobody wanted to send is not.
            earliest = now if since is None else max(since, now - _LATE_S)
            self._next_at = max(self._next_at, self._closed_until, earliest) + self._interval_s
            return True

    def left_s(self, turn: Turn, *, write: bool) -> float:
        """The seconds after which *turn*, which waits, may take; 0 or less is now."""
        with self._lock:
            return self._left_s(turn, write, self._clock())

    def _left_s(self, turn: Turn, write: bool, now: float) -> float:
        if turn.since is None:
            turn.since = now
        turn.write = write
        left_s = max(self._next_at, self._closed_until) - now
        return left_s if self._is_next(turn) else left_s + _GRACE_S

    def _is_next(self, turn: Turn) -> bool:
        """Writes first, then whoever was served longest ago; one whose loop hangs holds nobody up."""
        if len(self._turns) == 1:
            return True
        waiting = [one for each in self._turns if (one := each()) is not None and one.since is not None]
        return min(waiting, key=lambda one: (not one.write, one.served)) is turn

    def rest(self, turn: Turn) -> None:
        """*turn* has nothing to send."""
        with self._lock:
            turn.since = None

    def refund(self) -> None:
        """What was taken a moment ago has not been sent."""
        with self._lock:
            self._next_at -= self._interval_s

    def close_for(self, seconds: float) -> None:
        """Nothing leaves for so many seconds. A later moment given before stays."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    @property
    def closed_s(self) -> float:
        """The seconds for which nothing may leave; 0 or less where nobody asked to wait."""
        return self._closed_until - self._clock()


class Registry:
    """The budgets of a process, by server and token.

    A budget lasts as long as a client that uses it. After that it is kept until a client that is opened
    could not break it any more.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._budgets: WeakValueDictionary[Hashable, Budget] = WeakValueDictionary()
        self._kept: set[Budget] = set()

    def budget(self, origin: str, source: Source) -> Budget:
        """The budget of the token *source* at the server *origin*. A function stands for its tokens."""
        key = (os.getpid(), origin, _known_by(source))  # a child that was forked sends for itself
        with self._lock:
            self._forget()
            budget = self._budgets.get(key)
            if budget is None:
                owner = None if isinstance(source, Secret) else source
                self._budgets[key] = budget = Budget(self._clock, owner)
            return budget

    def leave(self, budget: Budget, member: Member) -> None:
        """*member* is closed."""
        budget.leave(member)
        with self._lock:
            self._kept.add(budget)
            self._forget()

    def renew_locks(self) -> None:
        """As `Budget.renew_lock`, of all there is."""
        self._lock = threading.RLock()
        for budget in {*self._budgets.values(), *self._kept}:
            budget.renew_lock()

    def _forget(self) -> None:
        self._kept = {budget for budget in self._kept if budget.matters}


def _known_by(source: Source) -> Hashable:
    if isinstance(source, Secret):
        return hashlib.blake2b(source.reveal().encode(), digest_size=16, key=_DIGEST_KEY).digest()
    if isinstance(source, types.MethodType):  # a new object each time it is looked up
        return id(source.__self__), id(source.__func__)
    return id(source)


RATES: Final = Registry()

if hasattr(os, "register_at_fork"):  # pragma: no branch - on Windows nothing forks
    os.register_at_fork(after_in_child=RATES.renew_locks)
