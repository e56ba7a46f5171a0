"""Balances of many tokens, put together."""

from __future__ import annotations

import asyncio
import copy
import functools
import time
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from tread_async._codec.redaction import sanitised
from tread_async._codec.remembering import Remembered
from tread_async._fleet.directory import Directory
from tread_async._fleet.flights import Flight, Flights
from tread_async._fleet.lines import Line, Tally
from tread_async._fleet.reading import Reading
from tread_async._fleet.settling import aged
from tread_async._pacing import Pace
from tread_async._together import together
from tread_async.balance import Balance, Source
from tread_async.errors import ClientClosedError, DeadlineExceededError, IncompleteSnapshotError, TreadError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Ok, Outcome, Snapshot, Stale

__all__ = ["EXACT_TO_S", "How", "Memories", "Part", "Snapshots", "SourceChoice", "by_credential"]

EXACT_TO_S: Final = 1.0  # an age: the server's clock is not known better
_JUDGED_TO_S: Final = 0.25  # where max_age_s decides
_NO_MEMORIES: Final[Mapping[Source, Any]] = {}

SourceChoice: TypeAlias = Literal["live", "cached", "auto"]
Memories: TypeAlias = Mapping[Source, Remembered[Any]]


class How(msgspec.Struct, frozen=True):
    """How balances are read. ``deadline`` is on the loop's clock."""

    source: SourceChoice
    max_age_s: float | None
    live_within_s: float
    deadline: float

    def live_for_s(self) -> float:
        """How long ``auto`` waits for live balances: half of the time at most, to leave the cache some."""
        left_s = self.deadline - asyncio.get_running_loop().time()
        return max(0.0, min(self.live_within_s, left_s / 2))

    def judged(self, outcome: Outcome) -> Outcome:
        """*outcome*, stale if it is too old."""
        if self.max_age_s is not None and type(outcome) is Ok:
            age_s = outcome.value.age_s
            if age_s is None or age_s > self.max_age_s:
                return Stale(outcome.value)
        return outcome

    @property
    def exact_to_s(self) -> float:
        """By how much an age may be off."""
        return EXACT_TO_S if self.max_age_s is None else _JUDGED_TO_S


class Part:
    """What was read of one token."""

    __slots__ = ("line", "outcomes", "readings")

    def __init__(self, line: Line) -> None:
        self.line: Line = line
        self.outcomes: Mapping[str, Outcome] = {}
        self.readings: list[Reading] = []

    def now_s(self, *, exact_to_s: float) -> float | None:
        """The server's time, if the first of the outcomes has grown older by more than *exact_to_s*."""
        settled = [at for reading in self.readings if (at := reading.first_settled_at) is not None]
        if not settled or time.time() - min(settled) < exact_to_s:
            return None
        return time.time() + self.line.clock.ahead_s


