"""What a watch gives alarm of: rules as data, some of them ready-made.

A rule is a name, a function of what is seen of one account, and a limit:

    from tread_async import Rule, rules

    def positions(seen):
        return None if seen.balance is None else len(seen.balance.positions)

    many = Rule(name="more than 50 positions", measure=positions, limit=50, clear=45)
    watched_for = [many, rules.leverage_above(20), rules.stale_for(60), rules.missing()]

What is not known neither raises an alarm nor ends one.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Final

import msgspec

from tread_async._codec import arguments as check
from tread_async._codec.redaction import sanitised
from tread_async._figures import highest_leverage, highest_margin_ratio
from tread_async.balance import Balance
from tread_async.errors import UsageError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Missing, Ok, Outcome

__all__ = [
    "Event",
    "Rule",
    "Seen",
    "equity_drop",
    "leverage_above",
    "margin_ratio_above",
    "missing",
    "stale_for",
]

_AMOUNTS: Final = Context(prec=60)  # whatever the caller has set


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that was raised, or one that ended.

    Attributes:
        rule: The name of the rule.
        raised: False where the alarm ended: the account recovered, or is not asked for any more.
        value: What was measured; ``None`` where the account is not asked for any more.
        limit: That of the rule.
        at_s: When, in seconds since the epoch, by this machine's clock.
    """

    rule: str
    account: AccountKey
    raised: bool
    value: Decimal | float | None
    limit: Decimal | float
    at_s: float

    def __str__(self) -> str:
        account = sanitised(str(self.account))
        if self.value is None:
            return f"{account}: not asked for any more, which ends {self.rule!r}"
        at = "" if isinstance(self.value, bool) else f", at {float(self.value):.6g}"
        return f"{account}: {'' if self.raised else 'no longer '}{self.rule}{at}"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One account, as a rule sees it.

    Attributes:
        age_s: Seconds since the server read the newest balance known, or, where none was ever read, since
            the account was first asked for. ``None`` where the server did not say, and for a missing
            account.
    """

    account: AccountKey
    outcome: Outcome
    age_s: float | None

    @property
    def balance(self) -> Balance | None:
        """The balance that was read, unless it is too old: figures of the past are not known now."""
        return self.outcome.value if type(self.outcome) is Ok else None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Raises an alarm about an account whose measure is above *limit*, and ends it at *clear* or below.

    Attributes:
        name: What is wrong when it is raised, such as "leverage above 20". Every rule of a watch has another.
        measure: A function of what is seen of one account: a number, true or false (limit 0 tells them
            apart), or ``None`` where it is not known. It is called for every account in every round, on the
            event loop. What it raises, the reader of the watch gets, with a note that names rule and account.
        clear: No higher than *limit*, which is the default. Between the two nothing happens.
        fall_within_s: Where it is given, what is held against *limit* is how far the measure has fallen from
            its highest within so many seconds, as a share of it. Not known where the highest is not above 0.
    """

    name: str
    measure: Callable[[Seen], Decimal | float | None]
    limit: Decimal | float = 0
    clear: Decimal | float | None = None
    fall_within_s: float | None = None

    def __post_init__(self) -> None:
        check.required_text(self.name, "the name of a rule")
        if not callable(self.measure):
            raise UsageError(f"the measure of {self.name!r} is a function of what is seen of an account")
        for what, given in (("limit", self.limit), ("clear", self.clears_at)):
            if not isinstance(given, int | float | Decimal) or Decimal(given).is_nan():
                raise UsageError(f"the {what} of {self.name!r} is a number")
        if self.clears_at > self.limit:
            raise UsageError(f"{self.name!r} would end above its limit; clear is no higher than limit")
        if self.fall_within_s is not None:
            check.seconds(self.fall_within_s, "fall_within_s")

    @property
    def clears_at(self) -> Decimal | float:
        """*clear*, or *limit* where that is not given."""
        return self.limit if self.clear is None else self.clear


