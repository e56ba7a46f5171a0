"""Polls every token on its own beats, and puts what they brought together into rounds."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from tread_async._fleet.lines import Tally
from tread_async._fleet.reads import Reads
from tread_async._fleet.snapshots import EXACT_TO_S, How, by_credential
from tread_async._judging import Judge
from tread_async._pacing import in_parts
from tread_async._together import ended
from tread_async._watch.beats import Beats
from tread_async._watch.known import Known, renewed
from tread_async._watch.plan import Plan
from tread_async._watch.round import Reader, Round
from tread_async._watch.story import PollingStory
from tread_async.changes import Change, changes_in_steps
from tread_async.errors import ClientClosedError, DeadlineExceededError, TreadError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Outcome, Snapshot
from tread_async.rules import Event

__all__ = ["Rounds"]

_A_STEP: Final = 256
_LET_GO_AT_ONCE: Final = 32


class Rounds:
    """Polls from `start` until `end`. A round is over when every token has answered, or after an interval.

    For a token that takes longer than that no round waits.

    Attributes:
        accounts: Those that are polled; ``None`` for all.
        readers: Who has joined, and is told of events.
        current: The newest round.
        failure: Why there will be no more.
    """

    def __init__(
        self,
        reads: Reads,
        plan: Plan,
        accounts: Sequence[AccountKey] | None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._reads = reads
        self._plan = plan
        self.accounts = accounts
        self._clock = asyncio.get_running_loop().time
        self._wanted = None if accounts is None else by_credential(accounts)
        names = reads.lines if self._wanted is None else self._wanted
        began = self._clock()
        self._known = {name: Known(reads.lines[name], plan.source, began) for name in names}
        self._beats = {
            name: Beats(
                plan.interval_s,
                start=began,
                phase=(place + 1) / len(self._known),
                jitter=plan.jitter,
                slowest_s=plan.slowest_s,
                chance=chance,
            )
            for place, name in enumerate(self._known)
        }
        self._landed: dict[str, tuple[float, float]] = {}  # since the last round: began at, and how late
        self._slow: set[str] = set()  # tokens that take longer than an interval
        self._asked_at: dict[str, float] = {}  # tokens whose poll is under way
        self._ended: dict[str, TreadError] = {}
        self._news, self._landing = asyncio.Event(), asyncio.Event()
        self._judge = Judge(plan.rules)
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewed: Round | None = None
        self._past: list[object] = []
        self.readers: set[Reader] = set()
        self._standing: dict[tuple[str, AccountKey], Event] = {}
        self._story = PollingStory(reads.tell, plan, self._known)
        self.current: Round | None = None
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._reads.polling.add(self)
        self._story.started()
        self._spawn(self._put_together)
        for name in self._known:
            self._spawn(functools.partial(self._poll_on_its_beats, name))

    def join(self, reader: Reader) -> None:
        """Tells *reader* of the alarms that stand, and of every event from now on."""
        self.readers.add(reader)
        reader.hear(tuple(self._standing.values()))

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(self._guarded(work)))

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            self._fail(ClientClosedError("the polling was cancelled"))
            raise
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Stops polling because of *error*, unless it has failed before."""
        if self.failure is None:
            self.failure = error
            self._story.ended(error)
            for task in self._tasks:
                task.cancel()
        self._tell()

    async def end(self, error: TreadError) -> None:
        """Stops polling; whoever waits for a round gets *error*."""
        self._reads.polling.discard(self)
        self._fail(error)
        await ended(self._tasks)  # its connections are back in the pool when we return

    @property
    def succeeded_at(self) -> float:
        """When something was last read, on the loop's clock; the beginning before that."""
        return max(known.succeeded_at for known in self._known.values())

    def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()

    async def news(self) -> None:
        """Waits for the next round, or for the end."""
        await self._news.wait()

    async def up_to_date(self, newest: Round) -> Round:
        """*newest*, the current round, with ages of now if it was put together a while ago."""
        if self._clock() - newest.at <= EXACT_TO_S:
            return newest
        renewed = self._renewed
        if renewed is None or self._clock() - renewed.at > EXACT_TO_S:
            snapshot = await self._reads.pace.through(self._snapshot())
            snapshot = structs.replace(snapshot, requests_sent=newest.snapshot.requests_sent)
            renewed = structs.replace(newest, snapshot=snapshot, at=self._clock())
            if self.current is newest:
                self._renewed = renewed
        return renewed

    async def _poll_on_its_beats(self, name: str) -> None:
        known, beats = self._known[name], self._beats[name]
        while known.ended is None:
            await asyncio.sleep(beats.due - self._clock())
            begun_at, began = self._clock(), time.time()
            late_s = max(0.0, begun_at - beats.due)
            self._asked_at[name] = begun_at
            await self._poll(known)
            del self._asked_at[name]
            if self._clock() - begun_at < self._plan.interval_s:
                self._slow.discard(name)
            beats.polled(self._clock(), slower=known.slower)
            self._landed[name] = began, late_s
            if known.ended is not None:
                self._ended[name] = known.ended
            self._landing.set()

    async def _poll(self, known: Known) -> None:
        plan, snapshots, line = self._plan, self._reads.snapshots, known.line
        how = self._reads.how(plan.source, plan.max_age_s, plan.live_within_s, plan.deadline_s)
        unlisted: dict[str, TreadError] = {}
        tally = Tally()
        if self._wanted is None:
            part = await snapshots.read_all(line, how, tally, unlisted, known.memories)
        else:
            part = await snapshots.read(line, self._wanted[line.name], how, known.memories)
        if part is not None:
            snapshots.doubt(part)
        await self._reads.pace.through(known.take(part, unlisted.get(line.name), self._clock()))
        # Not before: the round that has the answers is the one that has cost the requests.
        readings = () if part is None else part.readings
        known.requests_sent += tally.requests_sent + sum(reading.tally.requests_sent for reading in readings)

    async def _put_together(self) -> None:
        while self._landed or len(self._ended) < len(self._known):
            await self._landing.wait()
            try:
                async with asyncio.timeout(self._plan.interval_s):
                    while not self._awaited() <= self._landed.keys():
                        self._landing.clear()
                        await self._landing.wait()
            except TimeoutError:
                self._slow |= self._awaited() - self._landed.keys()
            await self._publish()
        self._fail(next(iter(self._ended.values())))

    def _awaited(self) -> set[str]:
        """The tokens that are polled with every beat, and answer within one."""
        with_each = {name for name, beats in self._beats.items() if beats.stride == 1}
        return with_each - self._ended.keys() - self._slow

    async def _publish(self) -> None:
        landed, self._landed = self._landed, {}
        self._landing.clear()
        snapshot = await self._reads.pace.through(self._snapshot())
        for known in self._known.values():
            known.requests_sent = 0
        since = None if self.current is None else self.current.snapshot
        before: Mapping[AccountKey, Outcome] = {} if since is None else since.outcomes
        changes_before: Mapping[AccountKey, Change] = {} if self.current is None else self.current.changes
        changes = await self._reads.pace.through(changes_in_steps(before, snapshot.outcomes))
        events = await self._reads.pace.through(self._judge.judge_in_steps(snapshot, time.time()))
        for event in events:
            if event.raised:
                self._standing[event.rule, event.account] = event
            else:
                self._standing.pop((event.rule, event.account), None)
        for reader in self.readers:
            reader.hear(events)
        self._renewed = None
        self.current = Round(
            number=1 if self.current is None else self.current.number + 1,
            snapshot=snapshot,
            since=since,
            changes=changes,
            started_at=min(began for began, _ in landed.values()),
            late_s=max(late_s for _, late_s in landed.values()),
            dropped=sum(known.dropped for known in self._known.values()),
            ended=dict(self._ended),
            overdue=self._overdue(),
            at=self._clock(),
        )
        self._story.polled(self.current, self._known.values())
        self._tell()
        await asyncio.sleep(0)  # readers take the new round, and let go of what came before it
        await self._reads.pace.through(_let_go(self._past))
        self._past = [*before.values(), *changes_before.values()]

    def _overdue(self) -> dict[str, float]:
        """The tokens that have not answered for longer than an interval, and for how long."""
        now = self._clock()
        waits = {name: now - asked_at for name, asked_at in self._asked_at.items()}
        return {name: wait_s for name, wait_s in waits.items() if wait_s > self._plan.interval_s}

    def _snapshot(self) -> Generator[None, None, Snapshot]:
        plan = self._plan
        how = How(plan.source, plan.max_age_s, plan.live_within_s, 0.0)
        outcomes: dict[AccountKey, Outcome] = {}
        for known in self._known.values():
            now_s = known.now_s(self._clock(), exact_to_s=how.exact_to_s)
            for some in in_parts(known.outcomes.items(), _A_STEP):
                yield
                if now_s is not None:
                    some = ((key, renewed(outcome, now_s)) for key, outcome in some)
                if how.max_age_s is not None:
                    some = ((key, how.judged(outcome)) for key, outcome in some)
                outcomes.update(some)
        if self.accounts is not None:
            unread = Failed(DeadlineExceededError("there is no answer yet"))
            outcomes = {key: outcomes.get(key, unread) for key in self.accounts}
        every = self._known.items()
        return Snapshot(
            outcomes=outcomes,
            unexpected=tuple([key for _, known in every for key in known.unexpected]),
            duplicates=tuple([key for _, known in every for key in known.duplicates]),
            errors={name: known.errors for name, known in every if known.errors},
            unlisted={name: known.unlisted for name, known in every if known.unlisted is not None}
            if self.accounts is None
            else {},
            of_all=self.accounts is None,
            requests_sent=sum(known.requests_sent for _, known in every),
        )


def _let_go(past: list[object]) -> Generator[None, None, None]:
    """Empties *past*. What nobody else keeps would else be freed in one go, which holds the loop."""
    while past:
        del past[-_LET_GO_AT_ONCE:]
        yield
