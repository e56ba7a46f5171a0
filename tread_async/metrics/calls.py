"""What is counted of calls and their attempts."""

from __future__ import annotations

import functools
import time
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tread_async._version import __version__
from tread_async.errors import UsageError
from tread_async.hooks import (
    AttemptEnded,
    AttemptSent,
    AttemptStarted,
    BudgetRefused,
    CallEnded,
    GateClosed,
    Retried,
    WriteUnknown,
)

__all__ = ["CallMetrics"]

M = TypeVar("M", Counter, Gauge, Histogram)

_CALL: Final = ("credential", "endpoint")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class CallMetrics:
    """What is counted of calls and their attempts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(name, what, labels, registry=registry)

        def seconds(name: str, what: str) -> Histogram:
            return Histogram(name, what, ("endpoint",), registry=registry, buckets=_SECONDS)

        # Finding a series by its labels takes ten times as long as adding to it.
        self._of = functools.cache(_labelled)
        self._opens_at: dict[str, float] = {}  # by credential, on the monotonic clock
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
            "tread_writes_unknown", "Writes of which nobody was told whether they were applied."
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
        self._of(self._queued, started.call.credential).inc()

    def attempt_sent(self, sent: AttemptSent) -> None:
        self._of(self._queued, sent.call.credential).dec()
        self._of(self._in_flight, sent.call.credential).inc()

    def attempt_ended(self, ended: AttemptEnded) -> None:
        credential, endpoint = ended.call.credential, ended.call.endpoint
        self._of(self._wait_s, endpoint).observe(ended.waited_s)
        self._of(self._attempts, credential, endpoint, ended.cause or "ok").inc()
        if not ended.sent:
            self._of(self._queued, credential).dec()
            return
        self._of(self._in_flight, credential).dec()
        self._of(self._attempt_s, endpoint).observe(ended.took_s)
        self._of(self._bytes, credential, endpoint).inc(ended.received_bytes)

    def retried(self, retried: Retried) -> None:
        self._of(self._retries, retried.call.credential, retried.call.endpoint, retried.cause).inc()

    def budget_refused(self, _: BudgetRefused) -> None:
        self._refused.inc()

    def call_ended(self, ended: CallEnded) -> None:
        call = ended.call
        self._of(self._calls, call.credential, call.endpoint, ended.cause or "ok").inc()
        self._of(self._call_s, call.endpoint).observe(ended.took_s)
        self._budget.set(ended.budget_left)

    def write_unknown(self, _: WriteUnknown) -> None:
        self._unknown.inc()

    def gate_closed(self, closed: GateClosed) -> None:
        credential, opens_at = closed.credential, self._opens_at
        # A later moment given before stays.
        opens_at[credential] = max(time.monotonic() + closed.closed_s, opens_at.get(credential, 0.0))
        self._of(self._closed, credential).inc()
        closed_s = self._of(self._closed_s, credential)
        closed_s.set_function(lambda: max(0.0, opens_at[credential] - time.monotonic()))


def _labelled(metric: M, *labels: str) -> M:
    return metric.labels(*labels)
