"""A wish for many leverages, held against the positions that are open."""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from tread_async._codec.redaction import sanitised
from tread_async.keys import AccountKey

__all__ = ["LeveragePlan", "PlanEntry", "Verdict"]


class Verdict(enum.Enum):
    """What would have to be done about one entry of a plan."""

    CHANGE = "change"
    ALREADY = "already"
    UNKNOWN = "unknown"


class PlanEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The leverage wanted for one pair of one account, and the one that was seen.

    Attributes:
        seen: ``None`` where no open position of the pair says its leverage.
        why: For `Verdict.UNKNOWN`: why it cannot be known.
    """

    key: AccountKey
    pair: str
    wanted: Decimal
    seen: Decimal | None
    verdict: Verdict
    why: str = ""


class LeveragePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `SessionManager.apply` would send: the entries to change, and nothing else.

    Attributes:
        made_at: When the positions had been read (UTC, this machine's clock).
        max_age_s: `SessionManager.apply` refuses a plan that is older.
        requests_sent: Requests that making the plan took.
    """

    entries: tuple[PlanEntry, ...]
    made_at: datetime
    max_age_s: float
    requests_sent: int = 0

    @property
    def changes(self) -> tuple[PlanEntry, ...]:
        """What would be sent."""
        return self._of(Verdict.CHANGE)

    @property
    def already(self) -> tuple[PlanEntry, ...]:
        """What is so by now."""
        return self._of(Verdict.ALREADY)

    @property
    def unknown(self) -> tuple[PlanEntry, ...]:
        """What cannot be known; `SessionManager.set_leverage` sets it without asking."""
        return self._of(Verdict.UNKNOWN)

    @property
    def age_s(self) -> float:
        """Seconds since the positions were read."""
        return (datetime.now(UTC) - self.made_at).total_seconds()

    def _of(self, verdict: Verdict) -> tuple[PlanEntry, ...]:
        return tuple([entry for entry in self.entries if entry.verdict is verdict])

    def __str__(self) -> str:
        """A table in plain text."""
        rows = [("account", "pair", "seen", "wanted", "")]
        rows += [
            (sanitised(str(entry.key)), entry.pair, _shown(entry.seen), _shown(entry.wanted), _said(entry))
            for entry in self.entries
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same as one JSON document; amounts are texts."""
        entries = [
            {
                "account": str(entry.key),
                "pair": entry.pair,
                "seen": None if entry.seen is None else _shown(entry.seen),
                "wanted": _shown(entry.wanted),
                "verdict": entry.verdict.value,
                "why": entry.why,
            }
            for entry in self.entries
        ]
        plan = {"made_at": self.made_at.isoformat(), "max_age_s": self.max_age_s, "entries": entries}
        return json.dumps(plan)


def _shown(leverage: Decimal | None) -> str:
    return "-" if leverage is None else format(leverage, "f")


def _said(entry: PlanEntry) -> str:
    return f"unknown: {entry.why}" if entry.verdict is Verdict.UNKNOWN else entry.verdict.value
