"""Balances that are polled once, for any number of readers: `SessionManager.watch` and `feed`."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from tread_async._codec.arguments import flag, seconds
from tread_async._codec.redaction import sanitised
from tread_async._fleet.lines import Tally
from tread_async._fleet.reads import Reads
from tread_async._watch.plan import Plan, chosen
from tread_async._watch.round import Round
from tread_async._watch.rounds import Rounds
from tread_async.changes import Change, changes_in_steps
from tread_async.errors import (
    ClientClosedError,
    DeadlineExceededError,
    SilenceError,
    TreadError,
    UsageError,
)
from tread_async.keys import AccountKey, AllAccounts
from tread_async.outcomes import Failed, Missing, Outcome, Snapshot
from tread_async.rules import Event
from tread_async.update import Update

__all__ = ["Feed", "Updates"]

_KEPT: Final = 2  # events of one rule and account for a slow reader: raised and recovered


class Feed:
    """Polling that starts with its first reader and stops with its last. Made by ``feed(interval_s=...)``."""

    def __init__(self, reads: Reads, plan: Plan, ready: Callable[[], Reads]) -> None:
        self._reads = reads
        self._plan = plan
        self._ready = ready
        self._rounds: Rounds | None = None

    def subscribe(
        self,
        accounts: Iterable[AccountKey | str] | AllAccounts | None = None,
        *,
        changes_only: bool = False,
    ) -> Updates:
        """A reader of its own: ``async with feed.subscribe() as updates: async for update in updates``.

        A slow reader gets the newest round, and the changes of all that it has skipped. One that comes late
        gets the last round at once.

        Args:
            accounts: Of those that the feed polls; all of them unless given.
            changes_only: No update without changes, events or a token that ended.
        """
        return Updates(self, chosen(accounts), flag(changes_only, "changes_only"))

    async def wait_for(
        self,
        condition: Callable[[Snapshot], object],
        *,
        timeout_s: float,
        accounts: Iterable[AccountKey | str] | AllAccounts | None = None,
    ) -> Snapshot:
        """The first snapshot for which *condition* is true. It reads along for as long as it waits.

        Raises:
            DeadlineExceededError: none was within *timeout_s*; it has the last error, if there was one.
            TreadError: the polling ended, as `Updates`; and whatever *condition* raises, such as
                `IncompleteSnapshotError` of a total while an account is missing.
        """
        seconds(timeout_s, "timeout_s")
        last: Snapshot | None = None
        try:
            async with asyncio.timeout(timeout_s) as limit, self.subscribe(accounts) as updates:
                async for update in updates:
                    last = update.snapshot
                    if condition(last):
                        return last
        except TimeoutError:
            if not limit.expired():
                raise
        why = "" if last is None or last.complete else _why_nothing(last)
        raise DeadlineExceededError(f"the condition did not come about within {timeout_s:g} s{why}")

    async def _resolved(self, accounts: list[AccountKey | str] | None) -> list[AccountKey] | None:
        self._ready()
        if accounts is None:
            return None
        deadline = self._reads.deadline("accounts", self._plan.deadline_s)
        return await self._reads.directory.resolve(accounts, deadline, Tally())

    async def _joined(self, reader: Updates, keys: Iterable[AccountKey] | None) -> Rounds:
        rounds = self._going_on()
        polled = await self._resolved(self._plan.accounts) if rounds is None else rounds.accounts
        self._ready()  # still
        rounds = self._going_on() or Rounds(self._reads, self._plan, polled)
        if rounds.accounts is not None and (others := set(keys or ()).difference(rounds.accounts)):
            raise UsageError(
                f"the feed does not poll {sanitised(str(min(others)))}; it has accounts of its own"
            )
        if rounds is not self._rounds:
            self._rounds = rounds
            rounds.start()
        rounds.join(reader)
        return rounds

    def _going_on(self) -> Rounds | None:
        return None if self._rounds is None or self._rounds.failure is not None else self._rounds

    async def _left(self, reader: Updates, rounds: Rounds) -> None:
        rounds.readers.discard(reader)
        if not rounds.readers:
            if self._rounds is rounds:
                self._rounds = None
            await rounds.end(ClientClosedError("nobody reads any more"))


class Updates:
    """What one reader gets: an async context manager and iterator, for one task at a time.

    Leaving the block ends it, and the polling if nobody else reads. It raises, and is over, with

    * `ClientClosedError` when the manager or client is closed,
    * `AuthError` when every token has been refused, after the update that says so,
    * `SilenceError` when nothing at all could be read for ``max_silence_s``: this alone is not the end. Read
      on, with all that is known; it is raised again each time it has lasted that much longer,
    * what a rule of yours raised.
    """

    def __init__(self, feed: Feed, accounts: list[AccountKey | str] | None, changes_only: bool) -> None:
        self._feed = feed
        self._accounts = accounts
        self._changes_only = changes_only
        self._entered = self._busy = False
        self._keys: dict[AccountKey, None] | None = None
        self._rounds: Rounds | None = None
        self._number = self._skipped = self._dropped = self._ended = 0
        self._complained_at = -math.inf
        self._shown: Snapshot | None = None  # as it was given out
        self._since: Snapshot | None = None  # and as the round had it
        self._events: dict[tuple[str, AccountKey], tuple[Event, ...]] = {}

    async def __aenter__(self) -> Self:
        if self._entered:
            raise UsageError("updates are entered once; ask for new ones")
        self._entered = True
        keys = await self._feed._resolved(self._accounts)
        self._keys = None if keys is None else dict.fromkeys(keys)
        self._rounds = await self._feed._joined(self, self._keys)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        rounds, self._rounds = self._rounds, None
        if rounds is not None:
            await self._feed._left(self, rounds)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        if self._rounds is None:
            raise UsageError("updates are read inside 'async with ... as updates'")
        if self._busy:
            raise UsageError("another task reads these updates; each reader subscribes for itself")
        self._busy = True
        try:
            return await self._next(self._rounds)
        finally:
            self._busy = False

    def hear(self, events: tuple[Event, ...]) -> None:
        """Keeps *events* until the next update."""
        for event in events:
            if self._keys is None or event.account in self._keys:
                of_this = self._events.pop((event.rule, event.account), ())
                self._events[event.rule, event.account] = (*of_this, event)[-_KEPT:]

    async def _next(self, rounds: Rounds) -> Update:
        while True:
            self._refuse_silence(rounds)
            current = rounds.current
            if current is not None and current.number > self._number:
                update = await self._taken(rounds, current)
                news = update.changes or update.events or len(update.ended) > self._ended
                self._ended = len(update.ended)
                if not self._changes_only or news:
                    self._skipped, self._dropped = 0, current.dropped
                    return update
            elif isinstance(rounds.failure, TreadError):
                raise copy.copy(rounds.failure)  # others raise it too
            elif rounds.failure is not None:
                raise rounds.failure
            else:
                await self._news(rounds)

    async def _news(self, rounds: Rounds) -> None:
        try:
            async with asyncio.timeout_at(self._silent_from(rounds)):
                await rounds.news()
        except TimeoutError:
            pass  # `_refuse_silence` looks again

    def _silent_from(self, rounds: Rounds) -> float | None:
        most_s = self._feed._plan.max_silence_s
        return None if most_s is None else max(rounds.succeeded_at, self._complained_at) + most_s

    def _refuse_silence(self, rounds: Rounds) -> None:
        limit = self._silent_from(rounds)
        if limit is not None and asyncio.get_running_loop().time() >= limit:
            now = self._complained_at = asyncio.get_running_loop().time()
            why = "" if rounds.current is None else _why_nothing(rounds.current.snapshot)
            raise SilenceError(f"nothing was read for {now - rounds.succeeded_at:.0f} s{why}")

    async def _taken(self, rounds: Rounds, current: Round) -> Update:
        """The newest round, as this reader sees it."""
        if current.since is None or current.since is not self._since:
            current = await rounds.up_to_date(current)
        snapshot = current.snapshot if self._keys is None else _of(current.snapshot, self._keys)
        changes = await self._changes(current, snapshot)
        if self._number:
            self._skipped += current.number - self._number - 1
        else:
            self._dropped = current.dropped  # before it read
        events = sorted([event for some in self._events.values() for event in some], key=lambda one: one.at_s)
        self._events.clear()
        update = Update(
            round=current.number,
            snapshot=snapshot,
            changes=changes,
            events=tuple(events),
            started_at=current.started_at,
            late_s=current.late_s,
            skipped=self._skipped,
            dropped=current.dropped - self._dropped,
            ended=current.ended,
            overdue=current.overdue,
        )
        self._number, self._shown, self._since = current.number, snapshot, current.snapshot
        return update

    async def _changes(self, current: Round, snapshot: Snapshot) -> Mapping[AccountKey, Change]:
        # To a reader of some an account does not go: it is missing, or its token is not listed.
        if self._keys is None and current.since is not None and current.since is self._since:
            return current.changes
        before: Mapping[AccountKey, Outcome] = {} if self._shown is None else self._shown.outcomes
        return await self._feed._reads.pace.through(changes_in_steps(before, snapshot.outcomes))


def _of(snapshot: Snapshot, keys: Iterable[AccountKey]) -> Snapshot:
    """What *snapshot* says of *keys*."""
    outcomes: dict[AccountKey, Outcome] = {}
    for key in keys:
        unlisted = snapshot.unlisted.get(key.credential)
        unknown = Missing() if unlisted is None else Failed(unlisted)
        outcomes[key] = snapshot.outcomes.get(key, unknown)
    credentials = {key.credential for key in outcomes}
    return Snapshot(
        outcomes=outcomes,
        duplicates=tuple([key for key in snapshot.duplicates if key in outcomes]),
        errors={name: errors for name, errors in snapshot.errors.items() if name in credentials},
        requests_sent=snapshot.requests_sent,
    )


def _why_nothing(snapshot: Snapshot) -> str:
    failed = [outcome.error for outcome in snapshot.outcomes.values() if isinstance(outcome, Failed)]
    errors = [*failed[:1], *snapshot.unlisted.values()]
    return f"; the last error: {errors[0]}" if errors else ""
