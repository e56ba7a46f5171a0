"""What became of each account that was asked about, and all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Final, TypeAlias

import msgspec

from tread_async.balance import Balance, Source
from tread_async.errors import IncompleteSnapshotError, TreadError
from tread_async.keys import AccountKey
from tread_async.models import CachedAccount

__all__ = ["Failed", "Missing", "Ok", "Outcome", "Snapshot", "Stale"]

# A sum of a million amounts has at most 150 digits, whatever context the caller has set.
_EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])


class _Valued(msgspec.Struct, frozen=True, gc=False):
    value: Balance

    @property
    def source(self) -> Source:
        """``live`` or ``cached``."""
        return self.value.source

    @property
    def as_of(self) -> datetime | None:
        """When the server read it from the exchange, by the server's clock."""
        return self.value.as_of

    @property
    def age_s(self) -> float | None:
        """Seconds from `as_of` until the answer was put together."""
        return self.value.age_s


class Ok(_Valued, frozen=True, gc=False):
    """The account was read; ``value`` is its `Balance`."""


class Stale(_Valued, frozen=True, gc=False):
    """A `Balance`, in ``value``, older than ``max_age_s``, or of an age that the server did not state."""


class Failed(msgspec.Struct, frozen=True):
    """The account could not be read.

    Attributes:
        error: Why: what `TreadClient` would raise, or `AccountError` where the server names this account
            among those that it could not read.
        last: The newest balance read before, where a watch has one.
    """

    error: TreadError
    last: Stale | None = None


class Missing(msgspec.Struct, frozen=True, gc=False):
    """The account was asked for, and a complete answer did not have it."""


Outcome: TypeAlias = Ok | Stale | Failed | Missing
"""What became of one account that was asked about."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What all accounts hold, as far as it is known. Made by `SessionManager.balances`.

    Attributes:
        outcomes: One for each account asked for, in the order asked; none of unlisted credentials.
        unexpected: Accounts in an answer that nobody asked for.
        duplicates: Accounts that an answer had more than once. One whose copies differ is `Failed`.
        errors: What the cached call said of accounts and could not be matched to one, by credential, as
            it was sent, with every text made safe to show.
        unlisted: Credentials whose accounts could not be listed, so that it is not known which there are.
        requests_sent: Requests for this snapshot, repeats and listings included.
        of_all: Whether every account of every token was asked for, rather than some.
    """

    outcomes: Mapping[AccountKey, Outcome]
    unexpected: tuple[AccountKey, ...] = ()
    duplicates: tuple[AccountKey, ...] = ()
    errors: Mapping[str, tuple[Any, ...]] = {}
    unlisted: Mapping[str, TreadError] = {}
    requests_sent: int = 0
    of_all: bool = False

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        unlisted = f", {len(self.unlisted)} credentials unlisted" if self.unlisted else ""
        return f"<Snapshot {counts or 'of no account'}{unlisted}>"

    @property
    def counts(self) -> dict[str, int]:
        """How many accounts are ``ok``, ``stale``, ``failed`` and ``missing``."""
        counted = Counter(type(outcome) for outcome in self.outcomes.values())
        return {kind.__name__.lower(): counted[kind] for kind in (Ok, Stale, Failed, Missing)}

    @property
    def complete(self) -> bool:
        """Whether every account is `Ok`, and nothing says that there is more to know.

        That would be an unlisted credential, an error of the cached call that may be about any account,
        and, where all were asked for, an unexpected account.
        """
        if self.unlisted or self.errors or (self.of_all and self.unexpected):
            return False
        return all(type(outcome) is Ok for outcome in self.outcomes.values())

    @property
    def ok(self) -> dict[AccountKey, Balance]:
        """The balances of the accounts that are `Ok`."""
        return {key: outcome.value for key, outcome in self.outcomes.items() if isinstance(outcome, Ok)}

    def total_equity(self, *, allow_partial: bool = False) -> Decimal:
        """The exact sum of the equities, in the currency in which the server states them.

        Live answers state none: read ``cached``.

        Args:
            allow_partial: Sum what is known, and leave out what is not.

        Raises:
            IncompleteSnapshotError: as `total`.
        """
        return self.total(_equity, what="equity", allow_partial=allow_partial)

    def total(
        self,
        figure: Callable[[Balance], Decimal | None],
        *,
        what: str = "figure",
        allow_partial: bool = False,
    ) -> Decimal:
        """The exact sum of *figure* over all accounts, of one that stands under two credentials once.

        Args:
            figure: Of one balance; ``None`` where it is not known.
            what: Its name, for the error.
            allow_partial: Sum what is known, and leave out what is not.

        Raises:
            IncompleteSnapshotError: an account is not `Ok`, a credential is not listed, or a balance does
                not have the figure.
        """
        figures = [figure(balance) for balance in _each_once(self.ok.values())]
        known = [amount for amount in figures if amount is not None]
        if not allow_partial and (not self.complete or len(known) < len(figures)):
            raise IncompleteSnapshotError(self._why_no_total(what, len(figures) - len(known)))
        total = Decimal(0)
        for amount in known:
            total = _EXACT.add(total, amount)
        return total

    def _why_no_total(self, what: str, silent: int) -> str:
        counts = self.counts
        parts = [f"{counts[name]} {name}" for name in ("failed", "missing", "stale") if counts[name]]
        parts += [f"{silent} do not state their {what}"] if silent else []
        parts += [f"{len(self.unlisted)} credentials could not be listed"] if self.unlisted else []
        parts += [f"{len(self.unexpected)} more are new"] if self.of_all and self.unexpected else []
        parts += ["the server speaks of errors, see errors"] if self.errors else []
        live = any(isinstance(outcome, Ok) and outcome.source == "live" for outcome in self.outcomes.values())
        hint = "; live answers state no equity, read source='cached'" if silent and live else ""
        return (
            f"no total {what}: of {len(self.outcomes)} accounts {', '.join(parts)}{hint}. "
            "allow_partial=True sums what is known"
        )


def _each_once(balances: Iterable[Balance]) -> Iterator[Balance]:
    """Without those whose account is that of one before, as far as cached answers tell by their ids."""
    seen: set[str] = set()
    for balance in balances:
        if isinstance(balance.wire, CachedAccount):
            if balance.wire.account_id in seen:
                continue
            seen.add(balance.wire.account_id)
        yield balance


def _equity(balance: Balance) -> Decimal | None:
    return balance.equity
