"""Metrics for Prometheus. Needs the extra ``metrics``.

Give the hooks of a `Metrics` to a manager or client, and serve its registry::

    metrics = Metrics()
    async with SessionManager(tokens, hooks=metrics.hooks) as desk: ...
    prometheus_client.start_http_server(9464, "127.0.0.1")
"""

from __future__ import annotations

try:
    from prometheus_client import REGISTRY, CollectorRegistry
except ModuleNotFoundError as _missing:
    if _missing.name != "prometheus_client":
        raise
    raise ImportError("tread_async.metrics needs its extra: pip install 'tread-async[metrics]'") from None

from tread_async.hooks import Hooks, PollingEnded, RoundPolled
from tread_async.metrics.calls import CallMetrics
from tread_async.metrics.rounds import NewestRounds, RoundMetrics

__all__ = ["Metrics"]


class Metrics:
    """Series ``tread_*`` of all clients and managers that have its hooks. Any thread may read them.

    Labels are names of credentials, endpoints and causes; only ``tread_account_age_seconds`` has one series
    for each account, which goes when the account is not polled any more. Where several watches have the same
    account, or clients with accounts of the same names, the worst of what they know counts.
    `tread_async.hooks` says what a cause is.

    Attributes:
        hooks: What to give to a client or manager.

    Args:
        registry: Where they are; by default `prometheus_client.REGISTRY`.

    Raises:
        UsageError: the registry has them already.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._newest = NewestRounds()
        self._calls = CallMetrics(registry)
        self._rounds = RoundMetrics(registry)
        registry.register(self._newest)
        self.hooks: Hooks = Hooks(
            attempt_started=self._calls.attempt_started,
            attempt_sent=self._calls.attempt_sent,
            attempt_ended=self._calls.attempt_ended,
            retried=self._calls.retried,
            budget_refused=self._calls.budget_refused,
            call_ended=self._calls.call_ended,
            write_unknown=self._calls.write_unknown,
            gate_closed=self._calls.gate_closed,
            polling_started=self._newest.started,
            round_polled=self._round_polled,
            polling_ended=self._polling_ended,
        )

    def _round_polled(self, polled: RoundPolled) -> None:
        self._rounds.polled(polled)
        self._newest.polled(polled)

    def _polling_ended(self, ended: PollingEnded) -> None:
        self._rounds.ended(ended)
        self._newest.ended(ended)
