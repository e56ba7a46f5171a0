"""How many requests does it take to set the leverage of 1,000 accounts, and is every outcome true?

One token against the simulator, in a process of its own. The exchange refuses one account in a hundred for
ever (422 for any batch that has one of them in it), and 5 % of all answers to set_leverage are a 500 that
has changed nothing. `SessionManager.set_leverage` for ALL, with reading back, against one request for each
account by hand, and against batches by hand, which take few requests, but where one account that is refused
leaves its whole batch as it was: how many accounts could have been set and were not is counted. Once for each
seed, which decides the accounts, the refused ones and the 500s. The seeds run at the same time, and the
requests are counted by the servers.

Each outcome is held against the server's journal and state: an applied account has the leverage, and to
one that was not applied nothing was done. An unknown one is no contradiction, but it is no answer either:
those are counted. By hand there are none, since what fails to the end is taken for not applied. That is
right as long as errors tell the truth; so there are rounds besides in which five more accounts are set every
time and answered 500 all the same. Batches with one of those in them are sent again and again too, so these
rounds have no goal for requests.

The wall time is mostly waiting before repeats, and says nothing about CPU. The figures are for faults as
rare and as independent as these: in an outage other rules decide.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks.answers import Figure, Found, figure, goal
from benchmarks.contenders import US
from benchmarks.leverage_contenders import LEVERAGE, PAIR, SETTERS, Said
from benchmarks.measuring import machine, other_process

SEEDS = (1, 2, 3, 4, 5)
ACCOUNTS = 1000
REFUSED = ACCOUNTS // 100
CHANCE = 0.05
HIDDEN = 5
WHERE = {"": 0, f"where {HIDDEN} more are set behind a 500: ": HIDDEN}
MOST_REQUESTS = 200


class Truth(NamedTuple):
    """What the server says: its accounts by name, and the journal of the call."""

    accounts: dict[str, dict[str, Any]]
    requests: list[dict[str, Any]]
    changes: list[dict[str, Any]]


class Round(NamedTuple):
    """One seed's figures. The outcomes that the server contradicts are named.

    *unset* accounts are those that are not refused, and do not have the leverage in the end.
    """

    requests: int
    wall_s: float
    unknown: int
    unset: int
    contradictions: Counter[str]


def measure() -> Found:
    """Every contender with every seed."""
    return asyncio.run(_measure())


async def _measure() -> Found:
    rounds = {name: await _rounds(name) for name in SETTERS}
    most = max(one.requests for one in rounds[US][""])
    wrong = {name: _added(itertools.chain(*mine.values())) for name, mine in rounds.items()}
    return Found(
        conditions=f"{machine()}; {ACCOUNTS:,} accounts, {REFUSED} refused for ever, {CHANCE:.0%} of writes"
        f" answered 500; {len(SEEDS)} seeds",
        figures=tuple(
            one for where in WHERE for one in _figures(where, {name: rounds[name][where] for name in rounds})
        ),
        goals=(
            goal(f"requests, the most of {len(SEEDS)} seeds, {US}", [most], at_most=MOST_REQUESTS),
            goal(f"outcomes that the server contradicts, all seeds, {US}", [wrong[US].total()], at_most=0),
        ),
        notes=(
            *(f"{name}: {setter.does}" for name, setter in SETTERS.items()),
            *(
                f"{name}, all seeds: {count} x {reason}"
                for name, reasons in wrong.items()
                for reason, count in reasons.most_common()
            ),
        ),
    )


async def _rounds(name: str) -> dict[str, list[Round]]:
    """One for each seed, with and without errors that hide what was done."""
    groups = [asyncio.gather(*[_round(name, seed, hidden) for seed in SEEDS]) for hidden in WHERE.values()]
    return dict(zip(WHERE, await asyncio.gather(*groups), strict=True))


def _added(rounds: Iterable[Round]) -> Counter[str]:
    return Counter(itertools.chain.from_iterable(one.contradictions.elements() for one in rounds))


def _figures(where: str, rounds: Mapping[str, Sequence[Round]]) -> list[Figure]:
    rows: dict[str, tuple[str, Callable[[Round], float]]] = {
        "sent in all": ("requests", lambda one: one.requests),
        "wall time": ("s", lambda one: one.wall_s),
        "outcomes that are unknown": ("accounts", lambda one: one.unknown),
        "accounts that could be set and are not": ("accounts", lambda one: one.unset),
        "outcomes that the server contradicts": ("accounts", lambda one: one.contradictions.total()),
    }
    return [
        figure(where + what, name, unit, [measured(one) for one in mine])
        for what, (unit, measured) in rows.items()
        for name, mine in rounds.items()
    ]


async def _round(name: str, seed: int, hidden: int) -> Round:
    arguments = ("--until-stdin-closes", "--accounts", str(ACCOUNTS), "--seed", str(seed))
    async with other_process("tread_async.simulator", *arguments) as line:
        ready = json.loads(line)
        url = ready["url"]
        accounts = await asyncio.to_thread(_control, f"{url}/_simulator/accounts?user=0")
        faults = _faults([account["id"] for account in accounts], seed, hidden)
        await asyncio.to_thread(_control, f"{url}/_simulator/faults", faults)
        began = time.perf_counter()
        said = await SETTERS[name].set(url, ready["tokens"][0])
        wall_s = time.perf_counter() - began
        truth = await _truth(url)
    unknown = sum(one is Said.UNKNOWN for one in said.values())
    refused = {fault["account"] for fault in faults if fault["status"] == 422}
    unset = sum(account["id"] not in refused and not is_set(account) for account in truth.accounts.values())
    return Round(len(truth.requests), wall_s, unknown, unset, contradicted(said, truth))


def _faults(accounts: Sequence[str], seed: int, hidden: int) -> list[dict[str, Any]]:
    unlucky = random.Random(seed).sample(accounts, REFUSED + hidden)
    return [
        {"endpoint": "set_leverage", "status": 500, "chance": CHANCE},
        *({"endpoint": "set_leverage", "account": one, "status": 422} for one in unlucky[:REFUSED]),
        *(
            {"endpoint": "set_leverage", "account": one, "status": 500, "apply": "all"}
            for one in unlucky[REFUSED:]
        ),
    ]


async def _truth(url: str) -> Truth:
    journal = await asyncio.to_thread(_control, f"{url}/_simulator/journal")
    accounts = await asyncio.to_thread(_control, f"{url}/_simulator/accounts?user=0")
    return Truth({one["name"]: one for one in accounts}, journal["requests"], journal["changes"])


def is_set(account: Mapping[str, Any]) -> bool:
    """Whether an account has the leverage that was wanted."""
    return Decimal(account["leverage"].get(PAIR, 0)) == LEVERAGE


def contradicted(said: Mapping[str, Said], truth: Truth) -> Counter[str]:
    """How many outcomes are not what the server says, by what is wrong with them."""
    changed = {change["name"] for change in truth.changes if change["kind"] == "leverage"}
    wrong: Counter[str] = Counter()
    for name, account in truth.accounts.items():
        match said.get(name):
            case Said.APPLIED if not is_set(account):
                wrong["applied, but the server has another leverage"] += 1
            case Said.NOT_APPLIED if name in changed:
                wrong["not applied, but the server has a change"] += 1
            case None:
                wrong["no outcome"] += 1
    return wrong


def _control(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as reply:
        return json.load(reply)
