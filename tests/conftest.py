"""For every test: nothing is left behind and no secret shows. Plus a simulator whose clock stands still."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

sys.path[:0] = [] if str(root := Path(__file__).parents[1]) in sys.path else [str(root)]

from tests.support.canaries import watching  # noqa: E402 - found through the line above
from tests.support.leaks import no_leaks  # noqa: E402
from tests.support.samples import FAST, NOON, ONE_TRY  # noqa: E402
from tests.support.wire import TOKEN, Wire  # noqa: E402
from tread_async import TreadClient  # noqa: E402
from tread_async._rates import RATES  # noqa: E402
from tread_async.simulator import Simulator  # noqa: E402

os.environ["TREAD_CONFIG"] = os.devnull  # not the file of whoever runs the tests

# For `.ci/mutation`: the same examples each time, and no search for the simplest of those that fail.
settings.register_profile(
    "mutation", derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate]
)

_OUTPUT: pytest.StashKey[tuple[str, ...]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps what a test has written for `no_secret_shows`."""
    report = yield
    item.stash[_OUTPUT] = (report.capstdout, report.capstderr)
    return report


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> None:
    """Fails a coroutine test that leaks a task, a descriptor, or an exception nobody retrieved."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("_guarded")


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """As in a new process: a server of this test may have the port of one that asked to wait."""
    RATES._budgets.clear()
    RATES._kept.clear()


@pytest.fixture
async def _guarded() -> AsyncIterator[None]:
    async with no_leaks():
        yield


@pytest.fixture(autouse=True)
def no_secret_shows(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[None]:
    """Fails a test in whose logs, output or errors a secret shows. A warning fails a test by itself."""
    with watching() as watch:
        yield
    if found := watch.finds(request.node.stash.get(_OUTPUT, ())):
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(seed=7, accounts=6, assets=4, clock=lambda: NOON) as opened:
        yield opened


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Any]]:
    """Opens a fast client of a server, and closes it at the end."""
    async with AsyncExitStack() as stack:

        async def one(server: Any, token: Any = ..., **options: Any) -> TreadClient:
            options = {"retry": FAST, "base_url": server.url, **options}
            made = TreadClient(server.tokens[0] if token is ... else token, **options)
            return await stack.enter_async_context(made)

        yield one


@pytest.fixture
async def client(sim: Simulator, connect: Callable[..., Any]) -> TreadClient:
    """A fast client of the simulator's first user."""
    opened: TreadClient = await connect(sim)
    return opened


@pytest.fixture(autouse=True)
def listed_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed again after a second is listed again at once here; `test_reading_back` has the times."""
    monkeypatch.setattr("tread_async._lifecycle._LISTED_AFTER_S", (0.0, 0.001, 0.001))


@pytest.fixture
async def served() -> AsyncIterator[Callable[..., Any]]:
    """A client with one attempt, and the server that plays a script to it."""
    async with AsyncExitStack() as stack:

        async def one(script: dict[str, Any], **options: Any) -> tuple[TreadClient, Wire]:
            wire = await stack.enter_async_context(Wire(script))
            options = {"retry": ONE_TRY} | options
            client = TreadClient(TOKEN, base_url=wire.url, **options)
            return await stack.enter_async_context(client), wire

        yield one
