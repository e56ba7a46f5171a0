"""What an assertion may name: what is misspelt fits nothing, and "nothing happened" would hold of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self, get_args

from tread_async.simulator import AccountRecord, Request, Simulator
from tread_async.simulator.faults import READS, WRITES
from tread_async.simulator.journal import ChangeKind

__all__ = ["Known"]

_ENDPOINTS: Final = sorted(READS | WRITES)
_KINDS: Final = sorted(get_args(ChangeKind))
_MOST_SHOWN: Final = 10
_PAIR: Final = re.compile(r"[^\s:]+:[A-Z0-9]+(-[A-Z0-9]+)+")
_ARCHIVED: Final = "_archived_"


@dataclass(frozen=True, slots=True)
class Known:
    """What a server has, and what requests have named.

    Attributes:
        accounts: For each user the names of each account by its id: with that from before it was archived.
        mentioned: For each user what else requests were about, such as an account that was not created.
        pairs: Of all positions.
    """

    accounts: tuple[Mapping[str, frozenset[str]], ...]
    mentioned: tuple[frozenset[str], ...]
    pairs: frozenset[str]

    @classmethod
    def of(cls, simulator: Simulator) -> Self:
        users = range(len(simulator.tokens))
        records = [simulator.accounts(user) for user in users]
        mentioned: list[set[str]] = [set() for _ in users]
        for request in simulator.journal.requests:
            if request.user is not None:
                mentioned[request.user].update(request.accounts)
        return cls(
            accounts=tuple([{one.id: _names(one) for one in of_user} for of_user in records]),
            mentioned=tuple(map(frozenset, mentioned)),
            pairs=frozenset(pair for of_user in records for one in of_user for pair in one.leverage),
        )

    def check_kind(self, kind: str | None) -> None:
        _check("kind", kind, _KINDS)

    def check_endpoint(self, endpoint: str | None) -> None:
        _check("endpoint", endpoint, _ENDPOINTS)

    def check_user(self, user: int | None) -> None:
        _check("user", user, range(len(self.accounts)))

    def check_account(self, account: str | None, user: int | None) -> None:
        """A name or an id, of *user* if one is given."""
        if account is None:
            return
        users = range(len(self.accounts)) if user is None else (user,)
        ids = {one for user in users for one in self.accounts[user]}
        names = {name for user in users for of_id in self.accounts[user].values() for name in of_id}
        if account not in ids | names.union(*[self.mentioned[user] for user in users]):
            raise ValueError(_unknown("account", account, sorted(names)))

    def check_pair(self, pair: str | None) -> None:
        """One without a position may be meant, but not one that differs by case alone from one that has."""
        if pair is None or pair in self.pairs:
            return
        if meant := [one for one in self.pairs if one.casefold() == pair.casefold()]:
            raise ValueError(_unknown("pair", pair, meant))
        if not _PAIR.fullmatch(pair):
            raise ValueError(f"{pair!r} is no pair: it is written as ETH:PERP-USDT")

    def is_about(self, request: Request, account: str) -> bool:
        """Whether *request* named *account*, which is a name or an id: the journal has names."""
        owners = [user for user, accounts in enumerate(self.accounts) if account in accounts]
        if not owners:
            return account in request.accounts
        if request.user not in owners:
            return False
        return not self.accounts[request.user][account].isdisjoint(request.accounts)


def _names(account: AccountRecord) -> frozenset[str]:
    before, archived, _ = account.name.rpartition(_ARCHIVED)
    return frozenset((account.name, before)) if account.archived and archived else frozenset((account.name,))


def _check(what: str, value: object, known: Iterable[object]) -> None:
    if value is not None and value not in known:
        raise ValueError(_unknown(what, value, known))


def _unknown(what: str, value: object, known: Iterable[object]) -> str:
    texts = [str(one) for one in known]
    more = f" and {len(texts) - _MOST_SHOWN} more" if len(texts) > _MOST_SHOWN else ""
    return f"there is no {what} {value!r}: there are {', '.join(texts[:_MOST_SHOWN]) or 'none'}{more}"
