"""Watches the margin of every account, and lowers the leverage of a pair where it gets thin.

TREAD_API_TOKEN=... python examples/guard_bot.py ETH:PERP-USDT 3

It acts on what it knows and on nothing else: not on a snapshot that is incomplete, old, or from before its
own last write, and not on an account of which it does not know what came of its last write.
"""

import asyncio
import os
import sys
import time
from decimal import Decimal

from tread_async import (
    DEFAULT_BASE_URL,
    AccountKey,
    Balance,
    SessionManager,
    Snapshot,
    TreadError,
    Unknown,
    Update,
    rules,
)


class GuardBot:
    """Lowers the leverage of *pair* to *leverage* where the margin ratio is above *limit*."""

    def __init__(
        self, desk: SessionManager, pair: str, leverage: int, *, limit: str = "0.5", max_age_s: float = 30.0
    ) -> None:
        self.said: list[str] = []
        self.unsettled: set[AccountKey] = set()
        self._desk = desk
        self._pair = pair
        self._leverage = leverage
        self._thin = rules.margin_ratio_above(limit)
        self._max_age_s = max_age_s
        self._in_danger: set[AccountKey] = set()
        self._acted_at = 0.0

    async def run(self, *, interval_s: float = 5.0, rounds: int | None = None) -> None:
        """Polls for ever, or for so many rounds. Raises `AuthError` when the token is refused."""
        watch = self._desk.watch(interval_s=interval_s, max_age_s=self._max_age_s, rules=[self._thin])
        async with watch as updates:
            async for update in updates:
                await self.act(update)
                if update.round == rounds:
                    return

    async def act(self, update: Update) -> None:
        """One round: who is in danger, and what is to be done about it."""
        for event in update.events:
            (self._in_danger.add if event.raised else self._in_danger.discard)(event.account)
        if not update.snapshot.complete:
            self.say(f"not acting: {update.snapshot!r}")
            return
        if update.started_at < self._acted_at:  # read before the last write, which it does not show
            return
        await self.settle()
        settled = sorted(self._in_danger - self.unsettled)
        if too_high := [key for key in settled if self.is_high(update.snapshot, key)]:
            await self.lower(too_high)

    def is_high(self, snapshot: Snapshot, key: AccountKey) -> bool:
        """Whether the account has a position of the pair with a higher leverage, or with an unknown one."""
        return any(seen is None or seen > self._leverage for seen in self.leverages(snapshot.ok[key]))

    def leverages(self, balance: Balance) -> list[Decimal | None]:
        return [row.leverage for row in balance.positions if row.symbol == self._pair]

    async def lower(self, accounts: list[AccountKey]) -> None:
        report = await self._desk.set_leverage(self._leverage, pair=self._pair, accounts=accounts)
        self._acted_at = time.time()
        for key, outcome in report.outcomes.items():
            self.say(f"{key}: {type(outcome).__name__}")
            if isinstance(outcome, Unknown):
                self.unsettled.add(key)

    async def settle(self) -> None:
        """Asks the exchange what became of writes whose outcome is unknown. What cannot be read stays so."""
        for key in sorted(self.unsettled):
            try:
                balance = await self._desk.balance(key)
            except TreadError as error:
                self.say(f"{key}: still unknown: {error}")
            else:
                self.unsettled.discard(key)
                self.say(f"{key}: has {', '.join(map(str, self.leverages(balance)))}")

    def say(self, line: str) -> None:
        self.said.append(line)
        print(line)


async def main(pair: str, leverage: int) -> None:
    base_url = os.environ.get("TREAD_BASE_URL", DEFAULT_BASE_URL)
    async with SessionManager({"desk": os.environ["TREAD_API_TOKEN"]}, base_url=base_url) as desk:
        await GuardBot(desk, pair, leverage).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
