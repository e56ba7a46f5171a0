"""An opened manager: its lines, and the parts that work on them."""

from __future__ import annotations

import functools
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Final

from tread_async._codec.arguments import flag
from tread_async._fleet.lines import Line, Tally
from tread_async._fleet.orders import Orders
from tread_async._fleet.reads import Reads
from tread_async._fleet.writes import Manner, Progress, Writes
from tread_async._identity import Credential
from tread_async._intents import Intents
from tread_async._pacing import Pace
from tread_async._slots import Slots
from tread_async._stats import ClientStats
from tread_async._together import shielded, together
from tread_async._wiring import Wiring
from tread_async.errors import ClientClosedError, TreadError, UsageError
from tread_async.keys import AccountKey
from tread_async.listing import Listing
from tread_async.models import Account

if TYPE_CHECKING:
    from tread_async._calls import Calls

__all__ = ["Fleet"]

_LAND_WITHIN_S: Final = 0.05


class Fleet(Reads):
    """What reads, and what writes."""

    def __init__(
        self, wiring: Wiring, credentials: Mapping[str, Credential], most: int, most_per_token: int
    ) -> None:
        self._wiring = wiring
        self._slots = Slots(most)
        self._most_per_token = most_per_token
        self._closed = False
        self._intents = Intents()
        pace = Pace()
        lines = {
            name: Line(name, functools.partial(self._opened, name, credential), pace)
            for name, credential in credentials.items()
        }
        super().__init__(lines, wiring.base_url, pace, wiring.deadline_s, wiring.tell)
        self.writes = Writes(self.lines, self.directory, self._intents)
        self.orders = Orders(self.directory, self.snapshots)

    def _opened(self, name: str, credential: Credential) -> Calls:
        if self._closed:  # by a call that was about to use the line for the first time
            raise ClientClosedError("the manager was closed during the call")
        share = self._wiring.share(credential, self._slots, self._most_per_token)
        return self._wiring.calls(credential, share, name=name, intents=self._intents, pace=self.pace)

    def stats(self) -> dict[str, ClientStats]:
        return {line.name: line.opened.stats() for line in self.lines.values() if line.opened is not None}

    def manner(
        self,
        endpoint: str,
        verify: bool,
        dry_run: bool,
        on_progress: Progress | None,
        deadline_s: float | None,
        *,
        forgiving: bool = False,
    ) -> Manner:
        """How an order is to be carried out, checked."""
        if on_progress is not None and not callable(on_progress):
            raise UsageError("on_progress is a function of an account's key and its outcome")
        return Manner(
            deadline=self.deadline(endpoint, deadline_s),
            verify=flag(verify, "verify"),
            dry_run=flag(dry_run, "dry_run"),
            on_progress=on_progress,
            forgiving=forgiving,
        )

    async def listing(self, refresh: bool, deadline: float) -> Listing:
        """Every account of every line."""
        unlisted = await self.directory.know(self.lines, deadline, Tally(), anew=refresh, share=1.0)
        return await self.pace.through(self._listing(unlisted))

    def _listing(self, unlisted: Mapping[str, TreadError]) -> Generator[None, None, Listing]:
        accounts: dict[AccountKey, Account] = {}
        for line in self.lines.values():
            if line.listed is not None and line.name not in unlisted:
                yield
                accounts.update(
                    {line.listed.keys[name]: found for name, found in line.listed.accounts.items()}
                )
        return Listing(accounts=accounts, unlisted=unlisted)

    async def close(self) -> None:
        """Ends every call and closes every connection."""
        self._closed = True
        closed = ClientClosedError("the manager was closed")
        opened = [line.opened for line in self.lines.values() if line.opened is not None]
        with shielded():
            try:
                await self.end_polling(closed)
            finally:  # also for who is cancelled meanwhile
                if opened:
                    await together([calls.close for calls in opened])
                await self.flights.land(_LAND_WITHIN_S)
