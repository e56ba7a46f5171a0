"""The fixtures that pytest finds by itself where this package is installed.

It is imported in every run of pytest there, so it imports next to nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from tread_async import TreadClient
    from tread_async.testing import TreadSimulator


_MANY_TIMES: Final = (
    "tread_client is opened once, and hypothesis runs a test many times; open a client in the test itself: "
    "async with TreadClient(tread_simulator.tokens[0], base_url=tread_simulator.url) as tread_client"
)


@pytest.fixture
def tread_simulator() -> Iterator[TreadSimulator]:
    """A Tread server on loopback with one token and the accounts A, B and C; its clock stands still."""
    from tread_async.testing import TreadSimulator

    with TreadSimulator() as simulator:
        yield simulator


@pytest.fixture
def tread_client(request: pytest.FixtureRequest, tread_simulator: TreadSimulator) -> Iterator[TreadClient]:
    """A `TreadClient` of the first token of `tread_simulator`, open while an async test runs.

    In a test that is not async it is not open: ``async with`` opens it. One of hypothesis makes its own.
    """
    from tread_async import TreadClient

    item = request.node
    test = getattr(item, "obj", None)
    if getattr(test, "is_hypothesis_test", False):
        pytest.fail(_MANY_TIMES, pytrace=False)
    client = TreadClient(tread_simulator.tokens[0], base_url=tread_simulator.url)
    if not inspect.iscoroutinefunction(test):
        yield client
        return
    # Each async plugin has its own way with async fixtures; what all of them do is await the test.
    item.obj = _open_during(client, test)
    yield client
    item.obj = test


def _open_during(client: TreadClient, test: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(test)
    async def opened(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        async with client:
            await test(*args, **kwargs)

    return opened


@pytest.fixture
def no_backoff() -> Iterator[None]:
    """No client waits before it tries again; see `tread_async.testing.no_backoff`."""
    from tread_async.testing import no_backoff

    with no_backoff():
        yield
