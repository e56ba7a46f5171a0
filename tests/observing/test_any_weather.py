"""Whatever goes wrong, what hooks are told fits together, and every span has its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from tests.support.desks import desk
from tests.support.heard import Heard
from tests.support.samples import FAST, PAIR
from tread_async import ALL, TreadError
from tread_async.hooks import AttemptEnded, CallEnded, CallStarted
from tread_async.metrics import Metrics
from tread_async.simulator import Simulator
from tread_async.tracing import Tracing

KINDS: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"status": 401},
    {"drop": "after"},
    {"truncate_bytes": 5},
    {"delay_s": 0.03},
    {"endpoint": "set_leverage", "status": 422},
]
FAULTS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from([0.2, 0.6, 1.0]), st.sampled_from([0, 1])), max_size=4
)
LEAVES_AFTER_S = st.sampled_from([0.0, 0.002, 0.01, 0.2])


@settings(max_examples=25, deadline=None)
@given(faults=FAULTS, leaves_after_s=LEAVES_AFTER_S)
def test_what_is_told_fits_together(faults: list[Any], leaves_after_s: float) -> None:
    """Also of calls that are cancelled, shared, split, repeated, or cut off when the manager is closed."""
    heard, registry, exporter = Heard(), CollectorRegistry(), InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Tracing(provider)
    hooks = [heard.hooks, Metrics(registry).hooks, tracing.hooks]
    asyncio.run(_busy(faults, leaves_after_s, hooks))
    provider.shutdown()

    assert heard.problems == []
    calls, spans = heard.of(CallStarted), exporter.get_finished_spans()
    assert len(spans) == len(calls) == len(heard.of(CallEnded))
    assert tracing._spans == {}
    assert sum(len(span.events) for span in spans) >= len(heard.of(AttemptEnded))
    for name in ("tread_in_flight", "tread_queued"):
        for metric in registry.restricted_registry([name]).collect():
            assert {sample.value for sample in metric.samples} <= {0.0}
    ended = {
        sample.name: sample.value
        for metric in registry.restricted_registry(["tread_call_seconds_count"]).collect()
        for sample in metric.samples
    }
    assert all(count > 0 for count in ended.values())


async def _busy(faults: list[Any], leaves_after_s: float, hooks: list[Any]) -> None:
    async with Simulator(tokens=2, accounts=4, assets=2) as sim:
        for kind, chance, user in faults:
            sim.fail(**kind, chance=chance, user=user)
        options = {"retry": FAST, "hooks": hooks, "deadline_s": 0.5, "hedge_cached": True}
        async with desk(sim, **options) as manager:
            works = [
                manager.balances(),
                manager.balances(source="cached"),
                manager.set_leverage(5, pair=PAIR, accounts=ALL),
                *[manager.balance(f"a/{account.name}") for account in sim.accounts(0)],
                _watching(manager),
            ]
            tasks = [asyncio.create_task(work) for work in works]
            await asyncio.sleep(leaves_after_s)
            tasks[1].cancel()
            tasks[3].cancel()
            await asyncio.wait(tasks, timeout=leaves_after_s)
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watching(manager: Any) -> None:
    with contextlib.suppress(TreadError):
        async with manager.watch(interval_s=0.02) as updates:
            async for _ in updates:
                pass
