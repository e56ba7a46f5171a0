"""``tread demo``: the library at work against the simulator, with every figure checked.

A manager reads every account of every token, cached and live, answers many callers at once, and sets a
leverage everywhere. Then a few accounts are read and set one after the other, to compare.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from rich.console import Console

from tread_async._policy import RetryPolicy
from tread_async.cli import demo_view as view
from tread_async.cli.demo_checks import mismatches
from tread_async.cli.demo_figures import Alone, Equity, Figures, Step
from tread_async.cli.demo_scene import LEVERAGE, MAX_AGE_S, PAIR, Scene, stage
from tread_async.cli.simulation import Simulation, start
from tread_async.client import TreadClient
from tread_async.errors import IncompleteSnapshotError, TreadError
from tread_async.keys import ALL, AccountKey
from tread_async.manager import SessionManager
from tread_async.outcomes import Failed, Ok, Outcome, Snapshot
from tread_async.reports import WriteOutcome

__all__ = ["collect", "run"]

_CALLERS: Final = 50
_ALONE: Final = 15
# By default a leverage that is refused is asked for again after 1, 2 and 4 s at most, which is long to watch.
_RETRY: Final = RetryPolicy(refused_base_s=0.25)


class _Work:
    """The steps of the demo, each with the server's journal of it."""

    def __init__(self, desk: SessionManager, simulation: Simulation) -> None:
        self._desk = desk
        self._simulation = simulation

    async def cached(self) -> tuple[Step, Equity]:
        async with self._step(f'desk.balances(source="cached", max_age_s={MAX_AGE_S:g})') as step:
            snapshot = await self._desk.balances(source="cached", max_age_s=MAX_AGE_S)
            _fill(step, snapshot)
        return step, _equity(snapshot)

    async def live(self) -> Step:
        async with self._step("desk.balances()") as step:
            _fill(step, await self._desk.balances())
        return step

    async def callers(self, keys: list[AccountKey]) -> Step:
        """One caller for each of *keys*, all at once."""
        async with self._step(f"desk.balance(...), {len(keys)} callers at once") as step:
            outcomes = await asyncio.gather(*[self._balance(key) for key in keys])
            step.outcomes.update(zip(keys, outcomes, strict=True))
        return step

    async def _balance(self, key: AccountKey) -> Outcome:
        try:
            return Ok(await self._desk.balance(key))
        except TreadError as error:
            return Failed(error)

    async def leverage(self, settled: Callable[[], None]) -> Step:
        """Sets the leverage of all; *settled* is called with every account that is."""

        def settles(_key: AccountKey, _outcome: WriteOutcome) -> None:
            settled()

        call = f'desk.set_leverage({LEVERAGE}, pair="{PAIR}", accounts=ALL)'
        async with self._step(call, each=2) as step:  # each is written, and read back
            report = await self._desk.set_leverage(
                LEVERAGE, pair=PAIR, accounts=ALL, verify=True, on_progress=settles
            )
            step.outcomes.update(report.outcomes)
            step.unlisted.update(report.unlisted)
            step.told = report.requests_sent
        return step

    @contextlib.asynccontextmanager
    async def _step(self, call: str, *, each: int = 1) -> AsyncIterator[Step]:
        """Adds to a step what was sent for it, how long it took, and the journal."""
        step, before, began = Step(call, each), self._sent(), time.perf_counter()
        yield step
        step.wall_s = time.perf_counter() - began
        step.sent = {name: sent - before.get(name, 0) for name, sent in self._sent().items()}
        journal = await self._simulation.taken()
        step.requests, step.changes = journal["requests"], journal["changes"]

    def _sent(self) -> dict[str, int]:
        return {name: stats.requests_sent for name, stats in self._desk.stats.items()}


def _fill(step: Step, snapshot: Snapshot) -> None:
    step.outcomes.update(snapshot.outcomes)
    step.unlisted.update(snapshot.unlisted)
    step.told = snapshot.requests_sent


def _equity(snapshot: Snapshot) -> Equity:
    refusal = None
    try:
        snapshot.total_equity()
    except IncompleteSnapshotError as error:
        refusal = str(error)
    stated = sum(balance.equity is not None for balance in snapshot.ok.values())
    return Equity(refusal, snapshot.total_equity(allow_partial=True), stated)


async def _one_by_one(
    simulation: Simulation, scene: Scene, keys: list[AccountKey], retry: RetryPolicy
) -> Alone:
    """Reads and sets each of *keys*, one call after the other."""
    alone = Alone(asked=len(keys))
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            credential: await stack.enter_async_context(
                TreadClient(simulation.tokens[user], base_url=simulation.url, retry=retry)
            )
            for credential, user in scene.users.items()
        }
        began = time.perf_counter()
        for key in keys:
            tread = clients[key.credential]
            with contextlib.suppress(TreadError):
                await tread.balances([key.name])
                await tread.set_leverage(LEVERAGE, pair=PAIR, account_ids=[scene.ids[key]])
                alone.done += 1
        alone.wall_s = time.perf_counter() - began
        alone.sent = sum(tread.stats.requests_sent for tread in clients.values())
    alone.requests = (await simulation.taken())["requests"]
    return alone


def _spread(keys: list[AccountKey], most: int) -> list[AccountKey]:
    """At most so many of *keys*, at even distances."""
    count = min(most, len(keys))
    return [keys[place * len(keys) // count] for place in range(count)]


async def collect(
    simulation: Simulation, scene: Scene, console: Console, *, retry: RetryPolicy = _RETRY
) -> Figures:
    """Does the whole work, prints each step when it is done, and returns what came of it."""
    tokens = dict(zip(scene.users, simulation.tokens, strict=True))
    async with SessionManager(tokens, base_url=simulation.url, retry=retry) as desk:
        work = _Work(desk, simulation)
        view.headline(console, "1. Balances")
        cached, equity = await work.cached()
        view.reads(console, cached)
        view.equity(console, equity)
        live = await work.live()
        view.reads(console, live)
        callers = await work.callers(_spread(scene.sound, _CALLERS))
        view.callers(console, callers)
        view.headline(console, "2. Leverage")
        with view.progress(console, "settled", len(scene.held)) as settled:
            leverage = await work.leverage(settled)
        view.writes(console, leverage)
    holds = await scene.holding(simulation)
    alone = await _one_by_one(simulation, scene, _spread(scene.sound, _ALONE), retry)
    figures = Figures(cached, live, callers, leverage, equity, holds, alone)
    view.headline(console, "3. Requests")
    view.requests(console, figures)
    return figures


async def run(
    *,
    tokens: int = 3,
    accounts: int = 200,
    latency_s: float = 0.04,
    seed: int = 7,
    retry: RetryPolicy = _RETRY,
) -> int:
    """Runs the demo and prints it. Returns 0 if every figure is right, else 1."""
    console = Console(highlight=False)
    async with start(tokens=tokens, accounts=accounts, latency_s=latency_s, seed=seed) as simulation:
        scene = await stage(simulation)
        view.opening(console, scene, latency_s, retry)
        wrong = mismatches(scene, await collect(simulation, scene, console, retry=retry))
    view.verdict(console, wrong)
    return 1 if wrong else 0
