"""What the demo found out, and what the server wrote down meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tread_async.cli.words import AnyOutcome, kind
from tread_async.errors import TreadError
from tread_async.keys import AccountKey

__all__ = ["Alone", "Equity", "Figures", "Step", "counts"]


@dataclass
class Step:
    """One call to the manager, or many at once.

    Attributes:
        call: As it is written.
        each: Requests that one account at a time takes, for each account.
        told: Requests, as the result says; ``None`` where it says nothing.
        sent: Requests of each token, as the manager's counters say.
        requests, changes: The server's journal of the step.
    """

    call: str
    each: int = 1
    outcomes: dict[AccountKey, AnyOutcome] = field(default_factory=dict)
    unlisted: dict[str, TreadError] = field(default_factory=dict)
    told: int | None = None
    sent: dict[str, int] = field(default_factory=dict)
    wall_s: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Alone:
    """Some accounts, read live and set one after the other.

    Attributes:
        done: Those of which both was answered.
    """

    asked: int
    done: int = 0
    sent: int = 0
    wall_s: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Equity:
    """The sum of the equities of all accounts.

    Attributes:
        refusal: Why there is none; ``None`` if there is.
        partial: That of the accounts of which it is known.
        stated: How many those are.
    """

    refusal: str | None
    partial: Decimal
    stated: int


@dataclass
class Figures:
    """All that is printed.

    Attributes:
        holds: The leverage of each account by the server's state, after the last step.
    """

    cached: Step
    live: Step
    callers: Step
    leverage: Step
    equity: Equity
    holds: dict[AccountKey, str | None]
    alone: Alone

    @property
    def steps(self) -> tuple[Step, ...]:
        """In the order of time."""
        return self.cached, self.live, self.callers, self.leverage


def counts(outcomes: Mapping[AccountKey, AnyOutcome], credential: str) -> Counter[str]:
    """How many accounts of a token are of each kind."""
    return Counter(kind(outcome) for key, outcome in outcomes.items() if key.credential == credential)
