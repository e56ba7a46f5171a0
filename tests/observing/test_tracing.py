"""Spans of calls, by OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.desks import desk
from tests.support.samples import EVERY, FAST, ONE_TRY, answering
from tests.support.wire import TOKEN, Wire, reply, stall
from tread_async import TreadClient, TreadError
from tread_async.simulator import Simulator
from tread_async.tracing import Tracing

GOOD = reply({"balances": []})


class Spans:
    """A provider of its own, with what it has exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("of the user")

    @property
    def ended(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()


@pytest.fixture
async def spans() -> AsyncIterator[Spans]:
    spans = Spans()
    yield spans
    spans.provider.shutdown()


def events(span: ReadableSpan) -> list[tuple[str, Any, Any]]:
    """The name, status and cause of each event."""
    found = [(event.name, dict(event.attributes or {})) for event in span.events]
    return [(name, one.get("http.response.status_code"), one.get("error.type")) for name, one in found]


async def test_a_span_of_a_call(spans: Spans) -> None:
    """It lies in the user's, and has the route, its requests and its repeats."""
    hooks = Tracing(spans.provider).hooks
    async with (
        Wire([reply({}, 500), GOOD]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, hooks=hooks) as client,
    ):
        with spans.tracer.start_as_current_span("mine") as mine:
            await client.cached_balances(["some-account"])

    span, _ = spans.ended
    assert span.parent == mine.get_span_context()
    assert (span.name, span.kind) == ("GET /api/sor/get_cached_account_balance", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.template": "/api/sor/get_cached_account_balance",
        "tread.endpoint": "cached_balances",
        "tread.attempts": 2,
    }
    assert events(span) == [
        ("attempt", 500, "HTTP 500"),
        ("retry", None, "HTTP 500"),
        ("attempt", 200, None),
    ]
    assert span.status.status_code is StatusCode.UNSET


async def test_a_call_that_fails(spans: Spans) -> None:
    """It is an error with its cause; one that is refused for want of budget says so."""
    hooks = Tracing(spans.provider).hooks
    async with (
        Wire(reply({}, 500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, hooks=hooks) as client,
    ):
        for _ in range(8):
            with pytest.raises(TreadError):
                await client.balances()

    last = spans.ended[-1]
    assert last.status.status_code is StatusCode.ERROR
    assert (last.attributes or {})["error.type"] == "HTTP 500"
    assert events(last) == [("attempt", 500, "HTTP 500"), ("retry refused", None, "HTTP 500")]


async def test_a_call_that_is_cancelled(spans: Spans) -> None:
    """Its span ends, and is no error."""
    hooks = Tracing(spans.provider).hooks
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url, hooks=hooks) as client:
        call = asyncio.create_task(client.balances())
        await wire.until(1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    (span,) = spans.ended
    assert span.status.status_code is StatusCode.UNSET
    assert events(span) == [("attempt", None, "CancelledError")]


async def test_a_shared_read_has_one_span(spans: Spans) -> None:
    """Below the one of whoever came first, also when that caller has left meanwhile."""
    async with (
        Simulator(accounts=3, latency_s=0.05) as sim,
        desk(sim, hooks=Tracing(spans.provider).hooks) as manager,
    ):
        names = [str(key) for key in (await manager.accounts()).accounts]

        async def ask(name: str) -> Any:
            with spans.tracer.start_as_current_span(name):
                return await manager.balance(name)

        tasks = [asyncio.create_task(ask(name)) for name in names]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    reads = [span for span in spans.ended if span.name == "GET /api/balances/"]
    first = next(span for span in spans.ended if span.name == names[0])
    assert len(reads) == 1
    assert reads[0].parent is not None
    assert first.context is not None
    assert reads[0].parent.span_id == first.context.span_id
    assert reads[0].status.status_code is StatusCode.UNSET


async def test_a_read_that_is_asked_twice_has_one_span(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both requests are events of it, which came before its end."""
    hooks = Tracing(spans.provider).hooks
    async with (
        Wire([GOOD] * 60 + [stall, GOOD]) as wire,
        TreadClient(TOKEN, base_url=wire.url, hedge_cached=True, hooks=hooks) as client,
    ):
        for _ in range(60):
            await client.cached_balances()
        monkeypatch.setattr("tread_async._hedging._SHORTEST_DELAY_S", 0.02)
        await client.cached_balances()

    span = spans.ended[-1]
    assert len(spans.ended) == 61
    assert sorted(events(span), key=str) == [("attempt", 200, None), ("attempt", None, "CancelledError")]
    assert span.end_time is not None
    assert all(event.timestamp <= span.end_time for event in span.events)


@pytest.mark.parametrize("name", EVERY)
async def test_no_secret_is_in_a_span(name: str, spans: Spans) -> None:
    """Nor a name or what the server says, whatever it repeats."""
    said = reply({"message": f"{TOKEN} and more"}, 500)
    hooks = Tracing(spans.provider).hooks
    async with (
        Wire(answering(name, said)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, hooks=hooks) as client,
    ):
        with pytest.raises(TreadError):
            await EVERY[name](client)

    said_of_them = "".join([span.to_json() for span in spans.ended])
    assert spans.ended
    assert "canary" not in said_of_them
    assert "and more" not in said_of_them
    assert "id-1" not in said_of_them
    assert "token" not in said_of_them
    assert "orders" not in said_of_them


async def test_names_of_credentials_only_when_asked_for(spans: Spans) -> None:
    """They are the user's words, and may be anything."""
    async with Simulator(tokens=2, accounts=1) as sim:
        async with desk(sim, hooks=Tracing(spans.provider).hooks) as manager:
            await manager.accounts()
        async with desk(sim, hooks=Tracing(spans.provider, credential_names=True).hooks) as manager:
            await manager.accounts()

    said = [(span.attributes or {}).get("tread.credential") for span in spans.ended]
    assert (said[:2], sorted(map(str, said[2:]))) == ([None, None], ["a", "b"])
