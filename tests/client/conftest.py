"""Every test here runs on both event loops, unless it says ``asyncio(loop_factories=[...])``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def listed_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked up again after a second is looked up at once here; `test_reading_back` has the times."""
    monkeypatch.setattr("tread_async._lifecycle._LISTED_AFTER_S", (0.0, 0.001, 0.001))
