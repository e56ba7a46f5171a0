"""The accounts of many tokens."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tread_async.errors import TreadError
from tread_async.keys import AccountKey
from tread_async.models import Account

__all__ = ["Listing"]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Which accounts there are.

    Attributes:
        accounts: Those that are not archived, by credential and in the server's order.
        unlisted: Credentials whose accounts could not be listed, so that none of them is here.
    """

    accounts: Mapping[AccountKey, Account]
    unlisted: Mapping[str, TreadError] = {}

    @property
    def complete(self) -> bool:
        """Whether every credential could be listed."""
        return not self.unlisted

    def __repr__(self) -> str:
        return f"<Listing {len(self.accounts)} accounts, {len(self.unlisted)} credentials unlisted>"
