"""Spans for OpenTelemetry. Needs the extra ``otel``.

Give the hooks of a `Tracing` to a manager or client::

    async with SessionManager(tokens, hooks=Tracing().hooks) as desk: ...
"""

from __future__ import annotations

from typing import Final

try:
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, get_tracer
except ModuleNotFoundError as _missing:
    if _missing.name not in ("opentelemetry", "opentelemetry.trace"):
        raise
    raise ImportError("tread_async.tracing needs its extra: pip install 'tread-async[otel]'") from None

from tread_async._version import __version__
from tread_async.hooks import AttemptEnded, BudgetRefused, CallEnded, CallStarted, Hooks, Retried

__all__ = ["Tracing"]

_CANCELLED: Final = "CancelledError"


class Tracing:
    """A span for each call, as a child of the span that is current where it begins.

    Its requests and repeats are events of it. A read that several callers share has one span, below the one
    of whoever came first; polls have theirs below the span in which a watch or feed was entered. A span says
    the method and the route (never a URL), how often it was tried and what became of it.

    Attributes:
        hooks: What to give to a client or manager.

    Args:
        provider: Of the spans; by default the global one.
        credential_names: Whether spans say the name that a manager has for the token.
    """

    def __init__(self, provider: TracerProvider | None = None, *, credential_names: bool = False) -> None:
        self._tracer = get_tracer("tread_async", __version__, provider)
        self._credential_names = credential_names
        self._spans: dict[CallStarted, Span] = {}
        self.hooks: Hooks = Hooks(
            call_started=self._call_started,
            attempt_ended=self._attempt_ended,
            retried=self._retried,
            budget_refused=self._budget_refused,
            call_ended=self._call_ended,
        )

    def _call_started(self, call: CallStarted) -> None:
        attributes = {"http.request.method": call.method, "tread.endpoint": call.endpoint}
        if call.route is not None:
            attributes["url.template"] = call.route
        if self._credential_names:
            attributes["tread.credential"] = call.credential
        name = call.method if call.route is None else f"{call.method} {call.route}"
        self._spans[call] = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def _attempt_ended(self, ended: AttemptEnded) -> None:
        attributes: dict[str, str | int | float | bool] = {
            "tread.attempt": ended.number,
            "tread.sent": ended.sent,
            "tread.waited_s": ended.waited_s,
            "tread.took_s": ended.took_s,
            "tread.received_bytes": ended.received_bytes,
        }
        if ended.status is not None:
            attributes["http.response.status_code"] = ended.status
        if ended.cause is not None:
            attributes["error.type"] = ended.cause
        self._spans[ended.call].add_event("attempt", attributes)

    def _retried(self, retried: Retried) -> None:
        self._spans[retried.call].add_event(
            "retry", {"error.type": retried.cause, "tread.wait_s": retried.wait_s}
        )

    def _budget_refused(self, refused: BudgetRefused) -> None:
        self._spans[refused.call].add_event("retry refused", {"error.type": refused.cause})

    def _call_ended(self, ended: CallEnded) -> None:
        span = self._spans.pop(ended.call)
        span.set_attribute("tread.attempts", ended.attempts)
        if ended.cause is not None:
            span.set_attribute("error.type", ended.cause)
            if ended.cause != _CANCELLED:  # nobody wants the answer any more: that is no failure
                span.set_status(Status(StatusCode.ERROR))
        span.end()
