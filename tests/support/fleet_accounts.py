"""The accounts of a `FleetServer`, and what it does with each of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

__all__ = ["ERRORS", "HANG", "OTHER", "POISONS", "Does", "Held", "Seen", "User"]

Does: TypeAlias = Literal[
    # it has a row, or more than one, or none
    "fine", "missing", "undecodable", "equal twice", "different twice", "another's too",
    # it has none, and stands under `errors` of the cached call
    "error by name", "error by id", "error as text", "error of no known shape", "null error",
    # a request that has it in it is answered so
    "500", "503", "400", "cut", "hang",
]  # fmt: skip

ERRORS: Final[tuple[Does, ...]] = (
    "error by name", "error by id", "error as text", "error of no known shape", "null error",
)  # fmt: skip
POISONS: Final[tuple[Does, ...]] = ("500", "503", "400", "cut", "hang")
HANG: Final = 0
OTHER: Final = "90001.5"  # the figure of a copy that is not equal
STAMPED: Final = object()


@dataclass(kw_only=True)
class Held:
    """One account. *live* and *cached* say what the two answers do with it.

    Attributes:
        stale_s: The age of its cached row.
        stamp: Stands as its time stamp, whatever it is.
        listed: False for an account that answers have, and the list of accounts does not.
        padding: Bytes that make its rows longer.
    """

    name: str
    id: str = ""
    amount: str = "1.5"
    equity: str | None = "10"
    live: Does = "fine"
    cached: Does = "fine"
    stale_s: float = 0.0
    stamp: Any = field(default=STAMPED, repr=False)
    listed: bool = True
    archived: bool = False
    padding: int = 0

    def __post_init__(self) -> None:
        self.id = self.id or f"id of {self.name}"

    def does(self, endpoint: str) -> Does:
        return {"balances": self.live, "cached_balances": self.cached}.get(endpoint, "fine")

    def error(self) -> Any:
        """What stands of it under `errors`."""
        return {
            "error by name": {"account_name": self.name, "message": "no answer from Gate"},
            "error by id": {"id": self.id, "detail": "no answer from Gate"},
            "error as text": f"could not read {self.name}",
            "error of no known shape": {"account": {"name": self.name}, "code": 17},
        }.get(self.cached)

    def live_rows(self) -> Iterator[str]:
        name, more = json.dumps(self.name), f',"note":"{"x" * self.padding}"'
        sizes = {
            "fine": [self.amount],
            "undecodable": ["true"],
            "equal twice": [self.amount, self.amount],
            "different twice": [self.amount, OTHER],
            "another's too": [OTHER, self.amount],
        }
        for size in sizes.get(self.live, []):
            yield f'{name}:{{"exchange":"Gate","assets":[{{"symbol":"USDT","size":{size}{more}}}]}}'

    def cached_rows(self, now_s: float) -> Iterator[str]:
        row = {
            "account_name": self.name,
            "account_id": self.id,
            "exchange_name": "Gate",
            "equity": self.equity,
            "timestamp_millis": round((now_s - self.stale_s) * 1000) if self.stamp is STAMPED else self.stamp,
            "assets": [{"symbol": "USDT", "amount": self.amount, "note": "x" * self.padding}],
        }
        other = row | {"equity": OTHER}
        rows = {
            "fine": [row],
            "undecodable": [row | {"assets": [{"symbol": "USDT", "amount": "much"}]}],
            "equal twice": [row, row],
            "different twice": [row, other],
            "another's too": [other | {"account_id": f"another's {self.name}"}, row],
        }
        return (json.dumps(one, ensure_ascii=False) for one in rows.get(self.cached, []))


@dataclass(frozen=True)
class Seen:
    """One complete request. ``names`` is ``None`` for one without a filter."""

    endpoint: str
    names: tuple[str, ...] | None
    url_bytes: int
    at: float


@dataclass(kw_only=True)
class User:
    """One token.

    Attributes:
        honours_filter: False for a server that always sends every account.
        skew_s: Seconds that its clock is ahead of this machine's.
        dated: Whether answers have a ``Date``.
        headers: Those of every success, besides; a ``Date`` among them is there instead of its own.
        refuses: The status with which an endpoint is answered, whatever is asked; `HANG` for no answer.
        first: Status and headers of the first answers, whatever is asked.
        wait_s: Before each answer.
        gate: Answers wait for it.
    """

    token: str
    accounts: list[Held] = field(default_factory=list)
    honours_filter: bool = True
    skew_s: float = 0.0
    dated: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    refuses: Mapping[str, int] = field(default_factory=dict)
    first: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    wait_s: float = 0.0
    gate: asyncio.Event | None = None
    seen: list[Seen] = field(default_factory=list)
    open: int = 0
    peak: int = 0

    def count(self, endpoint: str | None = None) -> int:
        return sum(endpoint in (None, one.endpoint) for one in self.seen)

    def filters(self, endpoint: str = "balances") -> list[tuple[str, ...] | None]:
        return [one.names for one in self.seen if one.endpoint == endpoint]

    def answered(self, endpoint: str, names: tuple[str, ...] | None) -> list[Held]:
        """The accounts that the answer is about, in the server's order."""
        if names is None or not self.honours_filter:
            return self.accounts
        wanted = frozenset(names)
        return [account for account in self.accounts if account.name in wanted]

    def body(self, endpoint: str, accounts: Iterable[Held]) -> bytes:
        if endpoint == "accounts":
            fields = [
                {"id": one.id, "name": one.name, "exchange": "Gate", "archived": one.archived}
                for one in accounts
                if one.listed
            ]
            return json.dumps(fields).encode()
        accounts = [one for one in accounts if not one.archived]
        if endpoint == "balances":
            return "{{{}}}".format(",".join([row for one in accounts for row in one.live_rows()])).encode()
        now_s = time.time() + self.skew_s
        rows = ",".join([row for one in accounts for row in one.cached_rows(now_s)])
        errors = [one.error() for one in accounts if one.cached in ERRORS]
        return f'{{"balances":[{rows}],"errors":{json.dumps(errors)}}}'.encode()
