"""A real Prometheus that scrapes a real `tread watch`, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import shutil
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from tests.support.command import started
from tread_async.simulator import Simulator

__all__ = ["OPS", "Expression", "Prometheus", "expressions", "metrics_of", "scraping", "with_numbers"]

OPS: Final = Path(__file__).parents[2] / "ops"
_WITHIN_S: Final = 20.0
_SCRAPE: Final = """
global: {{scrape_interval: {every_ms}ms, scrape_timeout: {every_ms}ms, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs: [{{job_name: tread, static_configs: [{{targets: [{target}]}}]}}]
"""


class Expression(NamedTuple):
    """One line of one panel of the dashboard, with *rate_s* for its rates and all processes."""

    panel: str
    legend: str
    query: str


def expressions(rate_s: float) -> Iterator[Expression]:
    """Those of the dashboard."""
    for panel in json.loads((OPS / "grafana-dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$__rate_interval", f"{rate_s:g}s").replace("$instance", ".*")
            yield Expression(panel["title"], target["legendFormat"], query)


class Prometheus:
    """What it answers."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def ask(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer. Raises `AssertionError` with what it says is wrong."""
        async with self._session.get(f"{self.url}/api/v1/{path}", params=parameters) as answer:
            said = await answer.json()
        assert said["status"] == "success", said
        return said["data"]

    async def query(self, expression: str) -> list[Any]:
        """What an expression is now, by its labels."""
        found: list[Any] = (await self.ask("query", query=expression))["result"]
        return found

    async def range(self, expression: str, *, start: float, end: float, step_s: float) -> list[Any]:
        """What it was from *start* to *end*, in seconds since the epoch."""
        data = await self.ask(
            "query_range", query=expression, start=str(start), end=str(end), step=str(step_s)
        )
        found: list[Any] = data["result"]
        return found

    async def ready(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with self._session.get(f"{self.url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


def with_numbers(found: list[Any]) -> list[Any]:
    """The series of an answer to `query` that have a value."""
    return [one for one in found if not math.isnan(float(one["value"][1]))]


async def metrics_of(process: Process) -> str:
    """Where a `tread watch --metrics` says that it serves them."""
    assert process.stderr is not None
    said = (await process.stderr.readline()).decode()
    found = re.fullmatch(r"tread watch: metrics at (http://\S+/metrics)\n", said)
    assert found, said
    return found[1]


@contextlib.asynccontextmanager
async def scraping(sim: Simulator, folder: Path, *, every_s: float) -> AsyncIterator[tuple[Prometheus, str]]:
    """Prometheus with the alerts of `OPS`, and the URL of the metrics that it scrapes."""
    arguments = ("watch", "--json", "--interval", "0.25", "--metrics", ":0")
    async with started(sim, *arguments, stdout=DEVNULL, within_s=600) as watch:
        url = await metrics_of(watch)
        async with _running(url.split("/")[2], folder, every_s) as prometheus:
            yield prometheus, url


@contextlib.asynccontextmanager
async def _running(target: str, folder: Path, every_s: float) -> AsyncIterator[Prometheus]:
    config = folder / "prometheus.yml"
    rules = json.dumps(str(OPS / "prometheus-alerts.yml"))
    config.write_text(_SCRAPE.format(every_ms=int(1000 * every_s), rules=rules, target=json.dumps(target)))
    program = shutil.which("prometheus")
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
        stdout=DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            prometheus = Prometheus(f"http://{address}", session)
            async with asyncio.timeout(_WITHIN_S):
                await prometheus.ready()
            yield prometheus
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
