"""What is polled, and when: the settings of a watch or feed, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tread_async._codec import arguments as check
from tread_async._codec.arguments import seconds
from tread_async._fleet.arguments import accounts as listed
from tread_async._fleet.reads import Reads
from tread_async._fleet.snapshots import SourceChoice
from tread_async._judging import checked
from tread_async.errors import UsageError
from tread_async.keys import AccountKey, AllAccounts
from tread_async.rules import Rule

__all__ = ["Plan", "chosen", "planned"]

_SLOWEST_S: Final = 60.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a watch or feed; ``accounts`` are ``None`` for all."""

    accounts: list[AccountKey | str] | None
    interval_s: float
    jitter: float
    source: SourceChoice
    max_age_s: float | None
    live_within_s: float
    deadline_s: float | None
    rules: tuple[Rule, ...]
    max_silence_s: float | None

    @property
    def slowest_s(self) -> float:
        """The longest time between two polls after failures: a watch must not make its own silence."""
        return _SLOWEST_S if self.max_silence_s is None else min(_SLOWEST_S, self.max_silence_s / 4)


def planned(
    reads: Reads,
    accounts: Iterable[AccountKey | str] | AllAccounts | None,
    *,
    rules: Iterable[Rule],
    jitter: float,
    interval_s: float,
    source: SourceChoice,
    max_age_s: float | None,
    live_within_s: float,
    deadline_s: float | None,
    max_silence_s: float | None,
) -> Plan:
    """The plan. Raises `UsageError`."""
    if deadline_s is not None:
        check.deadline_s(deadline_s)
    reads.how(source, max_age_s, live_within_s, deadline_s)
    longest_s = seconds(interval_s, "interval_s") * (1 + _share(jitter))
    if max_silence_s is not None and seconds(max_silence_s, "max_silence_s") <= longest_s:
        raise UsageError(f"between two polls are up to {longest_s:g} s; max_silence_s is longer than that")
    return Plan(
        accounts=chosen(accounts),
        interval_s=interval_s,
        jitter=jitter,
        source=source,
        max_age_s=max_age_s,
        live_within_s=live_within_s,
        deadline_s=deadline_s,
        rules=checked(rules),
        max_silence_s=max_silence_s,
    )


def chosen(accounts: Iterable[AccountKey | str] | AllAccounts | None) -> list[AccountKey | str] | None:
    """The accounts of a list, or ``None`` for all."""
    return None if accounts is None or isinstance(accounts, AllAccounts) else listed(accounts)


def _share(jitter: Any) -> float:
    if isinstance(jitter, bool) or not isinstance(jitter, int | float) or not 0 <= jitter <= 0.5:
        raise UsageError("jitter is a part of the interval, from 0 to 0.5")
    return jitter
