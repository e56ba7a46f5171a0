"""How many requests does it take to set the leverage of 1,000 accounts, and is every outcome true?

One token against the simulator, in a process of its own. The exchange refuses one account in a hundred for
ever (422 for any batch that has one of them in it), and 5 % of all answers to set_leverage are a 500 that
has changed nothing. `SessionManager.set_leverage` for ALL, with reading back, once for each seed, which
decides the accounts, the refused ones and the 500s. The requests are counted by the server.

Each outcome is held against the server's journal and state: an applied account has the leverage, and to
one that was not applied nothing was done. An unknown one is no contradiction, but it is no answer either:
those are listed by reason. The wall time is mostly waiting before repeats, and says nothing about CPU.
The figures are for faults as rare and as independent as these: in an outage other rules decide.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
import urllib.request
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks.measuring import machine, other_process
from tread_async import ALL, Applied, LeverageReport, NotApplied, SessionManager, Unknown, WriteOutcome

SEEDS = (1, 2, 3, 4, 5)
ACCOUNTS = 1000
REFUSED = ACCOUNTS // 100
CHANCE = 0.05
LEVERAGE = 5
PAIR = "ETH:PERP-USDT"
TARGET = 200


class Truth(NamedTuple):
    """What the server says: its accounts by name, and the journal of the call."""

    accounts: dict[str, dict[str, Any]]
    requests: list[dict[str, Any]]
    changes: list[dict[str, Any]]


class Round(NamedTuple):
    """One seed's figures."""

    requests: int
    wall_s: float
    contradictions: int


class Judge:
    """Outcomes, held against what the server says."""

    def __init__(self, truth: Truth) -> None:
        self.contradictions: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.was_so = 0
        self._accounts = truth.accounts
        self._changed = {change["name"] for change in truth.changes if change["kind"] == "leverage"}

    def hear(self, name: str, outcome: WriteOutcome | None) -> None:
        """Judges what was said of the account *name*."""
        is_set = Decimal(self._accounts[name]["leverage"].get(PAIR, 0)) == LEVERAGE
        changed = name in self._changed
        match outcome:
            case Applied():
                self.was_so += is_set and not changed
                if not is_set:
                    self.contradictions["applied, but the server has another leverage"] += 1
            case NotApplied():
                if changed:
                    self.contradictions["not applied, but the server has a change"] += 1
            case Unknown(error=error):
                self.unknown[f"{'applied' if changed else 'not applied'} in truth; {error}"] += 1
            case _:
                self.contradictions["no outcome"] += 1


def main() -> None:
    print(
        f"{machine()}; {ACCOUNTS:,} accounts, {REFUSED} refused for ever, {CHANCE:.0%} of writes answered 500"
    )
    rounds = [asyncio.run(_round(seed)) for seed in SEEDS]
    requests = [one.requests for one in rounds]
    walls = [one.wall_s for one in rounds]
    print(
        f"\nrequests: median {statistics.median(requests):g}, most {max(requests)};"
        f" to reach: at most {TARGET} each"
    )
    print(f"wall time: median {statistics.median(walls):.1f} s, most {max(walls):.1f} s")
    print(f"outcomes that the server contradicts: {sum(one.contradictions for one in rounds)}; to reach: 0")


async def _round(seed: int) -> Round:
    arguments = ("--until-stdin-closes", "--accounts", str(ACCOUNTS), "--seed", str(seed))
    async with other_process("tread_async.simulator", *arguments) as line:
        ready = json.loads(line)
        url = ready["url"]
        accounts = await asyncio.to_thread(_control, f"{url}/_simulator/accounts?user=0")
        refused = random.Random(seed).sample([account["id"] for account in accounts], REFUSED)
        faults: list[dict[str, Any]] = [{"endpoint": "set_leverage", "status": 500, "chance": CHANCE}]
        faults += [{"endpoint": "set_leverage", "account": one, "status": 422} for one in refused]
        await asyncio.to_thread(_control, f"{url}/_simulator/faults", faults)
        async with SessionManager({"desk": ready["tokens"][0]}, base_url=url) as desk:
            began = time.perf_counter()
            report = await desk.set_leverage(LEVERAGE, pair=PAIR, accounts=ALL, verify=True)
            wall_s = time.perf_counter() - began
        truth = await _truth(url)
    return _judged(seed, report, truth, wall_s)


async def _truth(url: str) -> Truth:
    journal = await asyncio.to_thread(_control, f"{url}/_simulator/journal")
    accounts = await asyncio.to_thread(_control, f"{url}/_simulator/accounts?user=0")
    return Truth({one["name"]: one for one in accounts}, journal["requests"], journal["changes"])


def _judged(seed: int, report: LeverageReport, truth: Truth, wall_s: float) -> Round:
    judge = Judge(truth)
    outcomes = {key.name: outcome for key, outcome in report.outcomes.items()}
    for name in truth.accounts:
        judge.hear(name, outcomes.get(name))
    endpoints = Counter(request["endpoint"] for request in truth.requests)
    statuses = Counter(one["status"] for one in truth.requests if one["endpoint"] == "set_leverage")
    verifications = Counter(
        f"{type(outcome).__name__} {outcome.verification.value}" for outcome in report.outcomes.values()
    )
    print(f"\nseed {seed}: {len(truth.requests)} requests, as told {report.requests_sent}; {wall_s:.1f} s")
    print(f"  {_listed(endpoints)}; set_leverage was answered {_listed(statuses)}")
    print(f"  {_listed(verifications)}")
    print(f"  applied, but nothing was changed, since the leverage was so before: {judge.was_so}")
    for kind, found in (("contradicted", judge.contradictions), ("unknown", judge.unknown)):
        for reason, count in found.most_common():
            print(f"  {kind}, {count} of them: {reason}")
    return Round(len(truth.requests), wall_s, judge.contradictions.total())


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common())


def _control(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as reply:
        return json.load(reply)
