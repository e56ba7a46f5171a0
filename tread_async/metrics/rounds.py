"""What is counted of rounds of polling, and what the newest of them say."""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from tread_async.errors import ClientClosedError
from tread_async.hooks import PollingEnded, PollingStarted, RoundPolled
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale

__all__ = ["NewestRounds", "RoundMetrics"]

_A_TURN: Final = 64
_REST_S: Final = 0.00005
_LATE_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_KINDS: Final = {Ok: "ok", Stale: "stale", Missing: "missing", Failed: "failed"}  # the worst last
_RANKS: Final = {kind: rank for rank, kind in enumerate(_KINDS)}
_TROUBLES: Final = ("ended", "overdue", "unlisted")
_LEFT: Final = ClientClosedError.__name__  # closed, or nobody reads any more

Polled: TypeAlias = tuple[RoundPolled, float]
"""A round, and the seconds since then."""


class RoundMetrics:
    """What is counted of rounds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str) -> Counter:
            return Counter(name, what, registry=registry)

        self._rounds = counter("tread_poll_rounds", "Rounds of polling.")
        self._late_s = Histogram(
            "tread_poll_late_seconds",
            "Seconds by which a round's latest request was begun later than planned.",
            registry=registry,
            buckets=_LATE_S,
        )
        self._changes = counter("tread_account_changes", "Accounts that differ from the round before.")
        self._read = counter("tread_accounts_read", "Accounts in the answers of polling.")
        self._decoded = counter("tread_accounts_decoded", "Those that had changed, and were decoded.")
        self._ended = counter("tread_pollings_ended", "Watches and feeds that ended by an error.")

    def polled(self, polled: RoundPolled) -> None:
        self._rounds.inc()
        self._late_s.observe(polled.late_s)
        self._changes.inc(polled.changes)
        self._read.inc(polled.read)
        self._decoded.inc(polled.decoded)

    def ended(self, ended: PollingEnded) -> None:
        if ended.cause != _LEFT:
            self._ended.inc()


class NewestRounds(Collector):
    """What the newest rounds say, looked at when it is asked for: in a thread that holds up nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[PollingStarted, tuple[RoundPolled | None, float]] = {}
        # Tokens whose refusal has ended a polling: with its series it would go before anybody had seen it.
        self._refused: set[str] = set()

    def started(self, polling: PollingStarted) -> None:
        with self._lock:
            self._newest[polling] = None, time.monotonic()
            self._refused.difference_update(polling.credentials)

    def polled(self, polled: RoundPolled) -> None:
        with self._lock:
            self._newest[polled.polling] = polled, time.monotonic()

    def ended(self, ended: PollingEnded) -> None:
        with self._lock:
            polled, _ = self._newest.pop(ended.polling, (None, 0.0))
            if polled is not None and ended.cause != _LEFT:
                self._refused.update(polled.ended)

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            newest, refused = dict(self._newest), set(self._refused)
        now = time.monotonic()
        silence_s = [now - at for _, at in newest.values()]
        yield _family(
            "tread_poll_silence_seconds",
            "Seconds since the last round, of the polling that has been silent for longest.",
            {(): max(silence_s)} if newest else {},
        )
        yield _family(
            "tread_poll_interval_seconds",
            "Seconds from one poll to the next, of the slowest polling.",
            {(): max(polling.interval_s for polling in newest)} if newest else {},
        )
        rounds = [(polled, now - at) for polled, at in newest.values() if polled is not None]
        yield _ages(rounds)
        kinds, of_unknown_age = _tallied(rounds)
        credentials = {name for name, _ in kinds}
        yield _family(
            "tread_accounts",
            "Accounts of the newest round, by what became of them.",
            {(name, kind): kinds[name, kind] for name in credentials for kind in _KINDS.values()},
            "credential",
            "outcome",
        )
        yield _family(
            "tread_accounts_of_unknown_age",
            "Accounts of which something is known, but not how old it is.",
            {(name,): of_unknown_age[name] for name in credentials},
            "credential",
        )
        troubles = _troubles([polled for polled, _ in rounds]) | {(name, "ended") for name in refused}
        credentials |= {name for name, _ in troubles}
        yield _family(
            "tread_credential_trouble",
            "1 for a token that is refused for good, does not answer, or whose accounts are not known.",
            {(name, trouble): (name, trouble) in troubles for name in credentials for trouble in _TROUBLES},
            "credential",
            "trouble",
        )


def _family(
    name: str, what: str, samples: Mapping[tuple[str, ...], float], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family


def _ages(rounds: Sequence[Polled]) -> GaugeMetricFamily:
    """The ages that are known, of now."""
    name = "tread_account_age_seconds"

    def samples() -> Iterator[Sample]:
        for key, known in _accounts(rounds):
            ages_s = [value.age_s + since_s for value, since_s in _values(known) if value.age_s is not None]
            if ages_s:
                yield Sample(name, {"credential": key.credential, "account": key.name}, max(ages_s))

    family = _family(name, "Age of what is known of an account.", {}, "credential", "account")
    family.samples = _OneByOne(samples)  # type: ignore[assignment]
    return family


class _OneByOne:
    """Samples that are made while they are written out, which is all that is done with them.

    Thousands at once would be work for the garbage collector, which holds everything up.
    """

    def __init__(self, made: Callable[[], Iterator[Sample]]) -> None:
        self._made = made

    def __iter__(self) -> Iterator[Sample]:
        return self._made()


def _tallied(rounds: Sequence[Polled]) -> tuple[Tally[tuple[str, str]], Tally[str]]:
    """How many accounts of a credential have become what, the worst of each; and those of unknown age."""
    kinds: Tally[tuple[str, str]] = Tally()
    of_unknown_age: Tally[str] = Tally()
    for key, known in _accounts(rounds):
        worst = max([type(outcome) for outcome, _ in known], key=_RANKS.__getitem__)
        kinds[key.credential, _KINDS[worst]] += 1
        of_unknown_age[key.credential] += any(value.age_s is None for value, _ in _values(known))
    return kinds, of_unknown_age


def _values(known: Iterable[tuple[Outcome, float]]) -> Iterator[tuple[Ok | Stale, float]]:
    """What is known of an account, in each of the rounds that know something."""
    for outcome, since_s in known:
        last = outcome.last if isinstance(outcome, Failed) else outcome
        if isinstance(last, Ok | Stale):
            yield last, since_s


def _accounts(rounds: Sequence[Polled]) -> Iterator[tuple[AccountKey, list[tuple[Outcome, float]]]]:
    """Each account once, as every polling that has it last saw it, with the seconds since then.

    It rests now and then: an event loop that waits for the interpreter would wait 5 ms.
    """
    every = [(polled.snapshot.outcomes, since_s) for polled, since_s in rounds]
    for number, (outcomes, since_s) in enumerate(every):
        before, after = every[:number], every[number + 1 :]
        for place, (key, outcome) in enumerate(outcomes.items(), 1):
            if not place % _A_TURN:
                time.sleep(_REST_S)
            if not any(key in others for others, _ in before):
                more = [(others[key], others_s) for others, others_s in after if key in others]
                yield key, [(outcome, since_s), *more]


def _troubles(rounds: Iterable[RoundPolled]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for polled in rounds:
        names = (polled.ended, polled.overdue, polled.snapshot.unlisted)
        found |= {(name, trouble) for trouble, some in zip(_TROUBLES, names, strict=True) for name in some}
    return found
