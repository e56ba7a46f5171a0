"""What rules say of one snapshot after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from decimal import Context, Decimal
from typing import Final

from tread_async._pacing import in_one_go
from tread_async.errors import UsageError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Ok, Outcome, Snapshot, Stale
from tread_async.rules import Event, Rule, Seen

__all__ = ["Judge", "checked"]

_AT_ONCE: Final = 16  # accounts; a rule may look at every row
_SHARES: Final = Context(prec=28)


class Judge:
    """Keeps which alarms are raised. Pure apart from that: the caller has the clock.

    An account that is not asked for any more is forgotten, and an alarm about it ends with an event that has
    no value. The accounts of a credential that could not be listed are not known to be gone. What a rule
    raises ends a round half way: no other may follow.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = checked(rules)
        self._accounts: dict[AccountKey, _Account] = {}

    def judge(self, snapshot: Snapshot, now_s: float) -> tuple[Event, ...]:
        """The alarms that *snapshot* raises and ends, by account in its order, then by rule.

        Args:
            now_s: When it was taken, in seconds since the epoch.
        """
        return in_one_go(self.judge_in_steps(snapshot, now_s))

    def judge_in_steps(self, snapshot: Snapshot, now_s: float) -> Generator[None, None, tuple[Event, ...]]:
        """As `judge`, for a loop that must not be held: it yields now and then."""
        if not self._rules:
            return ()
        events: list[Event] = []
        for place, (key, outcome) in enumerate(snapshot.outcomes.items()):
            if not place % _AT_ONCE:
                yield
            account = self._accounts.get(key)
            if account is None:
                account = self._accounts[key] = _Account(outcome, now_s)
            seen = Seen(account=key, outcome=outcome, age_s=account.age_s(outcome, now_s))
            events += [event for rule in self._rules if (event := account.judged(rule, seen, now_s))]
        if len(self._accounts) > len(snapshot.outcomes):
            events += self._forgotten(snapshot, now_s)
        return tuple(events)

    def _forgotten(self, snapshot: Snapshot, now_s: float) -> list[Event]:
        gone = [
            key
            for key in self._accounts
            if key not in snapshot.outcomes and key.credential not in snapshot.unlisted
        ]
        return [event for key in gone for event in self._accounts.pop(key).ended(self._rules, key, now_s)]


class _Account:
    """What is kept of one account."""

    __slots__ = ("_highest", "_raised", "_read_s")

    def __init__(self, outcome: Outcome, now_s: float) -> None:
        age_s = outcome.last.age_s if isinstance(outcome, Failed) and outcome.last is not None else 0.0
        self._read_s: float | None = None if age_s is None else now_s - age_s
        self._raised: set[str] = set()
        self._highest: dict[str, _Highest] = {}

    def age_s(self, outcome: Outcome, now_s: float) -> float | None:
        if type(outcome) is Ok or type(outcome) is Stale:
            age_s = outcome.value.age_s
            self._read_s = None if age_s is None else now_s - age_s
            return age_s
        # What a failure says of its last balance was so when that was read.
        return now_s - self._read_s if type(outcome) is Failed and self._read_s is not None else None

    def judged(self, rule: Rule, seen: Seen, now_s: float) -> Event | None:
        try:
            if (value := self._measured(rule, seen, now_s)) is None:
                return None
            raised = rule.name in self._raised
            if value <= rule.clears_at if raised else value > rule.limit:
                return self._turned(rule, seen.account, value, now_s)
        except Exception as error:
            error.add_note(f"in the rule {rule.name!r}, of the account {str(seen.account)!r}")
            raise
        return None

    def _measured(self, rule: Rule, seen: Seen, now_s: float) -> Decimal | float | None:
        value = rule.measure(seen)
        if value is None or value != value:  # no number is not equal to itself
            return None
        if rule.fall_within_s is None:
            return value
        if (highest := self._highest.get(rule.name)) is None:
            highest = self._highest[rule.name] = _Highest(rule.fall_within_s)
        return highest.fallen(Decimal(value), now_s)

    def _turned(self, rule: Rule, key: AccountKey, value: Decimal | float | None, now_s: float) -> Event:
        self._raised ^= {rule.name}
        return Event(
            rule=rule.name,
            account=key,
            raised=rule.name in self._raised,
            value=value,
            limit=rule.limit,
            at_s=now_s,
        )

    def ended(self, rules: Iterable[Rule], key: AccountKey, now_s: float) -> list[Event]:
        return [self._turned(rule, key, None, now_s) for rule in rules if rule.name in self._raised]


class _Highest:
    """The highest of the last seconds: each figure goes with the first that is as high or higher."""

    __slots__ = ("_figures", "_within_s")

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._figures: deque[tuple[float, Decimal]] = deque()

    def fallen(self, figure: Decimal, now_s: float) -> Decimal | None:
        """By which share *figure* is below the highest; ``None`` where that is not above zero."""
        figures = self._figures
        while figures and figures[-1][1] <= figure:
            figures.pop()
        figures.append((now_s, figure))
        while figures[0][0] < now_s - self._within_s:
            figures.popleft()
        highest = figures[0][1]
        return _SHARES.divide(_SHARES.subtract(highest, figure), highest) if highest > 0 else None


def checked(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """*rules*, each with a name of its own. Raises `UsageError`."""
    if isinstance(rules, Rule) or not isinstance(rules, Iterable):
        raise UsageError(f"rules is a list of rules, not {type(rules).__name__}")
    checked = tuple(rules)
    names: set[str] = set()
    for rule in checked:
        if not isinstance(rule, Rule):
            raise UsageError(f"rules is a list of rules; one of them is {type(rule).__name__}")
        if rule.name in names:
            raise UsageError(f"two rules have the name {rule.name!r}")
        names.add(rule.name)
    return checked
