"""One token in the fleet."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tread_async._call import Call
from tread_async._codec.replies import Reply, copied_s, http_date
from tread_async._codec.requests import Request
from tread_async._fleet.recall import Recall
from tread_async._fleet.server_clock import ServerClock
from tread_async._pacing import Pace
from tread_async._policy import RetryPolicy
from tread_async.balance import Source
from tread_async.errors import TreadError
from tread_async.keys import AccountKey
from tread_async.models import Account

if TYPE_CHECKING:
    from tread_async._calls import Calls

__all__ = ["Line", "Listed", "Tally", "indexed"]

T = TypeVar("T")


class Tally:
    """Requests sent for one call of the user's."""

    __slots__ = ("requests_sent",)

    def __init__(self) -> None:
        self.requests_sent: int = 0


class Listed(msgspec.Struct, frozen=True):
    """The accounts of one token that are not archived.

    Attributes:
        accounts: By name, in the server's order.
        keys: The key of each name, made once.
        ids: The key of each id.
        twice: Names that two of the accounts have, against the documentation.
    """

    accounts: dict[str, Account]
    keys: dict[str, AccountKey]
    ids: dict[str, AccountKey]
    twice: frozenset[str]


def indexed(credential: str, accounts: Iterable[Account]) -> Generator[None, None, Listed]:
    """The index of *accounts*, made in steps."""
    by_name: dict[str, Account] = {}
    keys: dict[str, AccountKey] = {}
    ids: dict[str, AccountKey] = {}
    twice: set[str] = set()
    for place, account in enumerate(accounts):
        if not place % 256:
            yield
        if account.archived:
            continue
        if account.name in by_name:
            twice.add(account.name)
        by_name[account.name] = account
        key = keys.setdefault(account.name, AccountKey(credential, account.name))
        ids[account.id] = key
    return Listed(by_name, keys, ids, frozenset(twice))


class Line:
    """One token: its calls, what is known of its accounts, and of its server's clock."""

    def __init__(self, name: str, open_calls: Callable[[], Calls], pace: Pace) -> None:
        self.name = name
        self.pace = pace
        self.clock: ServerClock = ServerClock()
        self.listed: Listed | None = None
        self.bytes_per_account: dict[str, float] = {"live": 2048.0, "cached": 2048.0}  # until an answer tells
        # Accounts that failed when they were asked alone: they are asked alone again, until one answers.
        self.suspects: dict[Source, set[str]] = {"live": set(), "cached": set()}
        self.recalls: dict[Source, Recall] = {"live": Recall("live"), "cached": Recall("cached")}
        self.ids_agree = False  # the ids of cached answers with those of the list, so far
        self._open_calls = open_calls
        self._calls: Calls | None = None

    @property
    def calls(self) -> Calls:
        """Opened with the first use."""
        if self._calls is None:
            self._calls = self._open_calls()
        return self._calls

    @property
    def opened(self) -> Calls | None:
        """The calls if there were any."""
        return self._calls

    def call(
        self, request: Request[T], deadline: float, *, policy: RetryPolicy | None = None, patient: bool = True
    ) -> Call[T]:
        """A call of this token, not carried out yet."""
        call = Call(request, policy or self.calls.policy(request.endpoint.name), deadline)
        call.credential, call.patient = self.name, patient
        return call

    async def carry_out(self, call: Call[T], tally: Tally) -> T:
        """The decoded answer to *call*. Raises `TreadError`."""
        try:
            answer = await self.calls.carry_out(call)
        finally:
            tally.requests_sent += call.requests_sent
        return answer

    async def go_on(self, call: Call[T], error: TreadError, tally: Tally) -> T:
        """Repeats *call*, which was refused once, as its policy says. Raises `TreadError`."""
        before = call.requests_sent
        call.patient = True
        try:
            return await self.calls.go_on(call, error)
        finally:
            tally.requests_sent += call.requests_sent - before

    def observe(self, reply: Reply) -> float | None:
        """Learns the server's time from an answer.

        Returns: since when, by that time, what it says live is so: since it was asked for, or since before
            that in a copy out of a cache on the way. ``None`` where that is not known.
        """
        if (date := http_date(reply.date)) is not None:
            date_s = date.timestamp()
            self.clock.observe(date_s, sent_at=reply.sent_at, received_at=reply.received_at)
            if self.clock.is_past(date_s, sent_at=reply.sent_at):
                return date_s
        since_s = copied_s(reply.age)
        return None if since_s is None else reply.sent_at + self.clock.ahead_s - since_s

    def key_of(self, name: str) -> AccountKey | None:
        """The key of an account that is listed, made once."""
        return None if self.listed is None else self.listed.keys.get(name)

    def id_of(self, name: str) -> str | None:
        """The id of the account that is listed under *name*; ``None`` where none or two are."""
        if self.listed is None or name in self.listed.twice:
            return None
        account = self.listed.accounts.get(name)
        return None if account is None else account.id

    def __repr__(self) -> str:
        return f"<Line {self.name}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", self.name)]
