"""What can be written to many accounts, and how each is read back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tread_async._codec import requests
from tread_async._fleet.directory import Directory
from tread_async._fleet.lines import Tally
from tread_async._fleet.planning import WishedFor, entries
from tread_async._fleet.snapshots import How, Snapshots
from tread_async._fleet.verifying import leverages_seen
from tread_async._fleet.writes import Order, Seen
from tread_async._intents import Key
from tread_async.keys import AccountKey
from tread_async.outcomes import Snapshot
from tread_async.plans import LeveragePlan

__all__ = ["Orders"]


class Orders:
    """Makes the orders of one fleet."""

    def __init__(self, directory: Directory, snapshots: Snapshots) -> None:
        self._directory = directory
        self._snapshots = snapshots

    def leverage(self, leverage: str, pair: str, *, batch: int) -> Order:
        """Sets the leverage of *pair*; read back from live positions."""

        async def read_back(keys: list[AccountKey], deadline: float, tally: Tally) -> Seen:
            snapshot = await self._live(keys, deadline, tally)
            return {key: leverages_seen(balance, pair) for key, balance in snapshot.ok.items()}

        def intent_key(account_id: str) -> Key:
            return (pair, account_id)

        return Order(
            endpoint="set_leverage",
            request=lambda ids: requests.set_leverage(leverage=leverage, pair=pair, account_ids=ids),
            intent_key=intent_key,
            wanted=Decimal(leverage),
            read_back=read_back,
            batch=batch,
        )

    def margin_mode(self, mode: str) -> Order:
        """Sets the margin mode; read back from the list of accounts."""

        async def read_back(keys: list[AccountKey], deadline: float, tally: Tally) -> Seen:
            credentials = {key.credential for key in keys}
            unlisted = await self._directory.know(credentials, deadline, tally, anew=True)
            modes = {key: self._directory.account(key) for key in keys if key.credential not in unlisted}
            seen = {key: account.margin_mode for key, account in modes.items() if account is not None}
            return {key: [one] for key, one in seen.items() if one is not None}

        return Order(
            endpoint="update_account",
            request=lambda ids: requests.update_account(account_id=ids[0], fields={"margin_mode": mode}),
            intent_key=lambda account_id: ("account", account_id),
            wanted=mode,
            read_back=read_back,
            batch=1,
        )

    async def plan(self, wishes: list[WishedFor], max_age_s: float, deadline: float) -> LeveragePlan:
        """Reads the positions behind *wishes*, and says what would have to change."""
        tally = Tally()
        resolved = [
            (pair, (await self._directory.resolve([account], deadline, tally))[0], wanted)
            for pair, account, wanted in wishes
        ]
        keys = list(dict.fromkeys(key for _, key, _ in resolved))
        snapshot = await self._live(keys, deadline, tally)
        return LeveragePlan(
            entries=entries(resolved, snapshot.outcomes),
            made_at=datetime.now(UTC),
            max_age_s=max_age_s,
            requests_sent=tally.requests_sent,
        )

    async def _live(self, keys: list[AccountKey], deadline: float, tally: Tally) -> Snapshot:
        snapshot = await self._snapshots.take(keys, How("live", None, 1.0, deadline))
        tally.requests_sent += snapshot.requests_sent
        return snapshot