def equity_drop(
    fraction: int | str | Decimal, within_s: float, *, clear: int | str | Decimal | None = None
) -> Rule:
    """The equity fell by more than *fraction* (such as "0.1") from its highest within *within_s* seconds.

    It is `Balance.equity`, which live answers do not state: watch ``cached``. A fall during which nothing
    could be read for longer than *within_s* is not seen: what was the highest is then too long ago.

    Args:
        clear: By default nine tenths of *fraction*.
    """
    limit = _above_zero(fraction, "fraction")
    if limit >= 1:
        raise UsageError(f"fraction is a share below 1, such as '0.05' for 5 %, not {limit:f}")
    return Rule(
        name=f"equity down by more than {limit:f} within {check.seconds(within_s, 'within_s'):g} s",
        measure=lambda seen: None if seen.balance is None else seen.balance.equity,
        limit=limit,
        clear=_clear(clear, limit, by_default=_short_of(limit)),
        fall_within_s=within_s,
    )


def leverage_above(limit: int | str | Decimal, *, clear: int | str | Decimal | None = None) -> Rule:
    """An open position has a leverage above *limit*, by the ``leverage`` of its row.

    One that does not say its leverage could have any: while there is one, nothing recovers.

    Args:
        clear: By default *limit*.
    """
    most = _above_zero(limit, "limit")

    def highest(seen: Seen) -> Decimal | None:
        if seen.balance is None:
            return None
        return _in_doubt_unknown(highest_leverage(seen.balance.wire.assets), most)

    clears_at = _clear(clear, most, by_default=most)
    return Rule(name=f"leverage above {most:f}", measure=highest, limit=most, clear=clears_at)


def margin_ratio_above(limit: int | str | Decimal, *, clear: int | str | Decimal | None = None) -> Rule:
    """The maintenance margin is more than *limit*, such as "0.8", of the margin balance; 1 is liquidation.

    The API states both by row (``maint_margin`` and ``margin_balance``), in the row's coin, and repeats the
    margin balance of a wallet on rows that share it. So the ratio of an account is the highest of these: of
    each token that states both; of each isolated position; of all other positions with the same margin
    balance together. A margin balance of 0 is none; below 0 the ratio has no end.

    A position that does not state both is covered by a token of its market that does. While one is open that
    is not, nothing recovers.

    Args:
        clear: By default nine tenths of *limit*.
    """
    most = _above_zero(limit, "limit")

    def ratio(seen: Seen) -> Decimal | None:
        if seen.balance is None:
            return None
        return _in_doubt_unknown(highest_margin_ratio(seen.balance.wire.assets), most)

    clears_at = _clear(clear, most, by_default=_short_of(most))
    return Rule(name=f"margin ratio above {most:f}", measure=ratio, limit=most, clear=clears_at)


def stale_for(seconds: float) -> Rule:
    """The newest balance of the account is older than *seconds*, whether or not newer ones were refused.

    An account that has never been read counts from when it was first asked for.
    """
    limit = check.seconds(seconds, "seconds")
    return Rule(name=f"no balance for {limit:g} s", measure=lambda seen: seen.age_s, limit=limit)


def missing() -> Rule:
    """The account was asked for, and a complete answer did not have it."""

    def is_missing(seen: Seen) -> bool | None:
        return None if type(seen.outcome) is Failed else type(seen.outcome) is Missing

    return Rule(name="missing", measure=is_missing)


def _in_doubt_unknown(measured: tuple[Decimal, bool], limit: Decimal) -> Decimal | None:
    """What is above the limit is so, whatever else is not known."""
    highest, all_known = measured
    return highest if all_known or highest > limit else None


def _short_of(limit: Decimal) -> Decimal:
    """A figure that trembles at its limit is one alarm, not many."""
    return _AMOUNTS.multiply(limit, Decimal("0.9"))


def _clear(given: object, limit: Decimal, *, by_default: Decimal) -> Decimal:
    if given is None:
        return by_default
    clear = _decimal(given, "clear")
    if not 0 <= clear <= limit:
        raise UsageError(f"clear is a decimal from 0 to the limit, {limit:f}")
    return clear


def _above_zero(given: object, what: str) -> Decimal:
    number = _decimal(given, what)
    if number <= 0:
        raise UsageError(f"{what} is above zero")
    return number


def _decimal(given: object, what: str) -> Decimal:
    if isinstance(given, int | str | Decimal) and not isinstance(given, bool):
        try:
            number = Decimal(given)
        except InvalidOperation:
            pass
        else:
            if number.is_finite():
                return number
    raise UsageError(f"{what} is an int, a Decimal or a text such as '0.5', and finite")
