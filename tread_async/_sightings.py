"""What a list of accounts says about a write to one of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import structs

from tread_async.models import Account
from tread_async.secret import Secret

__all__ = ["Archived", "Created", "Sighting", "Updated"]

_CLOCKS_DIFFER_S: Final = 120.0
_SURELY_S: Final = 3600.0  # apart no two clocks of one server are


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What one listing shows.

    Attributes:
        account: The account as the write would leave it.
        conflict: Why the write cannot have been applied, nor will be.
        absent: What is missing; the write may still arrive.
        note: What is seen and does not settle it.
        alone: Whether no other account that is listed may be the one.
    """

    account: Account | None = None
    alone: bool = True
    conflict: str = ""
    absent: str = ""
    note: str = ""


class Created:
    """An account of that name, exchange and key, made since the write began."""

    def __init__(self, name: str, exchange: str, api_key: Secret) -> None:
        self._name = name
        self._exchange = exchange.casefold()
        self._api_key = api_key

    def shown(self, account: Account) -> str:
        """Its id."""
        return account.id

    def seen_in(self, accounts: Iterable[Account], began_s: float | None, *, acknowledged: bool) -> Sighting:
        """*began_s* is the server's time, in seconds since the epoch; ``None`` where it is not known."""
        accounts = tuple(accounts)
        held = [account for account in accounts if account.name == self._name and not account.archived]
        name = f"an account {self._name!r}"
        if not held:
            if all(_is_older(account, began_s) for account in accounts if self._may_be_ours(account)):
                return Sighting(absent=f"no account {self._name!r} is listed")
            said = f"no account {self._name!r} is listed; one that was archived or renamed since may be it"
            return Sighting(note=said)
        young = [account for account in held if not _is_older(account, began_s)]
        if acknowledged and not young:  # somebody has it, and the server has said that it is ours
            young = held
        if not young:
            surely = all(_is_older(account, began_s, _SURELY_S) for account in held)
            said = f"{name} was there before"
            return Sighting(conflict=said) if surely else Sighting(note=f"{said}, by clocks that may differ")
        if len(young) > 1:
            return Sighting(note=f"{len(young)} accounts {self._name!r} are listed")
        others = [one for one in accounts if one is not young[0] and self._may_be_ours(one)]
        alone = all(_is_older(one, began_s) for one in others)
        return structs.replace(self._judged(young[0], began_s, acknowledged=acknowledged), alone=alone)

    def _judged(self, account: Account, began_s: float | None, *, acknowledged: bool) -> Sighting:
        name = f"an account {self._name!r}"
        if account.exchange.casefold() != self._exchange:
            return Sighting(note=f"{name} is listed on {account.exchange!r}")
        if acknowledged:
            return Sighting(account=account)
        if not self._has_key(account):
            return Sighting(note=f"{name} is listed, but not with the same API key")
        if _is_older(account, began_s) is None:
            return Sighting(note=f"{name} is listed, but not whether it was there before")
        return Sighting(account=account)

    def _may_be_ours(self, account: Account) -> bool:
        """Archiving renames, and an exchange or a key may be listed in another spelling."""
        return account.archived is not False or self._has_key(account)

    def _has_key(self, account: Account) -> bool:
        return account.api_key is not None and Secret(account.api_key) == self._api_key


class Archived:
    """The account of that id, archived."""

    def __init__(self, account_id: str) -> None:
        self._id = account_id

    def shown(self, account: Account) -> str:
        """Its new name."""
        return account.name

    def seen_in(self, accounts: Iterable[Account], began_s: float | None, *, acknowledged: bool) -> Sighting:
        for account in accounts:
            if account.id == self._id:
                if account.archived:
                    return Sighting(account=account)
                return Sighting(absent=f"the account {self._id} is listed, and not as archived")
        return Sighting(note=f"the account {self._id} is not listed at all")


class Updated:
    """The account of that id, with that margin mode."""

    def __init__(self, account_id: str, margin_mode: str) -> None:
        self._id = account_id
        self._margin_mode = margin_mode

    def shown(self, account: Account) -> str | None:
        """Its margin mode."""
        return account.margin_mode

    def seen_in(self, accounts: Iterable[Account], began_s: float | None, *, acknowledged: bool) -> Sighting:
        for account in accounts:
            if account.id == self._id and account.margin_mode == self._margin_mode:
                return Sighting(account=account)
        # It may have been set, and set otherwise since: that it differs proves nothing, ever.
        return Sighting()


def _is_older(account: Account, began_s: float | None, apart_s: float = _CLOCKS_DIFFER_S) -> bool | None:
    """Whether it was made before; ``None`` where one of the two times is not known."""
    created = account.created
    if created is None or began_s is None:
        return None
    return created.timestamp() < began_s - apart_s
