"""The fixtures in a pytest of their own, under every plugin that runs async tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.samples import PAIR
from tread_async.testing import TreadSimulator

ROOT = Path(__file__).parents[2]

TESTS = """
import asyncio

import pytest

from tread_async import SessionManager, UnprocessableError, UsageError

PAIR = "ETH:PERP-USDT"


{mark}
async def test_first(tread_simulator, tread_client, no_backoff):
    tread_simulator.fail(endpoint="set_leverage", account="A", status=422, times=2)
    account = tread_simulator.account("A")
    await tread_client.set_leverage(5, pair=PAIR, account_ids=[account.id])
    tread_simulator.assert_applied_once(account="A", pair=PAIR, leverage=5)


{mark}
async def test_the_client_alone(tread_client):
    assert set(await tread_client.balances()) == {{"A", "B", "C"}}


class TestInAClass:
    {mark}
    @pytest.mark.parametrize("leverage", [3, 4])
    async def test_a_manager(self, tread_simulator, leverage):
        tokens = {{"desk": tread_simulator.tokens[0]}}
        async with SessionManager(tokens, base_url=tread_simulator.url) as desk:
            assert (await desk.set_leverage(leverage, pair=PAIR, accounts=["A"])).ok
        tread_simulator.assert_applied_once(account="A", pair=PAIR, leverage=leverage)

    {mark}
    async def test_a_client_in_a_class(self, tread_client):
        assert len(await tread_client.accounts()) == 3


kept = []


{mark}
async def test_what_a_test_raises_is_raised(tread_client):
    kept.append(tread_client)
    with pytest.raises(UnprocessableError):
        await tread_client.set_leverage(5, pair=PAIR, account_ids=["no such account"], deadline_s=1)


{mark}
async def test_the_client_was_closed():
    assert repr(kept[0]).endswith(" closed>")


{mark}
@pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
async def test_that_fails(tread_client):
    await tread_client.accounts()
    1 / 0


def test_that_is_not_async(tread_simulator, tread_client):
    async def main():
        async with tread_client as tread:
            return await tread.balances(["A"])

    assert set(asyncio.run(main())) == {{"A"}}
"""

ANYIO = """

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

ASYNCIO = "@pytest.mark.asyncio"
AIOHTTP = ("-o", "required_plugins=pytest-aiohttp")  # it is not enough that nothing keeps it away


def run_pytest(folder: Path, *options: str) -> str:
    """What pytest says of the tests in *folder*, with every warning as an error."""
    settings = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
    (folder / "pytest.ini").write_text("[pytest]\n" if "no:asyncio" in options else settings)
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "pytest", "-q", "-W", "error"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist", *options],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return f"{done.stdout}{done.stderr}exit status {done.returncode}"


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        (ASYNCIO, ("-p", "no:anyio", "-p", "no:aiohttp", "-o", "asyncio_mode=strict")),
        ("", ("-p", "no:anyio", "-p", "no:aiohttp", "-o", "asyncio_mode=auto")),
        ("", ("-p", "no:anyio", *AIOHTTP, "-o", "asyncio_mode=auto")),
        (ASYNCIO, (*AIOHTTP, "-o", "asyncio_mode=strict")),
        ("@pytest.mark.anyio", ("-p", "no:asyncio", "-p", "no:aiohttp")),
    ],
    ids=["asyncio-strict", "asyncio-auto", "aiohttp", "all-of-them", "anyio"],
)
def test_the_fixtures_work_under(tmp_path: Path, mark: str, options: tuple[str, ...]) -> None:
    """Every plugin and mode: nothing is left open, no warning, and the client is open in the test alone."""
    (tmp_path / "test_kit.py").write_text(TESTS.format(mark=mark) + (ANYIO if "anyio" in mark else ""))

    said = run_pytest(tmp_path, *options)

    assert "8 passed, 1 xfailed" in said, said
    assert said.endswith("exit status 0")


def test_no_plugin_for_async_tests_is_needed(tmp_path: Path) -> None:
    """Tests that are not async use the simulator without one."""
    (tmp_path / "test_kit.py").write_text(TESTS[TESTS.index("def test_that_is_not_async") :].format())
    (tmp_path / "test_kit.py").write_text("import asyncio\n" + (tmp_path / "test_kit.py").read_text())

    said = run_pytest(tmp_path, "-p", "no:asyncio", "-p", "no:aiohttp", "-p", "no:anyio")

    assert "1 passed" in said, said


