"""Metrics for Prometheus. Needs the extra ``metrics``.

Give the hooks of a `Metrics` to a manager or client, and serve its registry::

    metrics = Metrics()
    async with SessionManager(tokens, hooks=metrics.hooks) as desk: ...
    prometheus_client.start_http_server(9464, "127.0.0.1")
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
    from prometheus_client.core import GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:
    if error.name != "prometheus_client":
        raise
    raise ImportError("tread_async.metrics needs its extra: pip install 'tread-async[metrics]'") from None

from tread_async._version import __version__
from tread_async.errors import ClosedAfterSendingError, OutcomeUnknownError, UsageError
from tread_async.hooks import (
    AttemptEnded,
    AttemptSent,
    AttemptStarted,
    BudgetRefused,
    CallEnded,
    GateClosed,
    Hooks,
    PollingEnded,
    PollingStarted,
    Retried,
    RoundPolled,
)
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Stale

__all__ = ["Metrics"]

_CALL: Final = ("credential", "endpoint")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LATE_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_KINDS: Final = {Ok: "ok", Stale: "stale", Failed: "failed", Missing: "missing"}
_UNKNOWN: Final = (OutcomeUnknownError.__name__, ClosedAfterSendingError.__name__)
_TROUBLES: Final = ("ended", "overdue", "unlisted")


class Metrics:
    """Series ``tread_*`` of all clients and managers that have its hooks. Any thread may read them.

    Labels are names of credentials, endpoints and causes; only ``tread_account_age_seconds`` has one series
    for each account, which goes when the account is not polled any more. `tread_async.hooks` says what a
    cause is.

    Attributes:
        hooks: What to give to a client or manager.

    Args:
        registry: Where they are; by default `prometheus_client.REGISTRY`.

    Raises:
        UsageError: the registry has them already.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._newest = _Newest()
        self._calls = _Calls(registry)
        self._rounds = _Rounds(registry)
        registry.register(self._newest)
        self.hooks = Hooks(
            attempt_started=self._calls.attempt_started,
            attempt_sent=self._calls.attempt_sent,
            attempt_ended=self._calls.attempt_ended,
            retried=self._calls.retried,
            budget_refused=self._calls.budget_refused,
            call_ended=self._calls.call_ended,
            gate_closed=self._calls.gate_closed,
            polling_started=self._newest.started,
            round_polled=self._round_polled,
            polling_ended=self._newest.ended,
        )

    def _round_polled(self, polled: RoundPolled) -> None:
        self._rounds.polled(polled)
        self._newest.polled(polled)


