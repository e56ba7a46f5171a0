"""Which changes an assertion is about."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tread_async.simulator import Change
from tread_async.simulator.journal import ChangeKind
from tread_async.testing.known import Known

__all__ = ["Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A change, as far as it is said; ``None`` fits everything."""

    account: str | None
    kind: ChangeKind | None
    pair: str | None
    leverage: Decimal | None
    user: int | None

    def __str__(self) -> str:
        said = {"account": self.account, "pair": self.pair, "leverage": self.leverage, "user": self.user}
        fields = [f"{name} {value}" for name, value in said.items() if value is not None]
        return ", ".join([self.kind or "any change", *fields])

    def check(self, known: Known) -> None:
        """Raises `ValueError` for what is not there, and is not about to be created."""
        known.check_kind(self.kind)
        known.check_user(self.user)
        known.check_pair(self.pair)
        if self.kind != "create":
            known.check_account(self.account, self.user)

    def fits(self, change: Change) -> bool:
        if self.account is not None and self.account not in (change.name, change.account_id):
            return False
        if self.user is not None and self.user != change.user:
            return False
        if self.kind is not None and self.kind != change.kind:
            return False
        return self._fits_leverage(change)

    def _fits_leverage(self, change: Change) -> bool:
        if self.pair is None and self.leverage is None:
            return True
        if change.kind != "leverage":
            return False
        # A change without a pair was one of every pair.
        if self.pair is not None and change.detail["pair"] not in (None, self.pair):
            return False
        return self.leverage is None or self.leverage == Decimal(str(change.detail["leverage"]))
