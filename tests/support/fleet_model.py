"""What the answers of a `FleetServer` imply for each account, in so many words.

It knows how a filter, a comma in a name and a poisonous account work, and nothing of how the library splits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from tests.support.fleet_accounts import ERRORS, POISONS, Does, Held, User
from tread_async import (
    AccountBalances,
    AccountError,
    Asset,
    Balance,
    CachedAccount,
    CachedAsset,
    DecodeError,
    RejectedError,
    ServerError,
    TransportError,
    TreadError,
)

__all__ = ["Implied", "Verdict", "implied", "same_rows", "sees"]

Source: TypeAlias = Literal["live", "cached"]
ENDPOINTS: Final[dict[str, str]] = {"live": "balances", "cached": "cached_balances"}
POISONED: Final[dict[str, type[TreadError]]] = {
    "500": ServerError,
    "400": RejectedError,
    "cut": TransportError,
}
FEW: Final = 2  # so many spoilt accounts hurt nobody else, however many there are
ALWAYS_SPLIT: Final = 4  # and in a list as short as this, no number of them


@dataclass(frozen=True)
class Verdict:
    """``ok``, ``missing`` or ``failed``; of which source, and as which of some errors."""

    kind: str
    source: Source
    errors: tuple[type[TreadError], ...] = ()


@dataclass
class Implied:
    """What reading *asked* from one source says.

    Attributes:
        certain: False where so many accounts are spoilt that it may be taken for an outage: then each may
            have failed instead.
    """

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    unexpected: set[str] = field(default_factory=set)
    duplicates: set[str] = field(default_factory=set)
    errors: list[Any] = field(default_factory=list)
    certain: bool = True


def implied(user: User, source: Source, asked: list[str], *, listed: bool) -> Implied:
    """*listed* is whether the token's accounts have been listed."""
    endpoint = ENDPOINTS[source]
    everything = listed and {one.name for one in user.accounts if one.listed} == set(asked)
    held = {one.name: one for one in user.accounts}
    poisons = {one.name: one.does(endpoint) for one in user.accounts if one.does(endpoint) in POISONS}
    comma = any("," in name for name in asked)
    found = Implied()
    spoilt: list[str] = []
    if poisons and (everything or comma or not user.honours_filter or poisons.keys() & set(asked)):
        # A request for all of them fails. What is left are requests that name those they ask for.
        spoilt = [name for name in asked if "," in name or name in poisons or not user.honours_filter]
        if everything and len(asked) == 1:  # there is nothing to split, so that nobody is named
            spoilt = asked
        found.certain = len(spoilt) <= FEW or len(asked) <= ALWAYS_SPLIT
        visible = [held[name] for name in asked if name in held and name not in spoilt]
        news = True
    else:
        whole = everything or comma or not user.honours_filter
        visible = user.accounts if whole else [held[name] for name in asked if name in held]
        news = everything or not comma  # without a filter, others come along that need not be news
    for name in asked:
        found.verdicts[name] = _verdict(held.get(name), source, listed=listed)
        if name in spoilt:
            alone = name in poisons and "," not in name and user.honours_filter and len(asked) > 1
            causes = {poisons[name]} if alone else set(poisons.values())
            found.verdicts[name] = Verdict("failed", source, tuple({POISONED[cause] for cause in causes}))
    shown = [one for one in visible if _rows(one, source)]
    if news:
        found.unexpected = {one.name for one in shown} - set(asked)
    found.duplicates = {one.name for one in shown if _rows(one, source) > 1} & set(asked)
    if source == "cached":
        errors = [one for one in visible if one.cached in ERRORS]
        found.errors = [one.error() for one in errors if not _matched(one, asked, listed=listed)]
    return found


def _rows(one: Held, source: Source) -> int:
    does: Does = one.live if source == "live" else one.cached
    return {"missing": 0, "equal twice": 2, "different twice": 2, "another's too": 2}.get(
        does, int(does in ("fine", "undecodable"))
    )


def _matched(one: Held, asked: Iterable[str], *, listed: bool) -> bool:
    by_id = one.cached == "error by id" and listed and one.listed
    return one.name in asked and (one.cached == "error by name" or by_id)


def _verdict(one: Held | None, source: Source, *, listed: bool) -> Verdict:
    does: Does = "missing" if one is None else one.live if source == "live" else one.cached
    if does in ("undecodable", "different twice") or (does == "equal twice" and source == "live"):
        return Verdict("failed", source, (DecodeError,))  # of members of one name a parser keeps one
    if does == "another's too":
        told_apart = source == "cached" and listed and one is not None and one.listed
        return Verdict("ok", source) if told_apart else Verdict("failed", source, (DecodeError,))
    if does in ERRORS and source == "cached" and one is not None and _matched(one, [one.name], listed=listed):
        return Verdict("failed", source, (AccountError,))
    return Verdict("ok" if does in ("fine", "equal twice") else "missing", source)


def sees(user: User, one: Held, source: Source) -> float | None:
    """The age of a row, to the second, as far as a client can tell."""
    if source == "live":
        return 0.0
    age_s = one.stale_s - (0.0 if user.dated else user.skew_s)
    return None if age_s < 0 else age_s


def same_rows(one: Held, balance: Balance) -> bool:
    """Whether *balance* has what the server sent of *one*, its time stamp aside."""
    if isinstance(balance.wire, AccountBalances):
        asset = Asset(symbol="USDT", size=Decimal(one.amount))
        return balance.wire == AccountBalances(exchange="Gate", assets=(asset,))
    sent = CachedAccount(
        account_name=one.name,
        account_id=one.id,
        exchange_name="Gate",
        equity=None if one.equity is None else Decimal(one.equity),
        timestamp_millis=balance.wire.timestamp_millis,
        assets=(CachedAsset(symbol="USDT", amount=Decimal(one.amount)),),
    )
    return balance.wire == sent