def test_a_fixture_of_the_same_name_takes_its_place(tmp_path: Path) -> None:
    """Also below `tread_client`."""
    (tmp_path / "test_kit.py").write_text(
        "import pytest\n"
        "from tread_async.testing import TreadSimulator\n\n\n"
        "@pytest.fixture\n"
        "def tread_simulator():\n"
        "    with TreadSimulator(accounts=['main']) as simulator:\n"
        "        yield simulator\n\n\n"
        "async def test_it(tread_client):\n"
        "    assert set(await tread_client.balances()) == {'main'}\n"
    )

    said = run_pytest(tmp_path, "-p", "no:anyio", "-o", "asyncio_mode=auto")

    assert "1 passed" in said, said


def test_a_test_may_be_run_again(tmp_path: Path) -> None:
    """As those plugins do that repeat what has failed: each time with a client of its own."""
    (tmp_path / "conftest.py").write_text(
        "from _pytest.runner import runtestprotocol\n\n\n"
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    for _ in range(2):\n"
        "        item._initrequest()\n"
        "        runtestprotocol(item, nextitem=nextitem)\n"
        "    return True\n"
    )
    (tmp_path / "test_kit.py").write_text(
        "async def test_it(tread_client):\n    await tread_client.accounts()\n"
    )

    said = run_pytest(tmp_path, "-p", "no:anyio", "-o", "asyncio_mode=auto")

    assert "2 passed" in said, said


HYPOTHESIS = """
import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tread_async import TreadClient

OFTEN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=3)


{mark}
@OFTEN
@given(x=st.integers())
async def test_with_ours(tread_client, x):
    await tread_client.accounts()


@OFTEN
@given(x=st.integers())
def test_with_ours_and_not_async(tread_client, x):
    raise AssertionError


{mark}
@OFTEN
@given(x=st.integers())
async def test_with_one_of_its_own(tread_simulator, x):
    async with TreadClient(tread_simulator.tokens[0], base_url=tread_simulator.url) as tread_client:
        await tread_client.accounts()
"""


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        (ASYNCIO, ("-p", "no:anyio", "-p", "no:aiohttp")),
        ("@pytest.mark.anyio", ("-p", "no:asyncio", "-p", "no:aiohttp")),
    ],
    ids=["asyncio", "anyio"],
)
def test_hypothesis_runs_a_test_many_times(tmp_path: Path, mark: str, options: tuple[str, ...]) -> None:
    """A client is opened once: the sentence says so before the test runs, and what it says to do works."""
    (tmp_path / "test_kit.py").write_text(HYPOTHESIS.format(mark=mark) + (ANYIO if "anyio" in mark else ""))

    said = run_pytest(tmp_path, *options)

    assert "1 passed, 2 errors" in said, said
    assert said.count("\ntread_client is opened once, and hypothesis runs a test many times; open") == 2
    assert "Traceback" not in said


def test_the_fixtures_say_what_they_are(tmp_path: Path) -> None:
    """`pytest --fixtures` has a line for each."""
    said = run_pytest(tmp_path, "--fixtures")

    for name in ("tread_simulator", "tread_client", "no_backoff"):
        assert f"\n{name} -- " in said


def test_the_bot_of_the_examples_is_tested(tmp_path: Path) -> None:
    """Its tests pass in a copy that is far from the checkout, and need no network."""
    for name in ("examples/guard_bot.py", "examples/test_guard_bot.py", ".ci/no_network.py"):
        shutil.copy(ROOT / name, tmp_path)

    said = run_pytest(tmp_path, "-p", "no:anyio", "-p", "no:aiohttp", "-p", "no_network")

    assert "9 passed" in said, said


def test_the_bot_of_the_examples_runs() -> None:
    """As a program, until it is stopped."""
    command = [sys.executable, "-W", "error", "-u", str(ROOT / "examples" / "guard_bot.py"), PAIR, "3"]
    with TreadSimulator() as sim:
        sim.set_leverage("A", PAIR, 20)
        sim.set_equity("A", 10)
        env = {**os.environ, "TREAD_API_TOKEN": sim.tokens[0], "TREAD_BASE_URL": sim.url}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as bot:
            try:
                assert bot.stdout is not None
                assert bot.stdout.readline() == "desk/A: Applied\n"
            finally:
                bot.kill()

        sim.assert_applied_once(account="A", pair=PAIR, leverage=3)
