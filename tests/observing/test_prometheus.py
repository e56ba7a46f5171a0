"""The alerts, the dashboard and the metrics, read by a real Prometheus where one is installed."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.support.prometheus import OPS, Expression, Prometheus, expressions, scraping, with_numbers
from tread_async.metrics import Metrics
from tread_async.simulator import Simulator

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed (apt-get install prometheus): ops/ is not checked by it",
)
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="prometheus is not installed (apt-get install prometheus): nothing is scraped",
)
DASHBOARD = json.loads((OPS / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS = re.findall(r"- alert: (\w+)", (OPS / "prometheus-alerts.yml").read_text())
PAGE = (OPS.parent / "docs" / "operating.md").read_text()
RATE_S = 5.0
WITHIN_S = 40.0


def promtool(*arguments: str, stdin: str | None = None) -> None:
    run = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout + run.stderr


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", f"{OPS}/prometheus-alerts.yml"),
        ("check", "config", f"{OPS}/prometheus.yml"),
        ("test", "rules", f"{OPS}/prometheus-alerts.test.yml"),
    ],
    ids=["rules", "config", "alerts"],
)
def test_promtool(arguments: tuple[str, ...]) -> None:
    """The files are well-formed, and the alerts fire when they should and not before."""
    promtool(*arguments)


def test_every_alert_is_tested_and_explained() -> None:
    """It has a test in which it fires, one in which it is silent, and a place in the page for the night."""
    tests = (OPS / "prometheus-alerts.test.yml").read_text()

    assert len(ALERTS) == len(set(ALERTS)) >= 10
    for alert in ALERTS:
        assert re.search(rf"alertname: {alert}\n\s+exp_alerts:", tests), alert
        assert re.search(rf"alertname: {alert}\}}", tests), alert
        assert f"### {alert}\n" in PAGE
    assert set(re.findall(r"^### (Tread\w+)", PAGE, flags=re.MULTILINE)) == set(ALERTS)


def test_the_dashboard_has_its_form() -> None:
    """Every panel has a place of its own, a title, and expressions with a legend, of the chosen process."""
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in DASHBOARD["panels"]]
    titles = [panel["title"] for panel in PANELS]

    assert len(set(places)) == len(places)
    assert len(set(titles)) == len(titles)
    for panel in PANELS:
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["legendFormat"]
            assert target["expr"].count('{instance=~"$instance"}') >= 1


def test_all_series_are_in_the_page_and_in_use() -> None:
    """Each has a line in the table of metrics, and is looked at by the dashboard or an alert."""
    registry = CollectorRegistry()
    Metrics(registry)
    there = {family.name for family in registry.collect()}
    listed = set(re.findall(r"^\| `(tread_\w+)`", PAGE, flags=re.MULTILINE))
    used = json.dumps(DASHBOARD) + (OPS / "prometheus-alerts.yml").read_text()

    assert listed == there
    assert [name for name in there if name not in used] == []


@needs_prometheus
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_prometheus_scrapes_a_watch(tmp_path: Path) -> None:
    """Every panel has data where something goes wrong, no rule fails, and the metrics are well-formed."""
    async with Simulator(seed=7, accounts=6, assets=4) as sim:
        sim.fail(endpoint="cached_balances", status=500, chance=0.2)
        sim.fail(endpoint="cached_balances", status=429, headers={"Retry-After": "1"}, nth=5)
        names = [account.name for account in sim.accounts()]
        sim.fail(endpoint="cached_balances", account=names[1], error=True)
        async with scraping(sim, tmp_path, every_s=0.5) as (prometheus, url):
            empty = await _until_all_have_data(prometheus, expressions(RATE_S))
            assert empty == []

            groups = (await prometheus.ask("rules"))["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            assert [rule["name"] for rule in rules] == ALERTS
            assert {rule["health"] for rule in rules} == {"ok"}
            assert {rule.get("lastError", "") for rule in rules} == {""}
            for rule in rules:
                await prometheus.query(rule["query"])
            unread = await prometheus.query('tread_accounts{outcome="failed"}')
            assert [one["value"][1] for one in unread] != ["0"]

            text = await asyncio.to_thread(_read, url)
            labels = await prometheus.ask("label/account/values")
            assert set(labels) == {*names} - {names[1]}  # of which nothing is known
        assert sim.tokens[0] not in text
    if shutil.which("promtool") is not None:
        promtool("check", "metrics", stdin=_ours(text))


async def _until_all_have_data(prometheus: Prometheus, asked: Iterable[Expression]) -> list[Expression]:
    """The expressions that have never had data; over time, since a wait is over soon."""
    empty, until = list(asked), time.monotonic() + WITHIN_S
    while empty and time.monotonic() < until:
        await asyncio.sleep(0.5)
        empty = [one for one in empty if not with_numbers(await prometheus.query(one.query))]
    return empty


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def _ours(text: str) -> str:
    """Without those of prometheus-client about the process, some of which promtool does not like."""
    return "".join([line for line in text.splitlines(keepends=True) if re.match(r"(# \w+ )?tread_", line)])
