"""A simulator, a client and a manager on a loop of their own, and what they said of each write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from tests.support.samples import PAIR
from tread_async import (
    AccountKey,
    Applied,
    ClientClosedError,
    NotApplied,
    OutcomeUnknownError,
    RetryPolicy,
    SessionManager,
    TreadClient,
    TreadError,
)
from tread_async.simulator import Simulator
from tread_async.simulator.journal import Change

__all__ = ["Claim", "World"]

HURRIED: Final = RetryPolicy(
    attempts=3,
    attempt_timeout_s=0.06,
    base_s=0.001,
    refused_base_s=0.001,
    throttled_base_s=0.001,
    cap_s=0.001,
)
UNSAID: Final = "unsaid"  # its caller was cancelled, so that nobody was told


@dataclass
class Claim:
    """What a call said of a change it asked for: ``applied``, ``not applied``, ``unknown``, or nothing.

    ``first`` and ``last`` are the numbers of the requests that arrived during the call, ``client`` that of
    the client that was asked.
    """

    kind: str
    account_id: str | None
    wanted: dict[str, Any]
    said: str
    first: int
    last: int
    error: OutcomeUnknownError | None = None
    found: str | None = None
    client: int = 0

    def made(self, changes: list[Change]) -> list[Change]:
        """Those of *changes* that the requests of this call have made."""
        return [
            change
            for change in changes
            if self.first <= change.request <= self.last
            and change.kind == self.kind
            and self.account_id in (None, change.account_id)
            and all(change.detail.get(name) == value for name, value in self.wanted.items())
        ]


class World:
    """Everything a state machine needs. `close` at the end."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.sim = Simulator(seed=11, accounts=3, assets=2)
        self.claims: list[Claim] = []
        self.names = 0
        self.clients = 0
        self._patch = patch("tread_async._lifecycle._LISTED_AFTER_S", (0.0, 0.001, 0.001))
        self._patch.start()
        self.run(self.sim.__aenter__())
        self.open()

    def run(self, what: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await what

        return self.runner.run(awaited())

    def open(self) -> None:
        self.clients += 1
        self.client = TreadClient(self.sim.tokens[0], base_url=self.sim.url, retry=HURRIED)
        self.manager = SessionManager({"a": self.sim.tokens[0]}, base_url=self.sim.url, retry=HURRIED)
        self.run(self.client.__aenter__())
        self.run(self.manager.__aenter__())

    def shut(self) -> None:
        self.run(self.client.close())
        self.run(self.manager.close())

    def close(self) -> None:
        try:
            self.shut()
            self.run(self.sim.settle())
            self.run(self.sim.__aexit__())
        finally:
            self._patch.stop()
            self.runner.close()

    def live(self) -> list[Any]:
        return [account for account in self.sim.accounts() if not account.archived]

    def ask(
        self, claim: Claim, what: Awaitable[Any], *, ticks: int | None = None, closes: bool = False
    ) -> Any:
        """Awaits *what*, cancelled or closed after so many ticks, and notes what it said in *claim*."""
        claim.first, claim.client = len(self.sim.journal.requests) + 1, self.clients
        try:
            answer = self.run(self._ended(what, ticks, closes))
            claim.said = "applied"
            claim.found = getattr(answer, "id", None)
        except OutcomeUnknownError as error:
            claim.said, claim.error = "unknown", error
            answer = None
        except TreadError:
            claim.said, answer = "not applied", None
        except asyncio.CancelledError:
            claim.said, answer = UNSAID, None
        claim.last = self._settled()
        self.claims.append(claim)
        return answer

    def ask_for_many(self, claims: dict[AccountKey, Claim], what: Awaitable[Any]) -> None:
        """The same for a report about many accounts."""
        first = len(self.sim.journal.requests) + 1
        try:
            report = self.run(what)
        except ClientClosedError as error:
            report = error.report
        last = self._settled()
        assert list(report.outcomes) == list(claims)
        for key, claim in claims.items():
            outcome = report.outcomes[key]
            claim.first, claim.last = first, last
            claim.said = {Applied: "applied", NotApplied: "not applied"}.get(type(outcome), "unknown")
        self.claims += claims.values()

    async def _ended(self, what: Awaitable[Any], ticks: int | None, closes: bool) -> Any:
        task = asyncio.ensure_future(what)
        if ticks is not None:
            for _ in range(ticks):
                await asyncio.sleep(0)
            if closes:
                await self.client.close()
            else:
                task.cancel()
        return await task

    def _settled(self) -> int:
        """The number of the last request, when those that were on their way have arrived."""
        self.run(asyncio.sleep(0.002))
        return len(self.sim.journal.requests)

    def leverage(self, account_id: str) -> str | None:
        return next(one.leverage.get(PAIR) for one in self.sim.accounts() if one.id == account_id)
