"""``tread accounts list``: which accounts there are."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from tread_async._exports.json_text import errors_of
from tread_async.cli.connecting import Connection
from tread_async.cli.ending import code_of_writes, ended
from tread_async.cli.filters import exchange_problem
from tread_async.cli.forms import Forms
from tread_async.cli.machine import NO_ERROR, key_fields, unlisted_records
from tread_async.cli.sheets import Sheet, shown
from tread_async.cli.shortfalls import say_unlisted
from tread_async.errors import UsageError
from tread_async.keys import AccountKey
from tread_async.listing import Listing
from tread_async.models import Account

__all__ = ["ACCOUNT_FIELDS", "Which", "account_fields", "is_called", "run"]

ACCOUNT_FIELDS: Final = ("account_id", "exchange", "margin_mode", "created_at", "archived")
_COMMAND: Final = "accounts list"
_COLUMNS: Final = ("credential", "account", "state", *NO_ERROR, *ACCOUNT_FIELDS)
_HEADS: Final = (
    "account", "exchange", "margin_mode", "account_id", "created_at", "state", "why",
)  # fmt: skip


class Which(NamedTuple):
    """Which accounts of the list are wanted.

    Attributes:
        accounts: Names, ``credential/name`` or ids; empty for all.
    """

    accounts: tuple[str, ...] = ()
    exchange: str | None = None

    def of(self, listing: Listing) -> dict[AccountKey, Account]:
        """Those that are wanted. Raises `UsageError` for an account or exchange that surely is not there."""
        found = listing.accounts
        for text in self.accounts:
            if not listing.unlisted and not any(is_called(text, *item) for item in found.items()):
                raise UsageError(f"there is no account {text!r}")
        if self.exchange is not None and found and not listing.unlisted:
            problem = exchange_problem(self.exchange, [account.exchange for account in found.values()])
            if problem is not None:
                raise UsageError(problem)
        return {key: account for key, account in found.items() if self._fits(key, account)}

    def _fits(self, key: AccountKey, account: Account) -> bool:
        if self.exchange is not None and account.exchange.casefold() != self.exchange.casefold():
            return False
        return not self.accounts or any(is_called(text, key, account) for text in self.accounts)


def is_called(text: str, key: AccountKey, account: Account) -> bool:
    return text in (str(key), key.name, account.id)


def account_fields(account: Account) -> dict[str, Any]:
    """What is shown of an account: nothing of its keys."""
    return {
        "account_id": account.id,
        "exchange": account.exchange,
        "margin_mode": account.margin_mode,
        "created_at": account.created_at,
        "archived": account.archived,
    }


async def run(which: Which, forms: Forms, connection: Connection) -> int:
    """Lists the accounts, and returns the exit code."""
    return await ended(_COMMAND, _list(which, forms, connection))


async def _list(which: Which, forms: Forms, connection: Connection) -> int:
    form = forms.one
    async with connection.desk() as desk:
        listing = await desk.accounts()
    found = which.of(listing)
    say_unlisted(_COMMAND, listing.unlisted)
    await shown(_sheet(found, listing), form)
    return 0 if not listing.unlisted else 3 if listing.accounts else code_of_writes((), listing.unlisted)


def _sheet(found: dict[AccountKey, Account], listing: Listing) -> Sheet:
    records = [
        {**key_fields(key), "state": "ok", **NO_ERROR, **account_fields(account)}
        for key, account in found.items()
    ]
    records += unlisted_records(errors_of(listing.unlisted), _COLUMNS, "state")
    document = {
        "complete": listing.complete,
        "accounts": {str(key): account_fields(account) for key, account in found.items()},
        "unlisted": errors_of(listing.unlisted),
    }
    counted = f"{len(found)} {'account' if len(found) == 1 else 'accounts'}"
    if not found and listing.unlisted:
        counted = "accounts not known"
    troubles = [f"{name} could not be listed" for name in listing.unlisted]
    return Sheet(
        records=records,
        columns=_COLUMNS,
        document=document,
        heads=_HEADS,
        notes=["; ".join([counted, *troubles])],
    )
