"""What Prometheus reads."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import urllib.request
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from tests.support.balances import balance
from tests.support.desks import desk
from tests.support.rounds import a_round
from tests.support.samples import EVERY, FAST, NOON, ONE_TRY, PAIR, answering
from tests.support.wire import TOKEN, Wire, hang_up, reply, stall
from tread_async import (
    AccountKey,
    Ok,
    Outcome,
    OutcomeUnknownError,
    SessionManager,
    TreadClient,
    TreadError,
    UsageError,
)
from tread_async.hooks import GateClosed, PollingStarted
from tread_async.metrics import Metrics
from tread_async.simulator import Simulator

GOOD = reply({"balances": []})


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def age(registry: CollectorRegistry, credential: str, account: str) -> float | None:
    return value(registry, "tread_account_age_seconds", credential=credential, account=account)


def text(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


async def test_calls_are_counted(registry: CollectorRegistry) -> None:
    """By endpoint and outcome, each attempt and repeat too."""
    hooks = Metrics(registry).hooks
    async with (
        Wire([reply({}, 500), GOOD, reply({}, 400)]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, hooks=hooks) as client,
    ):
        await client.cached_balances()
        with pytest.raises(TreadError):
            await client.cached_balances()

    of = {"credential": "token", "endpoint": "cached_balances"}
    assert value(registry, "tread_calls_total", **of, outcome="ok") == 1
    assert value(registry, "tread_calls_total", **of, outcome="HTTP 400") == 1
    assert value(registry, "tread_attempts_total", **of, outcome="HTTP 500") == 1
    assert value(registry, "tread_attempts_total", **of, outcome="ok") == 1
    assert value(registry, "tread_retries_total", **of, cause="HTTP 500") == 1
    assert value(registry, "tread_received_bytes_total", **of) == 16 + 2 + 2
    for name, count in (("tread_call_seconds", 2), ("tread_attempt_seconds", 3)):
        assert value(registry, f"{name}_count", endpoint="cached_balances") == count
    assert value(registry, "tread_queue_wait_seconds_count", endpoint="cached_balances") == 3
    assert value(registry, "tread_retry_budget_left") == 100


async def test_what_is_under_way(registry: CollectorRegistry) -> None:
    """Requests that wait and those on their way, and none of them when all is over."""
    hooks = Metrics(registry).hooks
    async with (
        Wire(stall) as wire,
        TreadClient(TOKEN, base_url=wire.url, max_in_flight=2, hooks=hooks) as client,
    ):
        calls = [asyncio.create_task(client.balances()) for _ in range(5)]
        await wire.until(2)
        assert value(registry, "tread_in_flight", credential="token") == 2
        assert value(registry, "tread_queued", credential="token") == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    assert value(registry, "tread_in_flight", credential="token") == 0
    assert value(registry, "tread_queued", credential="token") == 0


async def test_the_budget(registry: CollectorRegistry) -> None:
    """What is left of it, and who was refused."""
    hooks = Metrics(registry).hooks
    async with (
        Wire(reply({}, 500)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, hooks=hooks) as client,
    ):
        for _ in range(8):
            with pytest.raises(TreadError):
                await client.balances()

    assert value(registry, "tread_retry_budget_left") == 0
    assert value(registry, "tread_budget_refusals_total") == 3


async def test_a_closed_gate(registry: CollectorRegistry) -> None:
    """How often, and how long it is closed still."""
    hooks = Metrics(registry).hooks
    async with (
        Wire(reply({}, 429, retry_after=5)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, hooks=hooks) as client,
    ):
        with pytest.raises(TreadError):
            await client.balances()

        left_s = value(registry, "tread_gate_closed_seconds", credential="token")
        await asyncio.sleep(0.05)
        less_s = value(registry, "tread_gate_closed_seconds", credential="token")

    assert left_s is not None
    assert less_s is not None
    assert 4 < less_s <= left_s - 0.04
    assert value(registry, "tread_gate_closures_total", credential="token") == 1


async def test_a_gate_that_is_closed_twice(registry: CollectorRegistry) -> None:
    """The later moment holds."""
    gate_closed = Metrics(registry).hooks.gate_closed
    assert gate_closed is not None
    for seconds in (30.0, 5.0):
        gate_closed(GateClosed(credential="a", closed_s=seconds))

    left_s = value(registry, "tread_gate_closed_seconds", credential="a")
    assert left_s == pytest.approx(30, abs=1)


async def test_unknown_writes_are_there_from_the_start(registry: CollectorRegistry) -> None:
    """Or the first would be no increase."""
    hooks = Metrics(registry).hooks
    assert value(registry, "tread_writes_unknown_total") == 0
    async with (
        Wire(answering("set_leverage", hang_up)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST, hooks=hooks) as client,
    ):
        with pytest.raises(OutcomeUnknownError):
            await client.set_leverage(5, pair=PAIR, account_ids=["id-1"])

    assert value(registry, "tread_writes_unknown_total") == 1


def watched(sim: Simulator, metrics: Metrics, **options: Any) -> SessionManager:
    return desk(sim, hooks=metrics.hooks, **options)


async def test_ages_and_outcomes_of_a_watch(registry: CollectorRegistry) -> None:
    """One age for each account of which something is known, growing from one round to the next."""
    metrics = Metrics(registry)
    async with Simulator(tokens=2, accounts=3) as sim, watched(sim, metrics) as manager:
        name = sim.accounts()[0].name
        sim.fail(endpoint="cached_balances", account=name, user=0, missing=True)
        async with manager.watch(interval_s=30) as updates:
            update = await anext(updates)
            known = {
                key: one.value.age_s for key, one in update.snapshot.outcomes.items() if hasattr(one, "value")
            }
            await asyncio.sleep(0.05)

            assert len(known) == 5
            for key, age_s in known.items():
                shown = value(
                    registry, "tread_account_age_seconds", credential=key.credential, account=key.name
                )
                assert shown is not None
                assert age_s + 0.04 < shown < age_s + 5
            assert age(registry, "a", name) is None
            assert value(registry, "tread_accounts", credential="a", outcome="missing") == 1
            assert value(registry, "tread_accounts", credential="a", outcome="ok") == 2
            assert value(registry, "tread_accounts", credential="b", outcome="missing") == 0
            assert value(registry, "tread_poll_interval_seconds") == 30
            silence_s = value(registry, "tread_poll_silence_seconds")
            assert silence_s is not None
            assert 0.04 < silence_s < 5

    assert "tread_account_age_seconds{" not in text(registry)
    assert "tread_accounts{" not in text(registry)


async def test_an_account_that_goes_takes_its_series_along(registry: CollectorRegistry) -> None:
    """And another one that comes gets one."""
    metrics = Metrics(registry)
    async with (
        Simulator(accounts=["stays", "goes"]) as sim,
        watched(sim, metrics) as manager,
        manager.watch(interval_s=0.02) as updates,
    ):
        await anext(updates)
        assert 'account="goes"' in text(registry)
        async with TreadClient(sim.tokens[0], base_url=sim.url) as client:
            await client.archive_account("goes")
            await client.create_account(name="comes", exchange="Binance", api_key="k", api_secret="s")
        await manager.accounts(refresh=True)
        async for update in updates:
            if {key.name for key in update.snapshot.outcomes} == {"stays", "comes"}:
                break

        assert 'account="goes"' not in text(registry)
        assert 'account="comes"' in text(registry)


async def test_two_watches_of_the_same(registry: CollectorRegistry) -> None:
    """No series stands twice, and those of the one that goes on stay."""
    metrics = Metrics(registry)
    async with Simulator(accounts=2) as sim, watched(sim, metrics) as manager:
        one, other = sim.accounts()
        async with manager.watch(interval_s=0.02) as updates:
            async with manager.watch([one.name], interval_s=0.02, source="live") as others:
                await anext(updates)
                await anext(others)
                lines = [line for line in text(registry).splitlines() if line.startswith("tread_account_age")]
                assert len(lines) == len({line.partition("} ")[0] for line in lines}) == 2
            assert age(registry, "a", other.name) is not None


async def test_tokens_in_trouble(registry: CollectorRegistry) -> None:
    """One that is refused, one that does not answer, and one whose accounts are not known."""
    metrics = Metrics(registry)
    async with Simulator(tokens=4, accounts=1) as sim, watched(sim, metrics, retry=ONE_TRY) as manager:
        sim.fail(endpoint="cached_balances", user=0, status=401)
        sim.fail(endpoint="cached_balances", user=1, delay_s=30)
        sim.fail(endpoint="accounts", user=2, status=500)
        async with manager.watch(interval_s=0.05) as updates:
            async for update in updates:
                if update.ended and update.overdue and update.snapshot.unlisted.keys() >= {"c"}:
                    break

            found = {
                (name, trouble)
                for name in "abcd"
                for trouble in ("ended", "overdue", "unlisted")
                if value(registry, "tread_credential_trouble", credential=name, trouble=trouble)
            }
            assert {("a", "ended"), ("b", "overdue"), ("c", "unlisted")} <= found
            assert value(registry, "tread_credential_trouble", credential="d", trouble="ended") == 0


async def test_rounds_are_counted(registry: CollectorRegistry) -> None:
    """And of how many accounts nothing had to be decoded."""
    metrics = Metrics(registry)
    async with (
        Simulator(accounts=3, clock=lambda: NOON) as sim,
        watched(sim, metrics) as manager,
        manager.watch(interval_s=0.02) as updates,
    ):
        for _ in range(4):
            await anext(updates)

    rounds = value(registry, "tread_poll_rounds_total")
    assert rounds is not None
    assert rounds >= 4
    assert value(registry, "tread_poll_late_seconds_count") == rounds
    assert value(registry, "tread_account_changes_total") == 3
    assert value(registry, "tread_accounts_decoded_total") == 3
    assert (value(registry, "tread_accounts_read_total") or 0) >= 12


@pytest.mark.parametrize("name", EVERY)
async def test_no_secret_is_in_what_prometheus_reads(name: str, registry: CollectorRegistry) -> None:
    """Whatever the server repeats."""
    said = reply({"message": f"{TOKEN} and more"}, 500)
    async with Wire(answering(name, said)) as wire:
        hooks = Metrics(registry).hooks
        async with TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY, hooks=hooks) as client:
            with pytest.raises(TreadError):
                await EVERY[name](client)

    assert "HTTP 500" in text(registry)
    assert "canary" not in text(registry)
    assert "and more" not in text(registry)


async def test_names_that_need_escapes(registry: CollectorRegistry) -> None:
    """What is read is well-formed, whatever an account is called."""
    from prometheus_client.parser import text_string_to_metric_families

    names = ['a"b', "a\\b", "a\nb", "ä, {x}", "\u202e"]
    metrics = Metrics(registry)
    async with (
        Simulator(accounts=names) as sim,
        watched(sim, metrics) as manager,
        manager.watch(interval_s=5) as updates,
    ):
        await anext(updates)
        families = {one.name: one for one in text_string_to_metric_families(text(registry))}

    shown = {sample.labels["account"] for sample in families["tread_account_age_seconds"].samples}
    assert shown == set(names)


async def test_they_are_read_from_other_threads_meanwhile(registry: CollectorRegistry) -> None:
    """Again and again, while a watch goes on and others begin and end."""
    metrics, stop, problems = Metrics(registry), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                text(registry)
            except Exception as error:
                problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        async with (
            Simulator(tokens=2, accounts=10) as sim,
            watched(sim, metrics) as manager,
            manager.watch(interval_s=0.01) as updates,
        ):
            for _ in range(30):
                await anext(updates)
                async with manager.watch(interval_s=0.01) as others:
                    await anext(others)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert problems == []


class Noting(dict[AccountKey, Outcome]):
    """Outcomes that note in which thread they are looked at."""

    def __init__(self, outcomes: dict[AccountKey, Outcome]) -> None:
        super().__init__(outcomes)
        self.threads: set[int] = set()

    def items(self) -> Any:
        self.threads.add(threading.get_ident())
        return super().items()


async def test_accounts_are_gone_through_where_they_are_read(registry: CollectorRegistry) -> None:
    """And not on the event loop, which has to do with each round as little as with the first."""
    hooks, polling = (
        Metrics(registry).hooks,
        PollingStarted(credentials=("a",), interval_s=1.0, source="cached"),
    )
    outcomes = Noting({AccountKey("a", f"{number}"): Ok(balance()) for number in range(1000)})
    told = a_round(polling, outcomes)
    assert hooks.polling_started is not None
    assert hooks.round_polled is not None
    hooks.polling_started(polling)
    hooks.round_polled(told)
    assert outcomes.threads == set()
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        read = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read().decode())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    assert read.count("\ntread_account_age_seconds{") == 1000
    assert outcomes.threads
    assert threading.get_ident() not in outcomes.threads


def test_at_least_fifteen_series(registry: CollectorRegistry) -> None:
    """Each with a text that says what it is."""
    Metrics(registry)
    said = dict(re.findall(r"^# HELP (tread_\w+) (.*)$", text(registry), flags=re.MULTILINE))

    assert len(said) >= 15
    assert all(said.values())


def test_a_registry_has_them_once(registry: CollectorRegistry) -> None:
    """A second time is a sentence, not a traceback out of prometheus-client."""
    Metrics(registry)
    with pytest.raises(UsageError, match="the registry has these metrics already"):
        Metrics(registry)


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("metrics", "prometheus_client", "metrics"), ("tracing", "opentelemetry", "otel")],
)
def test_a_missing_extra_is_named(module: str, package: str, extra: str) -> None:
    """In one sentence, with what to type."""
    script = f"import sys; sys.modules[{package!r}] = None; import tread_async.{module}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    last = run.stderr.splitlines()[-1]
    assert last == f"ImportError: tread_async.{module} needs its extra: pip install 'tread-async[{extra}]'"
    assert "During handling" not in run.stderr
