"""What the server received and what it changed. Never holds a token or an API secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

ChangeKind: TypeAlias = Literal["create", "archive", "update", "leverage"]


@dataclass(slots=True, kw_only=True)
class Request:
    """One completely received request.

    ``at`` is the simulator's clock. ``accounts`` are the names it is about (for an id the server does not
    know, the id itself); a read without a filter names every account. ``status`` stays ``None`` when no
    answer was sent. ``user`` is the index into ``Simulator.tokens``, ``None`` for an unknown token.
    ``equity`` is the sum of the equities that an answer of cached balances showed, as a decimal text.
    """

    number: int
    at: float
    user: int | None
    endpoint: str | None
    method: str
    path: str
    query: str
    body: object
    accounts: tuple[str, ...]
    connection_id: int
    auth_scheme: str | None
    status: int | None = None
    equity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one account, made by request number ``request``.

    ``name`` is the account's name before the change. ``detail`` is, by kind: create ``{"exchange"}``,
    archive ``{"archived_name"}``, update ``{"margin_mode"}``, leverage ``{"pair", "leverage"}`` with pair
    ``None`` for every pair.
    """

    number: int
    at: float
    user: int
    kind: ChangeKind
    account_id: str
    name: str
    detail: Mapping[str, object]
    request: int


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    endpoints: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "by_endpoint": dict(self.endpoints),
            "by_status": dict(self.statuses),
            "changes": dict(self.changes),
        }


class Journal:
    """Requests and changes in the order they came, numbered from 1."""

    def __init__(self, users: int) -> None:
        self.requests: list[Request] = []
        self.changes: list[Change] = []
        self._users = users
        self._tallies: dict[int | None, _Tally] = {}
        self.clear()

    def count(self, endpoint: str | None = None, user: int | None = None, status: int | None = None) -> int:
        """How many requests fit all that is given; ``None`` fits everything."""
        return sum(
            (endpoint is None or request.endpoint == endpoint)
            and (user is None or request.user == user)
            and (status is None or request.status == status)
            for request in self.requests
        )

    def clear(self) -> None:
        """Forget everything; numbers start at 1 again."""
        self.requests.clear()
        self.changes.clear()
        self._tallies = {user: _Tally() for user in (*range(self._users), None)}

    def summary(self) -> dict[str, object]:
        """Counts per user, and for requests without a known token; kept up to date, so cheap to ask for."""
        return {
            "users": [self._tallies[user].as_dict() for user in range(self._users)],
            "unauthenticated": self._tallies[None].as_dict(),
        }

    def add_request(self, request: Request) -> None:
        self.requests.append(request)
        tally = self._tallies[request.user]
        tally.requests += 1
        tally.endpoints[request.endpoint or "unknown"] += 1

    def answered(self, request: Request, status: int, equity: str | None = None) -> None:
        request.status = status
        request.equity = equity if status == 200 else None
        place = request.number - 1
        # Not if the journal was cleared while the request was being answered.
        if place < len(self.requests) and self.requests[place] is request:
            self._tallies[request.user].statuses[str(status)] += 1

    def add_change(self, change: Change) -> None:
        self.changes.append(change)
        self._tallies[change.user].changes[change.kind] += 1
