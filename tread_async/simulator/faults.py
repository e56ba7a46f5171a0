"""Faults: what may go wrong on purpose, and which requests it strikes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Literal, Protocol

from tread_async.simulator.drift import FIELDS, drifted

READS: Final = frozenset({"balances", "cached_balances", "accounts"})
WRITES: Final = frozenset({"create_account", "update_account", "archive_account", "set_leverage"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fault:
    """Which requests go wrong, and how. Give at least one effect.

    Which requests (every condition given must hold):

    * ``endpoint``: ``"balances"``, ``"cached_balances"``, ``"accounts"``, ``"create_account"``,
      ``"update_account"``, ``"archive_account"`` or ``"set_leverage"``; ``None`` is any, unknown paths too.
    * ``account``: a name or id; only requests that name it. A read without a filter names every account.
    * ``user``: index into ``Simulator.tokens``.
    * ``nth``: only the nth request that fits the conditions above, from 1.
    * ``times``: strikes at most so often; ``None`` is for ever.
    * ``chance``: strikes with this probability, above 0 and at most 1; seeded.

    How they go wrong:

    * ``status``: answer with this status. The body is the documented one for it, unless ``body`` is given.
    * ``headers``: added to the answer, for example ``{"Retry-After": "2"}``.
    * ``body``: replaces the body; its content type comes from ``headers`` and is JSON otherwise.
    * ``html``: the body is the page of a firewall in front of the server, for example with ``status=403``.
    * ``apply``: was a write carried out although ``status`` or ``drop`` hides it? ``"others"`` carries it
      out for every account of the batch but ``account``.
    * ``delay_s``: seconds to wait after acting and before answering.
    * ``drop``: close the connection without an answer, ``"before"`` or ``"after"`` acting on the request, or
      ``"late"``: the write is acted on ``delay_s`` after its connection was closed.
    * ``truncate_bytes``: send the whole ``Content-Length`` but only so many bytes of body, then close.
    * ``missing``: reads leave ``account`` out (without ``account``: every account).
    * ``error``: cached balances list ``account`` under ``errors``; a text becomes the message.
    * ``stale_s``: cached balances of ``account`` are stamped this many seconds older.
    * ``stopped_clock``: time stands still from the moment the fault is added. With ``account`` it does for
      the balances of that account, which get older; without, for the whole answer, its ``Date`` too.
    * ``extra_field``, ``without_field``, ``retyped_field``: the schema drifts. What reads say of ``account``
      has one more field of that name in every object, has a documented one no more, or has
      ``{"value": ...}`` in its place.

    Effects on the content of a read add up over all faults that strike, and so do delays. Of the faults
    that decide the answer itself (``status``, ``headers``, ``body``, ``html``, ``drop``, ``truncate_bytes``)
    only the one added first strikes; the later ones keep their ``times`` for later requests.

    Raises:
        ValueError: the arguments contradict each other, or there is nothing to do.
    """

    endpoint: str | None = None
    account: str | None = None
    user: int | None = None
    nth: int | None = None
    times: int | None = None
    chance: float = 1.0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    html: bool = False
    apply: Literal["none", "all", "others"] = "none"
    delay_s: float = 0.0
    drop: Literal["before", "after", "late"] | None = None
    truncate_bytes: int | None = None
    missing: bool = False
    error: bool | str = False
    stale_s: float = 0.0
    stopped_clock: bool = False
    extra_field: str | None = None
    without_field: str | None = None
    retyped_field: str | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(problem)

    def __repr__(self) -> str:
        """What was given, and not what was left as it is."""
        every = [(one, getattr(self, one.name)) for one in fields(self)]
        given = [f"{one.name}={value!r}" for one, value in every if value not in (one.default, {})]
        return f"Fault({', '.join(given)})"

    @property
    def decides(self) -> bool:
        """Does it replace or change the answer as a whole?"""
        return (
            self.status is not None
            or self.body is not None
            or self.html
            or self.drop is not None
            or self.truncate_bytes is not None
            or bool(self.headers)
        )

    @property
    def edits(self) -> bool:
        """Does it change what a read says about accounts?"""
        return self.missing or self.error is not False or self.stale_s > 0 or self.drifts

    @property
    def drifts(self) -> bool:
        """Does it change which fields an account has?"""
        return any((self.extra_field, self.without_field, self.retyped_field))

    @property
    def carries_out(self) -> bool:
        """Is the request acted on?"""
        if self.drop in ("before", "late"):
            return False
        return self.status is None or self.apply != "none"

    def matters_to(self, endpoint: str | None) -> bool:
        """Would it change anything about a request to *endpoint*?"""
        if self.decides or self.delay_s > 0 or self.stopped_clock:
            return True
        return endpoint == "cached_balances" or ((self.missing or self.drifts) and endpoint in READS)

    def touches(self, name: str, account_id: str) -> bool:
        return self.account is None or self.account in (name, account_id)

    def _problems(self) -> Iterator[str]:
        yield from self._bad_values()
        if not (self.decides or self.edits or self.delay_s > 0 or self.stopped_clock):
            yield "a fault needs something to do: status, headers, body, drop, delay_s, missing, error, ..."
        if self.drop == "late" and (self.delay_s == 0.0 or self.endpoint not in WRITES):
            yield "drop='late' is about an endpoint that writes, and acts delay_s afterwards"
        if self.apply != "none" and (
            self.drop in ("before", "late") or (self.status is None and self.drop is None)
        ):
            yield "apply needs a status or drop='after': every other fault carries the request out anyway"
        if self.apply == "others" and self.account is None:
            yield "apply='others' needs the account that is left out"
        if self.drop is not None and (self.status or self.headers or self.body is not None or self.html):
            yield "drop sends no answer, so it takes no status, headers, body or html"
        if self.html and self.body is not None:
            yield "html is a body, so it takes no other"
        if self.drop is not None and self.truncate_bytes is not None:
            yield "drop and truncate_bytes exclude each other"
        if self.endpoint in WRITES and self.edits:
            yield f"missing, error, stale_s and fields change reads, and {self.endpoint} is a write"
        if self.endpoint in READS and self.apply != "none":
            yield f"apply is about writes, and {self.endpoint} is a read"
        if self.endpoint in {"balances", "accounts"} and (self.error is not False or self.stale_s > 0):
            yield f"error and stale_s change cached_balances only, not {self.endpoint}"

    def _bad_values(self) -> Iterator[str]:
        if self.endpoint is not None and self.endpoint not in READS | WRITES:
            yield f"endpoint must be one of {', '.join(sorted(READS | WRITES))}, not {self.endpoint!r}"
        for name, count in (("nth", self.nth), ("times", self.times)):
            if count is not None and count < 1:
                yield f"{name} must be at least 1, got {count}"
        if not 0.0 < self.chance <= 1.0:
            yield f"chance must be above 0 and at most 1, got {self.chance}"
        if self.status is not None and not 200 <= self.status <= 999:
            yield f"status must be between 200 and 999, got {self.status}"
        for name, seconds in (("delay_s", self.delay_s), ("stale_s", self.stale_s)):
            if not 0.0 <= seconds < float("inf"):
                yield f"{name} must be a number of seconds, 0 or more, got {seconds}"
        for name, amount in (("truncate_bytes", self.truncate_bytes), ("user", self.user)):
            if amount is not None and amount < 0:
                yield f"{name} must be 0 or more, got {amount}"
        if self.apply not in ("none", "all", "others"):
            yield f"apply must be 'none', 'all' or 'others', not {self.apply!r}"
        documented = sorted(FIELDS.get(self.endpoint, frozenset().union(*FIELDS.values())))
        for named in (self.without_field, self.retyped_field):
            if named is not None and named not in documented:
                yield f"no answer has a field {named!r}: there are {', '.join(documented)}"
        if self.extra_field in documented:
            yield f"{self.extra_field!r} is a documented field, so it is not one more"
        if self.drop not in (None, "before", "after", "late"):
            yield f"drop must be 'before', 'after' or 'late', not {self.drop!r}"


class Target(Protocol):
    """What a fault looks at in a request."""

    @property
    def endpoint(self) -> str | None: ...
    @property
    def user_index(self) -> int | None: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def ids(self) -> tuple[str, ...]: ...


class _Armed:
    """A fault with its counts."""

    def __init__(self, fault: Fault, rng: random.Random, at: float) -> None:
        self.fault = fault
        self.added_at = at
        self.struck = 0
        self._rng = rng
        self._seen = 0

    def fits(self, target: Target) -> bool:
        fault = self.fault
        if fault.endpoint is not None and fault.endpoint != target.endpoint:
            return False
        if fault.user is not None and fault.user != target.user_index:
            return False
        if not fault.matters_to(target.endpoint):
            return False
        return fault.account is None or fault.account in target.names or fault.account in target.ids

    def meets(self, *, answered: bool) -> bool:
        """Count a request that fits; true if the fault strikes it."""
        self._seen += 1
        fault = self.fault
        if answered and fault.decides:
            return False
        if fault.nth is not None and self._seen != fault.nth:
            return False
        if fault.times is not None and self.struck >= fault.times:
            return False
        if fault.chance < 1.0 and self._rng.random() >= fault.chance:
            return False
        self.struck += 1
        return True


@dataclass(slots=True)
class Plan:
    """All that goes wrong with one request."""

    answer: Fault | None = None
    delay_s: float = 0.0
    edits: list[Fault] = field(default_factory=list)
    stops: list[tuple[Fault, float]] = field(default_factory=list)

    def now(self, at: float) -> float:
        """What the server's clock shows at *at*."""
        return min([at, *[stopped_at for fault, stopped_at in self.stops if fault.account is None]])

    def now_of(self, name: str, account_id: str, at: float) -> float:
        """The time of which the balances of an account are."""
        return min([at, *[stopped_at for fault, stopped_at in self.stops if fault.touches(name, account_id)]])

    def leaves_out(self, name: str, account_id: str) -> bool:
        return any(fault.missing and fault.touches(name, account_id) for fault in self.edits)

    def error(self, name: str, account_id: str) -> str | None:
        for fault in self.edits:
            if fault.error is not False and fault.touches(name, account_id):
                return "Failed to fetch balances" if fault.error is True else fault.error
        return None

    def stale_s(self, name: str, account_id: str) -> float:
        return sum(fault.stale_s for fault in self.edits if fault.touches(name, account_id))

    def drifted(self, text: bytes, name: str, account_id: str) -> bytes:
        """The JSON object *text* of an account, in another schema."""
        for fault in self.edits:
            if fault.drifts and fault.touches(name, account_id):
                text = drifted(text, fault.extra_field, fault.without_field, fault.retyped_field)
        return text


class Faults:
    """The faults in force, in the order they were added."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._added = 0
        self._armed: list[_Armed] = []

    def add(self, fault: Fault, at: float) -> Fault:
        self._added += 1
        self._armed.append(_Armed(fault, random.Random(f"{self._seed}/fault/{self._added}"), at))
        return fault

    @property
    def idle(self) -> list[Fault]:
        return [armed.fault for armed in self._armed if not armed.struck]

    def clear(self) -> None:
        self._armed.clear()

    def plan(self, target: Target) -> Plan:
        plan = Plan()
        for armed in self._armed:
            if not armed.fits(target) or not armed.meets(answered=plan.answer is not None):
                continue
            fault = armed.fault
            plan.delay_s += fault.delay_s
            if fault.decides:
                plan.answer = fault
            if fault.edits:
                plan.edits.append(fault)
            if fault.stopped_clock:
                plan.stops.append((fault, armed.added_at))
        return plan
