"""``tread demo``: the library at work against the simulator, with every figure checked.

Two passes do the same calls under the same faults: one starts them all from a single
`asyncio.TaskGroup`, the other makes one call after the other.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeAlias

from rich.console import Console

from tread_async.cli.demo_view import progress, show
from tread_async.cli.simulation import Simulation, start
from tread_async.client import TreadClient
from tread_async.errors import ApiError, OutcomeUnknownError, TreadError

__all__ = ["Part", "mismatches", "run", "run_pass"]

_PAIR: Final = "ETH:PERP-USDT"
_POLLS: Final = 3
_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"status": 500, "chance": 0.05},
    {"endpoint": "set_leverage", "status": 422, "chance": 0.01},
)

Call: TypeAlias = Callable[[], Awaitable[None]]


@dataclass
class Part:
    """What the client of one token did and found."""

    listed: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()
    cached: frozenset[str] = frozenset()
    equity: Decimal | None = None
    equity_of: int = 0
    leverage_set: int = 0
    failed: list[TreadError] = field(default_factory=list)
    requests_sent: int = 0
    retries: dict[str, int] = field(default_factory=dict)
    wall_s: float = 0.0


class _Work:
    """The calls for one token. Each notes in `part` what came of it."""

    def __init__(self, tread: TreadClient, settled: Callable[[], None]) -> None:
        self._tread = tread
        self._settled = settled
        self.part = Part()

    async def calls(self) -> list[Call]:
        """Lists the accounts and returns what there is to do for them; nothing if they cannot be listed."""
        try:
            listed = await self._tread.accounts()
        except TreadError as error:
            self.part.failed.append(error)
            return []
        self.part.listed = frozenset(account.name for account in listed)
        leverage = [functools.partial(self._set_leverage, account.id) for account in listed]
        return [self._poll_live, self._poll_cached, *leverage]

    async def _poll_live(self) -> None:
        for _ in range(_POLLS):
            self.part.live = frozenset(await self._tread.balances())

    async def _poll_cached(self) -> None:
        for _ in range(_POLLS):
            reply = await self._tread.cached_balances()
            self.part.cached = frozenset(account.account_name for account in reply.balances)
            known = [account.equity for account in reply.balances if account.equity is not None]
            self.part.equity, self.part.equity_of = sum(known, Decimal(0)), len(known)

    async def _set_leverage(self, account_id: str) -> None:
        await self._tread.set_leverage(5, pair=_PAIR, account_ids=[account_id])
        self.part.leverage_set += 1

    async def settle(self, call: Call) -> None:
        """Awaits one call; its failure is noted, since it says nothing about the others."""
        try:
            await call()
        except TreadError as error:
            self.part.failed.append(error)
        finally:
            self._settled()

    def finish(self, wall_s: float) -> None:
        stats = self._tread.stats
        self.part.requests_sent, self.part.retries = stats.requests_sent, dict(stats.retries)
        self.part.wall_s = wall_s


async def _at_once(work: _Work, group: asyncio.TaskGroup) -> None:
    """Starts all calls of one token as tasks of *group*, and waits for them."""
    began = time.perf_counter()
    tasks = [group.create_task(work.settle(call)) for call in await work.calls()]
    if tasks:
        await asyncio.wait(tasks)
    work.finish(time.perf_counter() - began)


async def _one_by_one(work: _Work) -> None:
    began = time.perf_counter()
    for call in await work.calls():
        await work.settle(call)
    work.finish(time.perf_counter() - began)


async def run_pass(
    simulation: Simulation, settled: Callable[[], None], *, at_once: bool
) -> tuple[list[Part], float]:
    """The whole work, from an empty journal: a part for each token, and the wall time in seconds."""
    await simulation.clear()
    async with AsyncExitStack() as stack:
        works = [
            _Work(await stack.enter_async_context(TreadClient(token, base_url=simulation.url)), settled)
            for token in simulation.tokens
        ]
        began = time.perf_counter()
        if at_once:
            async with asyncio.TaskGroup() as group:
                for work in works:
                    group.create_task(_at_once(work, group))
        else:
            for work in works:
                await _one_by_one(work)
        return [work.part for work in works], time.perf_counter() - began


async def mismatches(simulation: Simulation, parts: list[Part]) -> list[str]:
    """Every figure of *parts* that the simulator's journal does not bear out, a sentence each."""
    requests = (await simulation.ask("journal"))["requests"]
    summary = (await simulation.ask("summary"))["users"]
    wrong: list[str] = []
    for user, part in enumerate(parts):
        truth = frozenset(account["name"] for account in await simulation.ask(f"accounts?user={user}"))
        figures = _figures(part, truth, [seen for seen in requests if seen["user"] == user], summary[user])
        wrong += [
            f"token {user + 1}, {what}: {ours} here, {theirs} in the journal"
            for what, ours, theirs in figures
            if ours != theirs
        ]
    return wrong


def _figures(
    part: Part, truth: frozenset[str], requests: list[dict[str, Any]], counts: dict[str, Any]
) -> list[tuple[str, object, object]]:
    """What is counted here beside what the server counted."""
    answered = {seen["endpoint"] for seen in requests if seen["status"] == 200}
    equities = [Decimal(seen["equity"]) for seen in requests if seen["equity"] is not None]
    refusals = sorted(f"HTTP {seen['status']}" for seen in requests if seen["status"] != 200)
    told = sorted([label for label, n in part.retries.items() for _ in range(n)] + _last_words(part.failed))
    return [
        ("requests sent", part.requests_sent, counts["requests"]),
        ("accounts listed", part.listed, truth if "accounts" in answered else frozenset()),
        ("accounts read live", part.live, truth if "balances" in answered else frozenset()),
        ("accounts read cached", part.cached, truth if "cached_balances" in answered else frozenset()),
        ("equity", part.equity, equities[-1] if equities else None),
        ("leverage set", part.leverage_set, counts["changes"].get("leverage", 0)),
        ("refusals", told, refusals),
    ]


def _last_words(failed: list[TreadError]) -> list[str]:
    causes = [error.cause if isinstance(error, OutcomeUnknownError) else error for error in failed]
    return [f"HTTP {cause.status}" for cause in causes if isinstance(cause, ApiError)]


async def run(*, tokens: int = 3, accounts: int = 200, latency_s: float = 0.04, seed: int = 7) -> int:
    """Runs the demo and prints it. Returns 0 if every figure is right, else 1."""
    console = Console()
    console.print(
        f"A simulated Tread server: {tokens} tokens, {accounts} accounts each, {latency_s * 1000:g} ms"
    )
    async with start(tokens=tokens, accounts=accounts, latency_s=latency_s, seed=seed) as simulation:
        await simulation.fail(*_FAULTS)
        calls = tokens * (accounts + 2)
        with progress(console, "all at once", calls) as settled:
            parts, together_s = await run_pass(simulation, settled, at_once=True)
        wrong = await mismatches(simulation, parts)
        console.print(f"All at once: {together_s:.1f} s. Now the same calls one after the other ...")
        with progress(console, "one by one", calls) as settled:
            alone, alone_s = await run_pass(simulation, settled, at_once=False)
        wrong += [f"one by one: {sentence}" for sentence in await mismatches(simulation, alone)]
    show(console, parts, together_s, alone_s)
    for sentence in wrong:
        console.print(f"[red]mismatch:[/] {sentence}", highlight=False)
    if not wrong:
        console.print("Every figure matches the server's journal.")
    return 1 if wrong else 0
