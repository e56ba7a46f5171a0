"""What does it cost to read the cached balances of a whole fleet, and how long is the event loop held?

10,000 accounts of ten rows under 20 tokens, whose lists are known already. Four figures:

* CPU of `SessionManager.balances`, against reading the same 20 replies with aiohttp and decoding each in
  one go with msgspec, unchecked: NaN, 1_000, accounts twice and accounts that are missing all pass there.
* CPU against one request for each account, 64 at once, written by hand with the same decoder.
* CPU an account at 100,000 accounts (200 tokens, so that a reply is as large as before), against 1,000; the
  same by hand, since both pay the system for a gigabyte of fresh pages, which 1,000 accounts use again; and
  the same without the system's share.
* The longest time during a refresh in which nothing else on the loop got its turn: a probe that only asks
  for its next turn notes the longest time between two, in wall time and in CPU of this thread. The results
  are kept meanwhile; how long it takes to let go of one is said besides.

The server is a bare protocol with ready-made bytes in another process. CPU is that of the client's process,
with its share of the kernel's, and includes letting go of the result. None of it speaks of latency over a
real network, TLS, compression, live balances or replies with something wrong in them. The wall time of the
probe includes whatever else the machine did: compare with the probe alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.fleet_contenders import AT_ONCE, ByHand, by_hand, manager, refreshed
from benchmarks.fleet_server import ACCOUNTS, ASSETS, DATASETS
from benchmarks.holding import Held, held, median_and_most
from benchmarks.measuring import interleaved_async, machine, other_process, ratios, spread
from tread_async import SessionManager

TOKENS = 20
ROUNDS = 40
ONE_BY_ONE_ROUNDS = 10
ONE_BY_ONE_REPEATS = 5  # ours, in each round: or a busy neighbour hits one contender and not the other
SMALL_TOKENS = 2
LARGE_TOKENS = 200
SMALL_REPEATS = 50
SIZE_ROUNDS = 5
HOLDING_ROUNDS = 20
MOST_OF_WHOLE = 1.3
LEAST_OF_ONE_BY_ONE = 6
MOST_OF_SMALL = 1.15
MOST_HELD_MS = 5.0

Refresh = Callable[[], Awaitable[object]]

US = "tread_async"
WHOLE = "aiohttp, whole replies"
ONE_BY_ONE = f"aiohttp, {AT_ONCE} at once"


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    print(f"{machine()}; tokens of {ACCOUNTS} accounts of {ASSETS} rows, contenders in turn")
    async with other_process("benchmarks.fleet_server") as url:
        async with manager(url, TOKENS) as desk, by_hand(url, desk) as hand:
            await _against_whole_replies(desk, hand)
            await _against_one_by_one(desk, hand)
            await _holding(desk, hand)
        await _by_size(url)


async def _against_whole_replies(desk: SessionManager, hand: ByHand) -> None:
    contenders = {US: _dropped(lambda: refreshed(desk)), WHOLE: _dropped(hand.whole)}
    taken = await interleaved_async(contenders, rounds=ROUNDS)
    print(f"\nCPU of a refresh of {TOKENS * ACCOUNTS:,} accounts in {TOKENS} replies, {ROUNDS} rounds")
    _print_cpu(taken, {US: TOKENS * ACCOUNTS, WHOLE: TOKENS * ACCOUNTS})
    _print_ratio(ratios(taken, US, WHOLE), f"at most {MOST_OF_WHOLE}")


async def _against_one_by_one(desk: SessionManager, hand: ByHand) -> None:
    contenders = {
        US: _dropped(lambda: refreshed(desk), times=ONE_BY_ONE_REPEATS),
        ONE_BY_ONE: _dropped(hand.one_by_one),
    }
    taken = await interleaved_async(contenders, rounds=ONE_BY_ONE_ROUNDS)
    taken[US] = [seconds / ONE_BY_ONE_REPEATS for seconds in taken[US]]
    print(
        f"\nCPU against one request for each account, {ONE_BY_ONE_ROUNDS} rounds of {ONE_BY_ONE_REPEATS}"
        " refreshes of ours and one of theirs"
    )
    _print_cpu(taken, {US: TOKENS * ACCOUNTS, ONE_BY_ONE: TOKENS * ACCOUNTS})
    _print_ratio(ratios(taken, ONE_BY_ONE, US), f"at least {LEAST_OF_ONE_BY_ONE}")


async def _by_size(url: str) -> None:
    small_accounts, large_accounts = SMALL_TOKENS * ACCOUNTS, LARGE_TOKENS * ACCOUNTS
    async with contextlib.AsyncExitStack() as stack:
        few, many = [
            await stack.enter_async_context(manager(url, tokens)) for tokens in (SMALL_TOKENS, LARGE_TOKENS)
        ]
        few_by_hand, many_by_hand = [
            await stack.enter_async_context(by_hand(url, desk)) for desk in (few, many)
        ]
        small = f"{small_accounts:,}: "
        large = f"{large_accounts:,}: "
        contenders = {
            small + US: _dropped(lambda: refreshed(few), times=SMALL_REPEATS),
            large + US: _dropped(lambda: refreshed(many)),
            small + WHOLE: _dropped(few_by_hand.whole, times=SMALL_REPEATS),
            large + WHOLE: _dropped(many_by_hand.whole),
        }
        kernel: dict[str, list[float]] = {name: [] for name in contenders}
        watched = {name: _noting_kernel(run, kernel[name]) for name, run in contenders.items()}
        taken = await interleaved_async(watched, rounds=SIZE_ROUNDS)
    print(
        f"\nCPU by size: {LARGE_TOKENS} tokens, whose {DATASETS} different replies take turns, against"
        f" {SMALL_TOKENS}, read {SMALL_REPEATS} times a round, {SIZE_ROUNDS} rounds"
    )
    _print_cpu(
        taken, {name: large_accounts if large in name else small_accounts * SMALL_REPEATS for name in taken}
    )
    own = {
        name: [
            all_of_it - share for all_of_it, share in zip(seconds, kernel[name][-SIZE_ROUNDS:], strict=True)
        ]
        for name, seconds in taken.items()
    }
    scale = small_accounts * SMALL_REPEATS / large_accounts
    for name, goal in ((US, f"at most {MOST_OF_SMALL}"), (WHOLE, "nothing, for comparison")):
        print(name)
        _print_ratio([ratio * scale for ratio in ratios(taken, large + name, small + name)], goal)
        print(f"{name}, without the system's share")
        _print_ratio([ratio * scale for ratio in ratios(own, large + name, small + name)], goal)


async def _holding(desk: SessionManager, hand: ByHand) -> None:
    jobs: dict[str, Refresh] = {
        US: lambda: refreshed(desk),
        WHOLE: hand.whole,
        "the probe alone": lambda: asyncio.sleep(0.5),
    }
    found: dict[str, list[Held]] = {name: [] for name in jobs}
    let_go: dict[str, list[float]] = {US: [], WHOLE: []}
    for _ in range(HOLDING_ROUNDS):
        for name, job in jobs.items():
            gc.collect()
            results: list[object] = []
            found[name].append(await held(job, results))
            if name in let_go:
                let_go[name].append(await _time_to_let_go(results))
    print(f"\nlongest hold of the loop during a refresh, ms, {HOLDING_ROUNDS} rounds")
    for name, longest_ones in found.items():
        wall = median_and_most([one.wall_s for one in longest_ones])
        cpu = median_and_most([one.cpu_s for one in longest_ones])
        goal = f"; to reach: at most {MOST_HELD_MS}" if name == US else ""
        print(f"{name:32} wall {wall}, CPU {cpu}{goal}")
    print("letting go of the result afterwards, which happens in one go and is not in the above:")
    for name, seconds in let_go.items():
        print(f"{name:32} wall {median_and_most(seconds)}")


async def _time_to_let_go(results: list[object]) -> float:
    await asyncio.sleep(0.01)  # tasks that are done let go of theirs
    began = time.perf_counter()
    results.clear()
    return time.perf_counter() - began


def _dropped(refresh: Refresh, *, times: int = 1) -> Callable[[], Awaitable[None]]:
    """*refresh*, and what it costs to let go of its result: finished tasks do so a turn later."""

    async def run() -> None:
        for _ in range(times):
            await refresh()
            for _ in range(3):
                await asyncio.sleep(0)

    return run


def _noting_kernel(run: Callable[[], Awaitable[None]], shares: list[float]) -> Callable[[], Awaitable[None]]:
    """*run*, whose CPU in the kernel is added to *shares*."""

    async def noting() -> None:
        began = resource.getrusage(resource.RUSAGE_SELF).ru_stime
        await run()
        shares.append(resource.getrusage(resource.RUSAGE_SELF).ru_stime - began)

    return noting


def _print_cpu(taken: dict[str, list[float]], accounts: dict[str, int]) -> None:
    for name, seconds in taken.items():
        low, middle, high = (value / accounts[name] * 1e6 for value in spread(seconds))
        print(f"{name:32} {middle:7.1f} us of CPU an account (quartiles {low:.1f} to {high:.1f})")


def _print_ratio(found: Sequence[float], goal: str) -> None:
    low, middle, high = spread(found)
    print(f"{'ratio':32} {middle:7.2f} (quartiles {low:.2f} to {high:.2f}); to reach: {goal}")
