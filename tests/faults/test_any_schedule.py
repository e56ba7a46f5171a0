"""Any calls, faults, cancellations and a close: what each caller hears is held against the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.samples import FAST, NOON, PAIR, create
from tread_async import ClientClosedError, OutcomeUnknownError, TreadClient, TreadError
from tread_async.simulator import Simulator
from tread_async.simulator.journal import Change, Request

AT_ONCE: Final = 2
POLICY: Final = msgspec.structs.replace(FAST, attempts=2, attempt_timeout_s=0.012, base_s=0.004, cap_s=0.004)
ENDPOINTS: Final = ["create_account", "archive_account", "update_account", "set_leverage", "accounts"]
LISTED: Final = 8


@dataclass(frozen=True)
class Planned:
    """One call.

    Attributes:
        number: Of all calls; the account that it archives, makes or updates is its own, as is its leverage.
        shared: The account of which it sets the leverage, as others do too.
        gap_s: Before it begins.
        gives_up_s: After which it is cancelled.
    """

    number: int
    endpoint: str
    shared: int
    gap_s: float
    gives_up_s: float | None

    @property
    def name(self) -> str:
        return f"new-{self.number}" if self.endpoint == "create_account" else f"own-{self.number}"

    def begin(self, client: TreadClient, sim: Simulator) -> Awaitable[Any]:
        if self.endpoint == "create_account":
            return create(client, name=self.name)
        if self.endpoint == "archive_account":
            return client.archive_account(self.name)
        if self.endpoint == "accounts":
            return client.accounts()
        if self.endpoint == "update_account":
            return client.update_account(sim.accounts()[self.number].id, margin_mode="ISOLATED")
        shared = sim.accounts()[LISTED + self.shared].id
        return client.set_leverage(self.number + 1, pair=PAIR, account_ids=[shared])

    def made(self, change: Change) -> bool:
        """Whether *change* is of this call."""
        if change.kind == "leverage":
            return self.endpoint == "set_leverage" and change.detail["leverage"] == str(self.number + 1)
        return self.endpoint == f"{change.kind}_account" and change.name == self.name

    def sent(self, request: Request) -> bool:
        """Whether *request* is the one that this call, which acts, may send once."""
        body = request.body if isinstance(request.body, dict) else {}
        return request.endpoint == self.endpoint and body.get("name") == self.name


EFFECTS: Final[list[dict[str, Any]]] = [
    *({"status": status, "apply": apply} for status in (500, 503) for apply in ("none", "all")),
    *({"status": status} for status in (400, 422, 429, 302)),
    {"drop": "before"}, {"drop": "after"}, {"truncate_bytes": 3}, {"body": b"<html>"},
    {"delay_s": 0.002}, {"delay_s": 0.02, "times": 2},
]  # fmt: skip


GAPS: Final = st.sampled_from([0.0, 0.0, 0.001, 0.003])
PATIENCE: Final = st.sampled_from([None, None, None, None, 0.0, 0.002])


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Planned], list[dict[str, Any]]]:
    """Calls of a few kinds, and faults of their endpoints: with all kinds in each, few would ever meet."""
    kinds = draw(st.lists(st.sampled_from(ENDPOINTS), min_size=1, max_size=3, unique=True))
    kind = st.sampled_from(kinds)
    plan = [
        Planned(number, draw(kind), draw(st.integers(0, 1)), draw(GAPS), draw(PATIENCE))
        for number in range(draw(st.integers(1, LISTED)))
    ]
    return plan, [draw(faults(kind)) for _ in range(draw(st.integers(0, 4)))]


@st.composite
def faults(draw: st.DrawFn, kind: st.SearchStrategy[str]) -> dict[str, Any]:
    fault = {"endpoint": draw(kind), "times": draw(st.sampled_from([1, 2, None]))}
    fault |= draw(st.sampled_from(EFFECTS))
    if fault["endpoint"] == "accounts":  # nothing is applied by a read
        fault.pop("apply", None)
    return fault


async def run(planned: Planned, client: TreadClient, sim: Simulator, order: list[int]) -> Any:
    """What the caller of *planned* gets or catches."""
    await asyncio.sleep(planned.gap_s)
    order.append(planned.number)
    try:
        async with asyncio.timeout(planned.gives_up_s):
            return await planned.begin(client, sim)
    except (TreadError, TimeoutError) as error:
        return error


def judge(planned: Planned, ended: Any, sim: Simulator) -> None:
    """Holds what one caller heard against the journal."""
    changes = [change for change in sim.journal.changes if planned.made(change)]
    if planned.endpoint in ("create_account", "archive_account"):
        assert len(changes) <= 1
        assert sum(map(planned.sent, sim.journal.requests)) <= 1
    if isinstance(ended, TimeoutError):
        assert planned.gives_up_s is not None
    elif isinstance(ended, TreadError):
        assert isinstance(ended, OutcomeUnknownError) or not changes, f"applied, and denied: {ended}"
    else:
        assert changes or planned.endpoint == "accounts", f"said to be applied, and never was: {planned}"


def newest_wins(plan: list[Planned], sim: Simulator, order: list[int]) -> None:
    """No value of an older call in *plan* was set after that of a newer one of the same account."""
    for account in sim.accounts()[LISTED : LISTED + 2]:
        changes = [one for one in sim.journal.changes if one.account_id == account.id]
        makers = [one.number for change in changes for one in plan if one.made(change)]
        assert makers == sorted(makers, key=order.index), f"{account.name}: {makers} of {order}"


@pytest.mark.fault("I1", "I2", "I7", "I11", "I12")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), closes_s=st.sampled_from([None, None, 0.002]))
async def test_any_schedule(case: tuple[list[Planned], list[dict[str, Any]]], closes_s: float | None) -> None:
    """At most once, honest, the newest last, and nothing left behind, whatever happens."""
    names = [f"own-{number}" for number in range(LISTED)] + ["shared-0", "shared-1"]
    (plan, wrong), order = case, list[int]()
    async with Simulator(accounts=names, assets=0, clock=lambda: NOON) as sim:
        for fault in wrong:
            sim.fail(**fault)
        async with TreadClient(
            sim.tokens[0], base_url=sim.url, retry=POLICY, max_in_flight=AT_ONCE
        ) as client:
            calls = [asyncio.create_task(run(planned, client, sim, order)) for planned in plan]
            if closes_s is not None:
                await asyncio.sleep(closes_s)
                await client.close()
            ended = await asyncio.gather(*calls)
            assert client._calls is not None
            free = client._calls._transport._lane._free
            held = client._calls._intents._held
        await asyncio.sleep(0.001)

        assert (free, held) == (AT_ONCE, {})
        for planned, end in zip(plan, ended, strict=True):
            judge(planned, end, sim)
            assert closes_s is not None or not isinstance(end, ClientClosedError)
        left = (TimeoutError, ClientClosedError)  # what these sent may be read in any order
        stayed = [one for one, end in zip(plan, ended, strict=True) if not isinstance(end, left)]
        newest_wins(stayed, sim, order)
        assert len(sim.journal.requests) <= client.stats.requests_sent
