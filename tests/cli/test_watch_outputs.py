"""How the screen is kept up to date, and how lines are written, within one process."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys

import pytest
from rich.console import Console, ConsoleDimensions

from tests.cli.test_watch_json import update
from tests.support.balances import balance
from tread_async import AccountKey, Ok
from tread_async.cli import watch, watch_outputs
from tread_async.cli.watch_choice import Choice, Sort
from tread_async.cli.watch_outputs import Screen, opened
from tread_async.cli.watch_rates import Rates
from tread_async.cli.writing import written
from tread_async.simulator import Simulator

RATES = Rates(0.0, 0.0, 0.0, 0.0)


class Paper(io.StringIO):
    """A terminal's other side, that tells when it is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh = asyncio.Event()

    def write(self, text: str) -> int:
        self.fresh.set()
        return super().write(text)


def console(paper: Paper) -> Console:
    return Console(file=paper, force_terminal=True, width=100, height=20, _environ={"TERM": "xterm"})


async def test_a_resized_terminal_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with the next update, nor the next second."""
    monkeypatch.setattr(watch_outputs, "_EVERY_S", 3600.0)
    paper = Paper()
    terminal = console(paper)
    with Screen(Choice(), terminal) as screen:
        await screen.show(update({AccountKey("desk", "a"): Ok(balance("a"))}), RATES)
        assert "no room for" not in paper.getvalue()
        terminal.size = ConsoleDimensions(40, 10)
        paper.fresh.clear()
        os.kill(os.getpid(), signal.SIGWINCH)
        async with asyncio.timeout(10):
            await paper.fresh.wait()
        assert "no room for" in paper.getvalue()


async def test_ages_are_drawn_as_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock, from when the update came; and nothing is left behind."""
    monkeypatch.setattr(watch_outputs, "_EVERY_S", 0.001)
    paper, now = Paper(), 50.0
    with Screen(Choice(), console(paper), clock=lambda: now) as screen:
        await screen.show(update({AccountKey("desk", "a"): Ok(balance("a", age_s=5.0))}), RATES)
        assert " 5s" in paper.getvalue()
        now = 87.0
        async with asyncio.timeout(10):
            while " 42s" not in paper.getvalue():
                paper.fresh.clear()
                await paper.fresh.wait()

    assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)


async def test_an_encoding_that_lacks_a_letter_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is escaped: as question marks the names of two accounts could be one."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w", encoding="ascii") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        await written("名前\n")
    with os.fdopen(read_end, "rb") as reader:
        assert reader.read() == b"\\u540d\\u524d\n"


async def test_a_file_gets_tables_and_json_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is shown depends on the options and on where it goes."""
    one = update({AccountKey("desk", "名前 [red]x[/]"): Ok(balance("a"))})
    for choice in (Choice(), Choice(json=True)):
        with opened(choice) as output:
            await output.show(one, RATES)

    table, lines = capfd.readouterr().out.split("\n\n")
    assert "名前 [red]x[/]" in table
    assert lines.startswith('{"round": 3')


async def test_it_runs_within_a_loop(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the environment to the last of the rounds."""
    async with Simulator(accounts=3) as sim:
        monkeypatch.setenv("TREAD_API_TOKEN", sim.tokens[0])
        monkeypatch.setenv("TREAD_BASE_URL", sim.url)
        code = await watch.run(Choice(interval_s=0.01, rounds=2, sort=Sort.EQUITY))

    out, err = capfd.readouterr()
    assert (code, err) == (0, "")
    assert out.count("3 accounts: 3 ok") == 2