class Snapshots:
    """Reads balances over all lines."""

    def __init__(self, lines: Mapping[str, Line], directory: Directory, flights: Flights, pace: Pace) -> None:
        self._lines = lines
        self._directory = directory
        self._flights = flights
        self._pace = pace

    async def take(self, accounts: Iterable[AccountKey | str] | None, how: How) -> Snapshot:
        """A snapshot of *accounts*; of every account of every token where they are ``None``."""
        tally = Tally()
        if accounts is None:
            unlisted: dict[str, TreadError] = {}
            everything = [
                functools.partial(self.read_all, line, how, tally, unlisted) for line in self._lines.values()
            ]
            found = [part for part in await together(everything) if part is not None]
            return await self._pace.through(self._assembled(None, found, how, unlisted, tally))
        keys = await self._directory.resolve(accounts, how.deadline, tally)
        wanted = by_credential(keys)
        jobs = [functools.partial(self.read, self._lines[name], names, how) for name, names in wanted.items()]
        parts = await together(jobs)
        return await self._pace.through(self._assembled(keys, parts, how, {}, tally))

    async def one(self, key: AccountKey, how: How, not_before: float | None) -> Balance:
        """The balance of *key*, from a read that it shares with whoever asks at the same time."""
        outcome = how.judged(await self._outcome(key, how, not_before))
        if isinstance(outcome, Ok):
            return outcome.value
        if isinstance(outcome, Failed):
            raise copy.copy(outcome.error)  # others raise it too, and a traceback grows with each
        named = sanitised(str(key))
        if isinstance(outcome, Stale):
            age = "of unknown age" if outcome.age_s is None else f"{outcome.age_s:.1f} s old"
            raise IncompleteSnapshotError(f"the balance of {named} is {age}, older than {how.max_age_s:g} s")
        raise IncompleteSnapshotError(
            f"the server's answer has no account {named!r}; names count letter by letter, see accounts()"
        )

    async def _outcome(self, key: AccountKey, how: How, not_before: float | None) -> Outcome:
        line = self._lines[key.credential]
        if how.source != "auto":
            flight = self._flights.joined(line, how.source, key, how.deadline, not_before)
            return await flight.outcome(key.name, how.deadline)
        flight = self._flights.joined(line, "live", key, how.deadline, not_before)
        until = asyncio.get_running_loop().time() + how.live_for_s()
        live = await flight.outcome(key.name, until)
        if not isinstance(live, Failed):
            return live
        flight = self._flights.joined(line, "cached", key, how.deadline, not_before)
        cached = await flight.outcome(key.name, how.deadline)
        return cached if isinstance(cached, Ok) else live

    async def read_all(
        self,
        line: Line,
        how: How,
        tally: Tally,
        unlisted: dict[str, TreadError],
        memories: Memories = _NO_MEMORIES,
    ) -> Part | None:
        """Every account of *line*, which has nothing to wait for at another that may not answer.

        ``None``, and its error in *unlisted*, where it is not known which there are; or where there is none.
        """
        unlisted.update(await self._directory.know([line.name], how.deadline, tally))
        if line.listed is None:
            return None
        if not line.listed.keys:
            self._directory.cannot_see(line)
            return None
        part = await self.read(line, line.listed.keys, how, memories)
        if not part.readings[0].shows_all:
            self._directory.cannot_see(line)
        return part

    async def read(
        self, line: Line, wanted: dict[str, AccountKey], how: How, memories: Memories = _NO_MEMORIES
    ) -> Part:
        """*wanted* accounts of *line*; *memories* spare the decoding of what they know already."""
        part = await self._read(line, wanted, how, memories)
        listed = wanted if line.listed is None else line.listed.keys
        for recall in line.recalls.values():
            if (forgetting := recall.forgetting(listed)) is not None:
                await self._pace.through(forgetting)
        return part

    async def _read(self, line: Line, wanted: dict[str, AccountKey], how: How, memories: Memories) -> Part:
        part = Part(line)
        if how.source != "auto":
            reading = await self._launch(line, how.source, wanted, how, memories).done()
            part.readings.append(reading)
            part.outcomes = reading.outcomes
            for name in wanted:
                if name not in reading.outcomes:  # closing has ended it
                    closed = ClientClosedError("the manager was closed during the call")
                    reading.outcomes[name] = Failed(closed)
            return part
        flight = self._launch(line, "live", wanted, how, memories)
        live = await flight.done(within_s=how.live_for_s())
        part.readings.append(live)
        part.outcomes = outcomes = dict(live.outcomes)
        late = Failed(DeadlineExceededError(f"no live answer within {how.live_within_s:g} s"))
        for name in wanted:
            outcomes.setdefault(name, late)
        if rest := {name: key for name, key in wanted.items() if isinstance(outcomes[name], Failed)}:
            cached = await self._launch(line, "cached", rest, how, memories).done()
            part.readings.append(cached)
            outcomes.update({name: found for name, found in cached.outcomes.items() if type(found) is Ok})
        return part

    def _launch(
        self, line: Line, source: Source, wanted: dict[str, AccountKey], how: How, memories: Memories
    ) -> Flight:
        memory = memories.get(source)
        now = asyncio.get_running_loop().time()
        endpoint = line.recalls[source].endpoint(now) if memory is None else memory.endpoint
        return self._flights.launch(line, source, wanted, how.deadline, endpoint=endpoint)

    def _assembled(
        self,
        keys: list[AccountKey] | None,
        parts: list[Part],
        how: How,
        unlisted: Mapping[str, TreadError],
        tally: Tally,
    ) -> Generator[None, None, Snapshot]:
        of_all = keys is None
        outcomes: dict[AccountKey, Outcome] = {}
        by_credential = {part.line.name: part.outcomes for part in parts}
        if keys is None:
            keys = [key for part in parts for key in part.readings[0].wanted.values()]
        nows = {part.line.name: part.now_s(exact_to_s=how.exact_to_s) for part in parts}
        for place, key in enumerate(keys):
            if not place % 256:
                yield
            outcome = by_credential[key.credential][key.name]
            if (now_s := nows[key.credential]) is not None:
                outcome = aged(outcome, now_s)
            outcomes[key] = outcome if how.max_age_s is None else how.judged(outcome)
        for part in parts:
            self.doubt(part)
        readings = [(part.line.name, reading) for part in parts for reading in part.readings]
        unexpected = _keys((name, reading.unexpected) for name, reading in readings)
        errors: dict[str, tuple[Any, ...]] = {}
        for name, reading in readings:
            if said := reading.errors:
                errors[name] = errors.get(name, ()) + said
        return Snapshot(
            outcomes=outcomes,
            # What a second reading of a few gets with them may have been asked of the first.
            unexpected=tuple([key for key in unexpected if key not in outcomes]),
            duplicates=_keys((name, reading.duplicates) for name, reading in readings),
            errors=errors,
            unlisted={name: unlisted[name] for name in self._lines if name in unlisted} if unlisted else {},
            of_all=of_all,
            requests_sent=tally.requests_sent + sum(reading.tally.requests_sent for _, reading in readings),
        )

    def doubt(self, part: Part) -> None:
        """An account that is new or gone makes the list of its token an old one."""
        listed = part.line.listed
        known = {} if listed is None else listed.keys
        odd = [name for reading in part.readings for name in reading.unexpected if name not in known]
        odd += [name for reading in part.readings for name in reading.missing if name in known]
        if odd:
            self._directory.doubt(part.line, odd)


def by_credential(keys: Iterable[AccountKey]) -> dict[str, dict[str, AccountKey]]:
    """*keys* by the name of their account, for each credential."""
    wanted: dict[str, dict[str, AccountKey]] = {}
    for key in keys:
        wanted.setdefault(key.credential, {})[key.name] = key
    return wanted


def _keys(found: Iterable[tuple[str, Iterable[str]]]) -> tuple[AccountKey, ...]:
    return tuple(dict.fromkeys(AccountKey(credential, name) for credential, names in found for name in names))
