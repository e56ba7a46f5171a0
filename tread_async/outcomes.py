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

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for each position and asset, and one for each account that has none of them.

        What is not known has a row too, without figures: an account that failed or is missing, a credential
        that could not be listed (``state`` is ``unlisted``), what the cached call said and nobody could be
        matched to (``error``), and an account that nobody asked for (``unexpected``). So a sum over rows
        whose ``state`` is not ``ok`` throughout is a sum of a part.

        Every row has every column, in this order; what does not apply or was not said is ``None``:

        * ``credential``, ``account``, ``state``; ``error`` (its type), ``status`` (of HTTP), ``message``
        * ``exchange``, ``source``, ``account_id``, ``as_of`` (UTC), ``age_s``, ``equity``: of the account,
          and the same on each of its rows, so never sum ``equity`` over rows
        * ``symbol``, ``amount``, ``notional``, ``market``, ``asset_type``, ``unrealized_profit``,
          ``initial_margin``, ``maint_margin``, ``margin_balance``, ``leverage``, ``margin_mode``,
          ``funding_fee``, ``borrowed``: as in `BalanceRow`

        Amounts are `decimal.Decimal`, ``as_of`` is a `datetime.datetime`.
        """
        from tread_async._exports.rows import rows_of_snapshot

        return list(rows_of_snapshot(self))

    def to_json(self) -> str:
        """All of it as a JSON object on one line, in ASCII::

            {"counts": {"ok": 1, "stale": 1, "failed": 1, "missing": 1}, "complete": false,
             "of_all": true, "requests_sent": 2,
             "accounts": {
                 "desk/a": {"state": "ok", "error": null, "status": null, "message": null,
                            "exchange": "OKX", "source": "cached", "as_of_s": 1767225598.0, "equity": "10.50",
                            "account_id": "17", "age_s": 2.0, "rows": [ROW]},
                 "desk/b": {"state": "failed", "error": "ServerError", "status": 500, "message": "...",
                            "last_as_of_s": null, "last_age_s": null},
                 "desk/c": {"state": "missing", "error": null, "status": null, "message": "..."}},
             "failures": {"desk/b": FAILURE}, "missing": ["desk/c"], "stale": ["desk/d"],
             "unlisted": {}, "errors": {}, "unexpected": [], "duplicates": []}

        Names and units are those of `Snapshot`, `Balance` and `BalanceRow`, and of ``tread watch --json``.
        Amounts are texts with every digit, times are seconds since the epoch. An account that is stale
        has what one that is ok has, and a ``message``. ``failures`` repeats what ``accounts`` has.
        """
        from tread_async._exports.json_text import json_of_snapshot

        return json_of_snapshot(self)

    def to_arrow(self) -> Any:
        """The rows of `to_rows` as a `pyarrow.Table`; needs the extra ``arrow``.

        An amount is a ``decimal128(38, 18)`` where that holds all of its column exactly, else a
        ``decimal128`` or ``decimal256`` with the places that do; never is one rounded. ``as_of`` is a
        timestamp in UTC, ``age_s`` a float, the rest are texts. ``tread_async`` in the metadata of the
        schema is JSON with ``counts``, ``complete`` and ``of_all``.

        Raises:
            UsageError: pyarrow is not installed, or a column needs more than 76 digits.
        """
        from tread_async._exports.tables import arrow_of_snapshot

        return arrow_of_snapshot(self)

    def to_polars(self) -> Any:
        """The rows of `to_rows` as a `polars.DataFrame`; needs the extra ``polars``, and no pyarrow.

        An amount is a ``Decimal(38, 18)`` where that holds all of its column exactly, else one with the
        places that do; never is one rounded.

        Raises:
            UsageError: polars is not installed, or a column needs more than the 38 digits that it has.
        """
        from tread_async._exports.tables import polars_of_snapshot

        return polars_of_snapshot(self)

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
