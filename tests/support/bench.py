"""Calls over a real transport, whose waits are written down and take no time; and requests to make."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from tests.support.passing import pass_for
from tests.support.samples import PAIR
from tests.support.wire import TOKEN, Wire
from tread_async import RetryPolicy, Secret
from tread_async._budget import RetryBudget
from tread_async._calls import Calls
from tread_async._codec import requests
from tread_async._gates import Share
from tread_async._identity import Identity
from tread_async._rates import Registry
from tread_async._slots import Slots
from tread_async._transport import Transport

LIST = requests.accounts(include_archived=False)
LEVERAGE = requests.set_leverage(leverage="5", pair=PAIR, account_ids=["id-1"])
UPDATE = requests.update_account(account_id="id-1", fields={"margin_mode": "CROSS"})
CREATE = requests.create_account(
    name="new",
    exchange="Gate",
    api_key=Secret("canary-k"),
    api_secret=Secret("canary-s"),
    password=None,
    extra={},
)


class Bench:
    """Calls over a real transport, whose waits are written down and take no time.

    The clock is the loop's, put forward by each wait. `use` comes first.
    """

    def __init__(self, wire: Wire) -> None:
        self.identity = Identity(TOKEN, "Token")
        self.waits: list[float] = []
        registry = Registry(lambda: self.now())
        share = Share(registry, wire.url, Secret(TOKEN), slots=Slots(4), most=4, requests_per_s=None)
        self._lane = share.lane
        self.transport = Transport(wire.url, self.identity, share=share, headers={}, proxy=None, ssl=None)

    def use(
        self, policy: RetryPolicy | None, chances: Sequence[float], budget: RetryBudget | None = None
    ) -> None:
        """From now on these hold; *chances* are drawn in turn, from the first again after the last."""
        draws = itertools.cycle(chances)
        self.calls = Calls(
            self.transport,
            self.identity,
            clock=self.now,
            retry=policy,
            deadline_s=None,
            sleep=self.sleep,
            budget=budget,
            chance=lambda: next(draws),
        )

    def now(self) -> float:
        return asyncio.get_running_loop().time() + sum(self.waits)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        pass_for(self._lane, seconds)

    async def run(self, request: Any, deadline_s: float | None = None) -> Any:
        return await self.calls.run(request, self.calls.deadline(request.endpoint.name, deadline_s))
