"""What does it cost to poll a fleet, and how long is the event loop held meanwhile?

5,000 accounts of ten rows under 10 tokens, cached, polled by `SessionManager.watch`. Where nothing else is
said, each answer moves the time stamps of all accounts, and prices all rows of one account in a hundred anew.

* CPU of a round, against the same watch without its memory: it decodes every account each time, and else does
  the same. For comparison: what one writes without a watch, `balances` in a loop and the `changes` of its
  snapshots; a watch whose time stamps stand still; and a busy one, of 1,000 accounts that are all priced
  anew each time, where a memory is of no use.
* The longest time during a round in which nothing else on the loop got its turn.
* CPU of a round of a feed with 100 readers, half of whom read 50 accounts each and half all with
  ``changes_only``, against one reader of all.
* How long it takes to leave the block while a request of each of four tokens is in flight, and nothing of
  its answer has come, or half of it.

The server is a bare protocol with texts ready made, in another process. CPU is that of the client's process,
with its share of the kernel's, once the first rounds are over, in which all is new. A round is one poll of
each token; they are spread over the interval, without jitter. How long it is changes what a second costs, and
hardly what a round does. None of it speaks of latency over a real network, TLS, compression, live balances,
answers with something wrong in them, rules, or of what readers do with an update. The wall time of the probe
includes whatever else the machine did: compare with the probe alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.holding import Held, held, median_and_most
from benchmarks.measuring import machine, other_process, ratios, spread
from benchmarks.watch_contenders import (
    INTERVAL_S,
    TOKENS,
    cpu_of_an_account,
    cpu_of_an_account_in_a_loop,
    desk,
    feed,
    next_of,
    warmed_up,
    without_memory,
)
from benchmarks.watch_server import ACCOUNTS, ASSETS
from tread_async import SessionManager
from tread_async.feed import Updates

TURNS = 5
ROUNDS = 5
BUSY_TOKENS = 2
HOLDING_ROUNDS = 20
READERS = 100
READ_BY_SOME = 50
LEAVING = 1000
LEAVING_TOKENS = 4
SEED = 1
MOST_OF_DECODING = 0.25
MOST_OF_ONE_READER = 1.3
MOST_HELD_MS = 5.0
MOST_TO_LEAVE_MS = 100.0

QUIET = "watch"
STILL = "watch, stamps stand still"
BUSY = "busy watch"
FORGETFUL = " without memory"
IN_A_LOOP = "balances in a loop"
ONE = "one reader"
MANY = f"{READERS} readers"
FOR_COMPARISON = "nothing, for comparison"

Cpu = Callable[[], Awaitable[float]]


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    print(
        f"{machine()}; {TOKENS} tokens of {ACCOUNTS} accounts of {ASSETS} rows, a round in {INTERVAL_S} s,"
        f" {TURNS} turns of {ROUNDS} rounds for each contender"
    )
    async with other_process("benchmarks.watch_server") as url:
        async with desk(url, "quiet") as quiet, desk(url, "busy", BUSY_TOKENS) as busy:
            async with desk(url, "stamps stand") as still:
                await _against_decoding(quiet, still, busy)
            await _holding(quiet, busy)
            await _readers(quiet)
        await _leaving(url)


async def _against_decoding(quiet: SessionManager, still: SessionManager, busy: SessionManager) -> None:
    taken = await _in_turn(
        {
            QUIET: lambda: _alone(quiet),
            QUIET + FORGETFUL: lambda: _forgetful(quiet),
            IN_A_LOOP: lambda: cpu_of_an_account_in_a_loop(quiet, ROUNDS),
            STILL: lambda: _alone(still),
            BUSY: lambda: _alone(busy),
            BUSY + FORGETFUL: lambda: _forgetful(busy),
        }
    )
    print("\nCPU of a round")
    _print_cpu(taken)
    _print_ratio(taken, QUIET, QUIET + FORGETFUL, f"at most {MOST_OF_DECODING}")
    _print_ratio(taken, QUIET, IN_A_LOOP, FOR_COMPARISON)
    _print_ratio(taken, STILL, QUIET + FORGETFUL, FOR_COMPARISON)
    _print_ratio(taken, BUSY, BUSY + FORGETFUL, FOR_COMPARISON)


async def _alone(one: SessionManager) -> float:
    async with feed(one).subscribe() as updates:
        return await cpu_of_an_account(updates, ROUNDS)


async def _forgetful(one: SessionManager) -> float:
    with without_memory():
        return await _alone(one)


async def _in_turn(contenders: dict[str, Cpu]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(TURNS):
        for name, run in contenders.items():
            gc.collect()
            taken[name].append(await run())
    return taken


async def _holding(quiet: SessionManager, busy: SessionManager) -> None:
    found: dict[str, list[Held]] = {}
    for name, one in ((QUIET, quiet), (BUSY, busy)):
        async with feed(one).subscribe() as updates:
            await warmed_up(updates)
            found[name] = [await held(lambda: next_of(updates), []) for _ in range(HOLDING_ROUNDS)]
    alone = "the probe alone"
    found[alone] = [await held(lambda: asyncio.sleep(INTERVAL_S), []) for _ in range(HOLDING_ROUNDS)]
    print(f"\nlongest hold of the loop during a round, ms, {HOLDING_ROUNDS} rounds")
    for name, longest_ones in found.items():
        wall = median_and_most([one.wall_s for one in longest_ones])
        cpu = median_and_most([one.cpu_s for one in longest_ones])
        goal = "" if name == alone else f"; to reach: at most {MOST_HELD_MS}"
        print(f"{name:32} wall {wall}, CPU {cpu}{goal}")


async def _readers(quiet: SessionManager) -> None:
    keys = list((await quiet.accounts()).accounts)
    chance = random.Random(SEED)
    some = [chance.sample(keys, READ_BY_SOME) for _ in range(READERS // 2)]

    async def many() -> float:
        shared = feed(quiet)
        of_some = [shared.subscribe(accounts) for accounts in some]
        of_all = [shared.subscribe(changes_only=True) for _ in range(READERS - len(some))]
        return await _read_along([*of_all, *of_some])

    taken = await _in_turn({ONE: lambda: _alone(quiet), MANY: many})
    print("\nCPU of a round of one feed")
    _print_cpu(taken)
    _print_ratio(taken, MANY, ONE, f"at most {MOST_OF_ONE_READER}")


async def _read_along(readers: Sequence[Updates]) -> float:
    """The CPU of the first reader, with that of all the others."""
    async with contextlib.AsyncExitStack() as stack:
        first, *others = [await stack.enter_async_context(updates) for updates in readers]
        tasks = [asyncio.create_task(_read_on(updates)) for updates in others]
        cpu_s = await cpu_of_an_account(first, ROUNDS)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return cpu_s


async def _read_on(updates: Updates) -> None:
    async for _ in updates:
        pass


async def _leaving(url: str) -> None:
    print(f"\nleaving the block, {LEAVING_TOKENS} requests in flight, ms, {LEAVING} trials")
    chance = random.Random(SEED)
    for kind, name in (("silent", "nothing has come"), ("half", "half of the answers has come")):
        async with desk(url, kind, LEAVING_TOKENS) as one:
            took_s = [await _time_to_leave(one, chance) for _ in range(LEAVING // 2)]
        worst = statistics.quantiles(took_s, n=100)[-1] * 1e3
        print(
            f"{name:32} {median_and_most(took_s)}, 99th percentile {worst:6.2f};"
            f" to reach: at most {MOST_TO_LEAVE_MS:g}"
        )


async def _time_to_leave(one: SessionManager, chance: random.Random) -> float:
    sent = _sent(one)
    async with feed(one).subscribe():
        while _sent(one) < sent + LEAVING_TOKENS:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        await asyncio.sleep(chance.uniform(0.0, 0.01))
        began = time.perf_counter()
    return time.perf_counter() - began


def _sent(one: SessionManager) -> int:
    return sum(stats.requests_sent for stats in one.stats.values())


def _print_cpu(taken: dict[str, list[float]]) -> None:
    for name, seconds in taken.items():
        low, middle, high = (value * 1e6 for value in spread(seconds))
        print(f"{name:32} {middle:7.1f} us an account (quartiles {low:.1f} to {high:.1f})")


def _print_ratio(taken: dict[str, list[float]], name: str, base: str, goal: str) -> None:
    low, middle, high = spread(ratios(taken, name, base))
    print(f"{name} over {base}: {middle:.2f} (quartiles {low:.2f} to {high:.2f}); to reach: {goal}")
