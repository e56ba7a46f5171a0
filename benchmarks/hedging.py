"""What do slow answers cost, with and without hedging?

Two answers in a hundred take one to two seconds, the others 20 ms, whoever asks: a server draws it for each
request. Many callers of one client pause for a moment between two calls. With ``hedge_cached`` a second
request goes out for what is slower than 19 of 20 answers, and than 250 ms, for at most one call in twenty,
and the first answer counts. Each client has a process and a server of its own, and both run at the same
time, at the same pace. Servers count the requests. The quartiles are over periods of one run.

It helps because a second answer is slow as rarely as the first, which is so where single answers are slow,
and not where the whole server is: then hedging sends a twentieth more, and helps nobody. Answers between
20 ms and the 250 ms before which nothing is sent again stay as slow as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from benchmarks.answers import Found, figures, goal, percentile, share
from benchmarks.contenders import HEDGED, KINDS, US
from benchmarks.contenders.wishing import Told
from benchmarks.measuring import machine
from benchmarks.troubled_server import SERVICE_S, SLOW_S, SLOW_SHARE
from benchmarks.troubles import pairs, wishes

NAMES = (US, HEDGED)
CALLERS = 64
PAUSE_S = 0.05
FIRST_S = 2.0  # who hedges has yet to learn what is slow
PERIODS = 4
PERIOD_S = 6.0
LAST_S = SLOW_S[1] + 0.5  # so that calls of the last period have ended
PERCENTILES = {"p50": 0.50, "p99": 0.99, "p99.9": 0.999}
MOST_OF_SLOW = 0.35
MOST_REQUESTS = 1.05


def measure() -> Found:
    """Both clients at the same time."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    async with pairs([(name, "slow") for name in NAMES]) as (servers, made):
        began = await servers.begin()
        told = await wishes(made, CALLERS, PAUSE_S, FIRST_S + PERIODS * PERIOD_S + LAST_S)
        requests = await servers.requests()
    sent = {
        name: [len(moments) / len(calls)] for name, moments, calls in zip(NAMES, requests, told, strict=True)
    }
    periods = {name: in_periods(calls, began) for name, calls in zip(NAMES, told, strict=True)}
    latencies = {
        label: {name: [percentile(period, part) for period in mine] for name, mine in periods.items()}
        for label, part in PERCENTILES.items()
    }
    fewest = min(len(period) for mine in periods.values() for period in mine)
    return Found(
        conditions=f"{machine()}; {SLOW_SHARE:.0%} of answers after {SLOW_S[0]:g} to {SLOW_S[1]:g} s, the"
        f" rest after {SERVICE_S * 1e3:g} ms; {CALLERS} callers with pauses of about {PAUSE_S * 1e3:g} ms;"
        f" {PERIODS} periods of at least {fewest:,} calls",
        figures=(
            *(one for label, found in latencies.items() for one in figures(f"latency, {label}", "ms", found)),
            *figures("requests for each call", "requests", sent),
        ),
        goals=(
            goal(f"p99, {HEDGED} over {US}", share(latencies["p99"], HEDGED, US), at_most=MOST_OF_SLOW),
            goal(f"requests for each call, {HEDGED}", sent[HEDGED], at_most=MOST_REQUESTS),
        ),
        notes=tuple(f"{name}: {KINDS[name].does}" for name in NAMES),
    )


def in_periods(calls: Sequence[Told], began: float) -> list[list[float]]:
    """How long the calls took that were begun in each period, in ms."""
    periods: list[list[float]] = [[] for _ in range(PERIODS)]
    for _, asked, answered, good in calls:
        number = int((asked - began - FIRST_S) // PERIOD_S)
        if 0 <= number < PERIODS:
            if not good:
                raise RuntimeError("not what is to be measured: a call failed")
            periods[number].append((answered - asked) * 1e3)
    return periods
