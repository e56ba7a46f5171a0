"""From a wish for leverages to what would have to be sent for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from tread_async._codec import arguments as check
from tread_async._codec.redaction import sanitised
from tread_async._fleet.verifying import leverages_seen
from tread_async.errors import UsageError
from tread_async.keys import AccountKey
from tread_async.outcomes import Ok, Outcome
from tread_async.plans import PlanEntry, Verdict

__all__ = ["NOT_READ", "Wish", "WishedFor", "entries", "grouped", "wished"]

NOT_READ: Final = "the account could not be read"

Wish: TypeAlias = Mapping[str, Mapping[AccountKey | str, int | str | Decimal]]
WishedFor: TypeAlias = tuple[str, AccountKey | str, Decimal]


def wished(wish: object) -> list[WishedFor]:
    """The pairs, accounts and leverages of a wish, checked."""
    found: list[WishedFor] = []
    for pair, accounts in check.mapping(wish, "the wish").items():  # type: ignore[arg-type]
        if not isinstance(accounts, Mapping):
            raise UsageError(f"the wish is {{pair: {{account: leverage}}}}, but {pair!r} has no accounts")
        for account, leverage in accounts.items():
            try:
                found.append((check.pair(pair), account, Decimal(check.leverage(leverage))))
            except UsageError as error:
                named = sanitised(f"{pair} of {account}")
                raise UsageError(f"{named}: {error.message}") from None
    if not found:
        raise UsageError("the plan is empty; name a pair, an account and a leverage")
    return found


def entries(
    wishes: Iterable[tuple[str, AccountKey, Decimal]], outcomes: Mapping[AccountKey, Outcome]
) -> tuple[PlanEntry, ...]:
    """What each wish comes to, in the light of live *outcomes*."""
    found: dict[tuple[str, AccountKey], PlanEntry] = {}
    for pair, key, wanted in wishes:
        entry = _entry(pair, key, wanted, outcomes[key])
        other = found.setdefault((pair, key), entry)
        if other.wanted != wanted:
            raise UsageError(f"two leverages are wished for {pair} of {key}")
    return tuple(found.values())


def _entry(pair: str, key: AccountKey, wanted: Decimal, outcome: Outcome) -> PlanEntry:
    seen: list[Decimal] = []
    why = "no open position says its leverage"
    if isinstance(outcome, Ok):
        seen = leverages_seen(outcome.value, pair)
    else:
        why = NOT_READ
    if not seen:
        verdict, shown = Verdict.UNKNOWN, None
    else:
        # Two positions of one pair, as in hedge mode, may differ: then one of them is to change.
        shown = next((value for value in seen if value != wanted), wanted)
        verdict, why = (Verdict.ALREADY if shown == wanted else Verdict.CHANGE), ""
    return PlanEntry(key=key, pair=pair, wanted=wanted, seen=shown, verdict=verdict, why=why)


def grouped(changes: Iterable[PlanEntry]) -> dict[tuple[Decimal, str], list[AccountKey]]:
    """The accounts that one and the same request can set, by leverage and pair."""
    groups: dict[tuple[Decimal, str], list[AccountKey]] = defaultdict(list)
    for entry in changes:
        groups[entry.wanted, entry.pair].append(entry.key)
    return groups
