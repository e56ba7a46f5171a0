"""What became of a write to many accounts: applied, not applied or unknown, for each of them."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from tread_async.errors import TreadError
from tread_async.keys import AccountKey

__all__ = [
    "Applied",
    "LeverageReport",
    "MarginModeReport",
    "NotApplied",
    "PlanReport",
    "Unknown",
    "Verification",
    "WriteOutcome",
]


class Verification(enum.Enum):
    """What reading back said of the value asked for, whatever became of the call."""

    NOT_ASKED = "not asked"
    CONFIRMED = "confirmed"  # the account has it
    CONTRADICTED = "contradicted"  # the account has another
    UNVERIFIABLE = "unverifiable"  # nothing shows which it has


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The server acknowledged the value, or reading back showed it after an attempt of ours.

    Attributes:
        verification: What reading back said; `Verification.NOT_ASKED` where nobody looked.
        seen: The leverage (a `Decimal`) or margin mode that reading back showed; ``None`` where it showed
            nothing.
        had_unknown_attempts: Nobody answered for an earlier attempt of the same value. It could arrive late,
            after somebody else has set another value.
        error: What the server answered, or that it did not, where only reading back says that the account
            has the value: whether this call set it is not known.
    """

    verification: Verification = Verification.NOT_ASKED
    seen: Decimal | str | None = None
    had_unknown_attempts: bool = False
    error: TreadError | None = None


class NotApplied(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was changed by this call: it never left, was refused, or reading back shows that it was not.

    Attributes:
        error: Why.
        verification: `Verification.CONFIRMED` where the account has the value all the same, as one has that
            had it before and whose exchange refuses what is set already.
        seen: What the account has, where reading back showed it.
    """

    error: TreadError
    verification: Verification = Verification.NOT_ASKED
    seen: Decimal | str | None = None


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """It may or may not have been applied. Read back before trying again.

    Attributes:
        error: What is known: an `OutcomeUnknownError`, or a `ClosedAfterSendingError`.
        seen: The other value that the account has, where reading back showed one.
    """

    error: TreadError
    verification: Verification = Verification.NOT_ASKED
    seen: Decimal | str | None = None


WriteOutcome: TypeAlias = Applied | NotApplied | Unknown
"""What became of a write to one account."""


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: Mapping[AccountKey, WriteOutcome]
    unlisted: Mapping[str, TreadError] = {}
    requests_sent: int = 0
    dry_run: bool = False
    requests_planned: int = 0

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        only_seen = sum(isinstance(one, Applied) and one.error is not None for one in self.outcomes.values())
        said = f", {only_seen} of them only as reading back shows" if only_seen else ""
        dry_run = " (dry run)" if self.dry_run else ""
        return f"<{type(self).__name__} {counts or 'of no account'}{said}{dry_run}>"

    @property
    def ok(self) -> bool:
        """Whether every account is `Applied`, if only by the server's word, and all accounts are known.

        An account that has the value though its request was refused is `Applied` where that request was for
        others too, and has the refusal as its ``error``.
        """
        return not self.unlisted and all(isinstance(outcome, Applied) for outcome in self.outcomes.values())

    @property
    def counts(self) -> dict[str, int]:
        """How many accounts are ``applied``, ``not_applied`` and ``unknown``."""
        return counted(self.outcomes.values())


class LeverageReport(_Report, frozen=True, kw_only=True):
    """What became of `SessionManager.set_leverage`.

    Attributes:
        outcomes: One for each account, in the order asked.
        unlisted: With ``ALL``: credentials whose accounts could not be listed, so that none of them was
            asked.
        requests_sent: Requests of this call, listings, repeats and reading back included.
        dry_run: No write was sent; every outcome is `NotApplied`.
        requests_planned: Writes that would be sent if none were refused.
        leverage: The one asked for, exact.
        pair: The pair it is of.
    """

    leverage: Decimal
    pair: str


class MarginModeReport(_Report, frozen=True, kw_only=True):
    """What became of `SessionManager.update_margin_mode`; the attributes are those of `LeverageReport`."""

    margin_mode: str


class PlanReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a `LeveragePlan`: one report for each leverage and pair that had changes."""

    reports: tuple[LeverageReport, ...]

    @property
    def ok(self) -> bool:
        """Whether every change is `Applied`."""
        return all(report.ok for report in self.reports)

    @property
    def outcomes(self) -> dict[tuple[str, AccountKey], WriteOutcome]:
        """By pair and account."""
        return {
            (report.pair, key): outcome for report in self.reports for key, outcome in report.outcomes.items()
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many changes are ``applied``, ``not_applied`` and ``unknown``."""
        return counted(self.outcomes.values())

    @property
    def requests_sent(self) -> int:
        """Requests of all reports."""
        return sum(report.requests_sent for report in self.reports)


def counted(outcomes: Iterable[WriteOutcome]) -> dict[str, int]:
    kinds = Counter(type(outcome) for outcome in outcomes)
    return {"applied": kinds[Applied], "not_applied": kinds[NotApplied], "unknown": kinds[Unknown]}
