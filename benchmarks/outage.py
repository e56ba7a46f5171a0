"""What happens in an outage?

Many callers in one process want a balance, wait about a second, and want it again. A server answers well,
then fails for 30 s, then answers well again. Every contender has a process and a server of its own, for each
kind of outage, and all run at the same time, since all they do is wait. Servers count requests.

A call that is wanted in the outage should cost the server hardly more than one request: the goal. Who
repeats and waits in between wants less often, so the requests a second are told as well; but their callers
know nothing meanwhile, which the time until a call has ended shows. After the outage it is told when half
and nine in ten of the callers have had an answer again. Breakers wait on purpose.

A refused connection costs the server nothing that it could count, so connections are reset once the request
is there instead. By hand aiohttp then sends a GET once more by itself, which no count of the caller's shows.
Where nothing is ever answered, eight requests of ours wait and the other callers queue behind them, within
their deadline of 30 s: so few are sent, and callers are told late. A request is given up there after 10 s,
and 30 s are three times that, so the way back from silence is shown at its luckiest: it may take 10 s more.

It is one outage of one length: a longer one opens a breaker for longer, and a short one is over before
repeats are. On loopback connecting costs nothing, and no other clients come back together with these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.answers import Figure, Found, figure, goal, percentile
from benchmarks.contenders import BREAKER, BY_HAND, KINDS, TENACITY, US_BY_DEFAULT
from benchmarks.contenders.wishing import Told
from benchmarks.measuring import machine
from benchmarks.troubled_server import SERVICE_S, TROUBLES
from benchmarks.troubles import pairs, wishes

NAMES = (US_BY_DEFAULT, BREAKER, TENACITY, BY_HAND)
KINDS_OF_OUTAGE = ("503", "reset", "silence")
KINDS_WITH_GOAL = ("503", "reset")  # where nothing is answered, few are sent whatever the rules for repeats
CALLERS = 200
PAUSE_S = 1.0
BEFORE_S = 2.0
OUTAGE_S = 30.0
AFTER_S = 19.0
MOST_REQUESTS = 1.10


class Course(NamedTuple):
    """What one contender did, and when the outage was."""

    calls: Sequence[Told]
    requests: Sequence[float]
    began: float
    ended: float

    def failed_before(self) -> bool:
        """Whether any call failed that had ended when the outage began."""
        return any(not good for _, _, ended, good in self.calls if ended < self.began)

    def requests_per_call(self) -> float:
        """Requests that came in the outage, for each call that was begun in it."""
        return self._requests() / len(self._wanted())

    def requests_per_s(self) -> float:
        """Requests that came in the outage, a second."""
        return self._requests() / (self.ended - self.began)

    def until_told_ms(self) -> float:
        """How long half of the calls took at most that were begun in the outage."""
        return percentile([(ended - began) * 1e3 for _, began, ended, _ in self._wanted()], 0.5)

    def back_after_s(self, part: float) -> float:
        """How long after the outage *part* of all callers have had an answer; who had none has one last."""
        over = max(ended for _, _, ended, _ in self.calls)
        first = {caller: over for caller, *_ in self.calls}
        for caller, _, ended, good in self.calls:
            if good and ended >= self.ended:
                first[caller] = min(first[caller], ended)
        return percentile(list(first.values()), part) - self.ended

    def _requests(self) -> int:
        return sum(self.began <= moment < self.ended for moment in self.requests)

    def _wanted(self) -> list[Told]:
        return [call for call in self.calls if self.began <= call[1] < self.ended]


def measure() -> Found:
    """All contenders through every kind of outage."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    courses = await _run([(name, kind) for kind in KINDS_OF_OUTAGE for name in NAMES])
    sent = {kind: courses[US_BY_DEFAULT, kind].requests_per_call() for kind in KINDS_WITH_GOAL}
    return Found(
        conditions=f"{machine()}; {CALLERS} callers with pauses of about {PAUSE_S:g} s; good answers after"
        f" {SERVICE_S * 1e3:g} ms; an outage of {OUTAGE_S:g} s; an attempt ends after 10 s, whoever makes it",
        figures=tuple(shown for kind in KINDS_OF_OUTAGE for shown in _figures(kind, courses)),
        goals=tuple(
            goal(f"{kind}: requests for each call wanted, {US_BY_DEFAULT}", [one], at_most=MOST_REQUESTS)
            for kind, one in sent.items()
        ),
        notes=(
            *(f"{kind}: the server {TROUBLES[kind]}" for kind in KINDS_OF_OUTAGE),
            *(f"{name}: {KINDS[name].does}" for name in NAMES),
            f"all ends {AFTER_S:g} s after the outage: calls count as ended, and callers as back, then",
        ),
    )


async def _run(wanted: list[tuple[str, str]]) -> dict[tuple[str, str], Course]:
    async with pairs(wanted) as (servers, made):
        async with asyncio.TaskGroup() as group:
            jobs = group.create_task(wishes(made, CALLERS, PAUSE_S, BEFORE_S + OUTAGE_S + AFTER_S))
            await asyncio.sleep(BEFORE_S)
            began = await servers.begin()
            await asyncio.sleep(OUTAGE_S)
            ended = await servers.end()
        calls = jobs.result()
        requests = await servers.requests()
    courses = {
        (pair.name, pair.trouble): Course(told, moments, began, ended)
        for pair, told, moments in zip(made, calls, requests, strict=True)
    }
    if failed := [key for key, course in courses.items() if course.failed_before()]:
        raise RuntimeError(f"not what is to be measured: calls failed before the outage: {failed}")
    return courses


def _figures(kind: str, courses: Mapping[tuple[str, str], Course]) -> list[Figure]:
    mine = {name: courses[name, kind] for name in NAMES}
    rows = (
        ("requests for each call wanted", "requests", Course.requests_per_call),
        ("requests in the outage", "a second", Course.requests_per_s),
        ("a call in the outage has ended after, p50", "ms", Course.until_told_ms),
        ("half of the callers are back after", "s", lambda course: course.back_after_s(0.5)),
        ("nine in ten are back after", "s", lambda course: course.back_after_s(0.9)),
    )
    return [
        figure(f"{kind}: {what}", name, unit, [measured(course)])
        for what, unit, measured in rows
        for name, course in mine.items()
    ]