class _Calls:
    """What is counted of calls and their attempts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(name, what, labels, registry=registry)

        def seconds(name: str, what: str) -> Histogram:
            return Histogram(name, what, ("endpoint",), registry=registry, buckets=_SECONDS)

        try:
            info = gauge("tread_info", "The version of tread-async.", "version")
        except ValueError:
            raise UsageError("the registry has these metrics already; one Metrics does for all") from None
        info.labels(__version__).set(1)
        self._calls = counter("tread_calls", "Calls that ended, by ok or the cause.", *_CALL, "outcome")
        self._call_s = seconds("tread_call_seconds", "Seconds of a call, with all attempts and waits.")
        self._attempts = counter(
            "tread_attempts", "Requests that ended, by ok or the cause.", *_CALL, "outcome"
        )
        self._attempt_s = seconds("tread_attempt_seconds", "Seconds from sending to the last byte.")
        self._wait_s = seconds("tread_queue_wait_seconds", "Seconds that a request waited for its turn.")
        self._queued = gauge("tread_queued", "Requests that wait for their turn.", "credential")
        self._in_flight = gauge("tread_in_flight", "Requests that are on their way.", "credential")
        self._bytes = counter("tread_received_bytes", "Bytes of bodies, decompressed.", *_CALL)
        # Without labels, so that they are there from the start: what appears with 1 is no increase.
        self._unknown = counter(
            "tread_writes_unknown", "Writes that ended without saying whether they were applied."
        )
        self._refused = counter("tread_budget_refusals", "Calls that were not repeated for want of budget.")
        self._retries = counter("tread_retries", "Repeats, by what caused them.", *_CALL, "cause")
        self._budget = gauge("tread_retry_budget_left", "What is left to pay for repeats, of 100.")
        self._budget.set(100)
        self._closed = counter("tread_gate_closures", "Waits that the server asked for (429).", "credential")
        self._closed_s = gauge(
            "tread_gate_closed_seconds",
            "Seconds for which nothing is sent, as the server asked.",
            "credential",
        )

    def attempt_started(self, started: AttemptStarted) -> None:
        self._queued.labels(started.call.credential).inc()

    def attempt_sent(self, sent: AttemptSent) -> None:
        self._queued.labels(sent.call.credential).dec()
        self._in_flight.labels(sent.call.credential).inc()

    def attempt_ended(self, ended: AttemptEnded) -> None:
        credential, endpoint = ended.call.credential, ended.call.endpoint
        self._wait_s.labels(endpoint).observe(ended.waited_s)
        self._attempts.labels(credential, endpoint, ended.cause or "ok").inc()
        if not ended.sent:
            self._queued.labels(credential).dec()
            return
        self._in_flight.labels(credential).dec()
        self._attempt_s.labels(endpoint).observe(ended.took_s)
        self._bytes.labels(credential, endpoint).inc(ended.received_bytes)

    def retried(self, retried: Retried) -> None:
        self._retries.labels(retried.call.credential, retried.call.endpoint, retried.cause).inc()

    def budget_refused(self, _: BudgetRefused) -> None:
        self._refused.inc()

    def call_ended(self, ended: CallEnded) -> None:
        call = ended.call
        self._calls.labels(call.credential, call.endpoint, ended.cause or "ok").inc()
        self._call_s.labels(call.endpoint).observe(ended.took_s)
        self._budget.set(ended.budget_left)
        if ended.cause in _UNKNOWN:
            self._unknown.inc()

    def gate_closed(self, closed: GateClosed) -> None:
        opens_at = time.monotonic() + closed.closed_s
        self._closed.labels(closed.credential).inc()
        self._closed_s.labels(closed.credential).set_function(lambda: max(0.0, opens_at - time.monotonic()))


class _Rounds:
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

    def polled(self, polled: RoundPolled) -> None:
        self._rounds.inc()
        self._late_s.observe(polled.late_s)
        self._changes.inc(polled.changes)
        self._read.inc(polled.read)
        self._decoded.inc(polled.decoded)


class _Newest(Collector):
    """What the newest rounds say, looked at when it is asked for: in a thread that holds up nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[PollingStarted, tuple[RoundPolled | None, float]] = {}

    def started(self, polling: PollingStarted) -> None:
        self._note(polling, None)

    def polled(self, polled: RoundPolled) -> None:
        self._note(polled.polling, polled)

    def _note(self, polling: PollingStarted, polled: RoundPolled | None) -> None:
        with self._lock:
            self._newest.pop(polling, None)
            self._newest[polling] = polled, time.monotonic()  # the newest comes last

    def ended(self, ended: PollingEnded) -> None:
        with self._lock:
            self._newest.pop(ended.polling, None)

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            newest = dict(self._newest)
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
        found = {key: (one, since_s) for polled, since_s in rounds for key, one in _outcomes(polled)}
        yield _family(
            "tread_account_age_seconds",
            "Age of what is known of an account.",
            {(key.credential, key.name): age_s for key, age_s in _ages(found)},
            "credential",
            "account",
        )
        kinds = Tally((key.credential, _KINDS[type(one)]) for key, (one, _) in found.items())
        credentials = {key.credential for key in found}
        yield _family(
            "tread_accounts",
            "Accounts of the newest round, by what became of them.",
            {(name, kind): kinds[name, kind] for name in credentials for kind in _KINDS.values()},
            "credential",
            "outcome",
        )
        troubles = _troubles([polled for polled, _ in rounds])
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


def _outcomes(polled: RoundPolled) -> Iterable[tuple[AccountKey, Outcome]]:
    return polled.snapshot.outcomes.items()


def _ages(found: Mapping[AccountKey, tuple[Outcome, float]]) -> Iterator[tuple[AccountKey, float]]:
    """The ages that are known, of now."""
    for key, (outcome, since_s) in found.items():
        last = outcome.last if isinstance(outcome, Failed) else outcome
        if isinstance(last, Ok | Stale) and last.age_s is not None:
            yield key, last.age_s + since_s


def _troubles(rounds: Iterable[RoundPolled]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for polled in rounds:
        names = (polled.ended, polled.overdue, polled.snapshot.unlisted)
        found |= {(name, trouble) for trouble, some in zip(_TROUBLES, names, strict=True) for name in some}
    return found
