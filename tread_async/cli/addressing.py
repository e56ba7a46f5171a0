"""To which accounts a command writes: those that are named, or all where that is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tread_async.cli.accounts import Which
from tread_async.errors import TreadError, UsageError
from tread_async.keys import AccountKey
from tread_async.manager import SessionManager

__all__ = ["Addressees"]


class Addressees(NamedTuple):
    """What ``--account``, ``--all`` and ``--exchange`` say."""

    accounts: tuple[str, ...] = ()
    all: bool = False
    exchange: str | None = None

    def check(self) -> None:
        """Raises `UsageError` where it is not clear who is meant: nothing ever means all but ``--all``."""
        if self.all == bool(self.accounts):
            raise UsageError("say either --account, which may be repeated, or --all; nothing was sent")
        if self.exchange is not None and not self.all:
            raise UsageError("--exchange goes with --all; nothing was sent")

    async def found(
        self, desk: SessionManager
    ) -> tuple[Sequence[AccountKey | str], Mapping[str, TreadError]]:
        """The accounts, and with ``--all`` the tokens whose accounts could not be listed."""
        if not self.all:
            return self.accounts, {}
        listing = await desk.accounts()
        try:
            found = list(Which(exchange=self.exchange).of(listing))
        except UsageError as error:
            raise UsageError(f"{error.message}; nothing was sent") from None
        if not found:
            nobody = UsageError("there is no such account; nothing was sent")
            raise next(iter(listing.unlisted.values()), nobody)
        return found, listing.unlisted
