"""The demo's two passes, its check against the journal, and the command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tread_async.cli import demo
from tread_async.cli.simulation import Simulation, start


@pytest.fixture
async def simulation() -> AsyncIterator[Simulation]:
    async with start(tokens=2, accounts=5, latency_s=0.0, seed=3) as running:
        yield running


def nothing() -> None:
    """A progress bar that nobody watches."""


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_pass_reads_and_sets_every_account(simulation: Simulation, at_once: bool) -> None:
    """Each way, every account is read live and cached and gets its leverage, and the journal agrees."""
    await simulation.fail({"endpoint": "balances", "status": 500, "times": 1})

    parts, wall_s = await demo.run_pass(simulation, nothing, at_once=at_once)

    assert [len(part.live) for part in parts] == [len(part.cached) for part in parts] == [5, 5]
    assert [part.leverage_set for part in parts] == [5, 5]
    assert sum(part.retries.get("HTTP 500", 0) for part in parts) == 1
    assert wall_s > 0
    assert await demo.mismatches(simulation, parts) == []


async def test_a_call_that_fails_is_counted_and_agrees_with_the_journal(simulation: Simulation) -> None:
    """An account whose leverage is refused for ever is one failure; the figures still match."""
    await simulation.fail({"endpoint": "set_leverage", "status": 400, "times": 1})

    parts, _ = await demo.run_pass(simulation, nothing, at_once=True)

    assert sum(len(part.failed) for part in parts) == 1
    assert sum(part.leverage_set for part in parts) == 9
    assert await demo.mismatches(simulation, parts) == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_accounts_that_cannot_be_listed_are_one_failure(simulation: Simulation, at_once: bool) -> None:
    """Without the list of a token there is nothing to do for it; the other token is not held up."""
    await simulation.fail({"endpoint": "accounts", "user": 0, "status": 401})

    parts, _ = await demo.run_pass(simulation, nothing, at_once=at_once)

    assert [len(part.failed) for part in parts] == [1, 0]
    assert [part.leverage_set for part in parts] == [0, 5]
    assert await demo.mismatches(simulation, parts) == []


@pytest.mark.parametrize(
    ("figure", "wrong", "named"),
    [
        ("requests_sent", 1, "requests sent"),
        ("listed", frozenset({"a"}), "accounts listed"),
        ("live", frozenset({"a"}), "accounts read live"),
        ("cached", frozenset({"a"}), "accounts read cached"),
        ("equity", Decimal(1), "equity"),
        ("leverage_set", 4, "leverage set"),
        ("retries", {"HTTP 500": 1}, "refusals"),
    ],
)
async def test_every_figure_is_checked(
    simulation: Simulation, figure: str, wrong: object, named: str
) -> None:
    """A figure that differs from the journal's is named, and no other is."""
    parts, _ = await demo.run_pass(simulation, nothing, at_once=True)
    setattr(parts[1], figure, wrong)

    found = await demo.mismatches(simulation, parts)

    assert len(found) == 1
    assert found[0].startswith(f"token 2, {named}:")


async def test_the_demo_exits_with_0_and_prints_a_row_for_each_token(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A small demo prints the table and both wall times, and returns 0."""
    code = await demo.run(tokens=2, accounts=3, latency_s=0.0)

    said = capsys.readouterr().out
    assert code == 0
    assert "Every figure matches" in said
    assert "one after the other" in said


async def test_the_demo_exits_with_1_on_a_mismatch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal that says otherwise makes the demo fail, and say why."""
    ask = Simulation.ask

    async def miscounting(self: Simulation, question: str) -> object:
        said = await ask(self, question)
        if question == "summary":
            said["users"][0]["requests"] += 1
        return said

    monkeypatch.setattr(Simulation, "ask", miscounting)
    code = await demo.run(tokens=1, accounts=2, latency_s=0.0)

    assert code == 1
    assert "requests sent" in capsys.readouterr().out


def test_the_command_shows_help_and_version() -> None:
    """`tread` without arguments explains itself; `--version` is one line."""
    tread = [sys.executable, "-c", "from tread_async.cli import main; main()"]
    helped = subprocess.run([*tread, "--help"], capture_output=True, text=True, check=True)
    version = subprocess.run([*tread, "--version"], capture_output=True, text=True, check=True)

    assert "demo" in helped.stdout
    assert version.stdout.startswith("tread-async ")


def test_without_the_extra_the_command_says_what_to_install() -> None:
    """Where typer is missing, `tread` is one sentence on stderr and exit code 2."""
    script = "import sys; sys.modules['typer'] = None; from tread_async.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == "tread needs its extra: pip install 'tread-async[cli]'\n"
