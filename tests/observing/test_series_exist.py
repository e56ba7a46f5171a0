"""Every series that an alert, a panel or the page for operators names is one that `Metrics` serves."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from prometheus_client import CollectorRegistry

from tests.support.prometheus import OPS
from tests.support.samples import FAST, ONE_TRY, PAIR
from tread_async import SessionManager, TreadError
from tread_async.metrics import Metrics
from tread_async.simulator import Simulator

Series: TypeAlias = Mapping[str, set[str]]

THE_PACKAGE: Final = "tread_async"
PAGE: Final = OPS.parent / "docs" / "operating.md"
FILES: Final = (*sorted(OPS.glob("*.yml")), *sorted(OPS.glob("*.json")))


async def _served() -> Series:
    """The names of the samples by their metric, when all has happened that one may count."""
    registry = CollectorRegistry()
    hooks = Metrics(registry).hooks
    async with (
        Simulator(accounts=3) as sim,
        SessionManager({"a": sim.tokens[0]}, base_url=sim.url, retry=FAST, hooks=hooks) as desk,
        SessionManager({"b": sim.tokens[0]}, base_url=sim.url, retry=ONE_TRY, hooks=hooks) as strict,
        desk.watch(interval_s=0.05) as updates,
    ):
        await anext(updates)
        sim.fail(endpoint="balances", status=500, times=1)  # a repeat
        await desk.balances()
        sim.fail(endpoint="set_leverage", drop="after")  # a write that is unknown
        await strict.set_leverage(5, pair=PAIR, accounts=[sim.accounts()[0].name])
        sim.fail(endpoint="balances", status=429, headers={"Retry-After": "9"})  # a gate that closes
        with contextlib.suppress(TreadError):
            await strict.balances()
        return {one.name: {sample.name for sample in one.samples} for one in registry.collect()}


@pytest.fixture(scope="module")
def series() -> Series:
    return asyncio.run(_served())


def _named_in(file: Path) -> set[str]:
    return set(re.findall(r"\btread_\w+", file.read_text())) - {THE_PACKAGE}


def _samples(series: Series) -> set[str]:
    return set().union(*series.values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_alerts_and_panels_ask_for_what_is_served(file: Path, series: Series) -> None:
    """By the names of samples, such as ``..._total`` and ``..._bucket``: another name finds nothing."""
    assert _named_in(file) - _samples(series) == set()


def test_the_page_names_what_is_served(series: Series) -> None:
    """Also by the names of metrics."""
    assert _named_in(PAGE) - _samples(series) - series.keys() == set()


def test_every_metric_has_a_sample(series: Series) -> None:
    """Else what is looked for above would be missing for want of an occasion."""
    assert [name for name, samples in series.items() if not samples] == []
