"""What is asked before a write, and what counts as an answer."""

from __future__ import annotations

import asyncio
import io
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.command import done, on_a_terminal, until
from tests.support.toml import toml
from tread_async import AccountKey
from tread_async.cli.confirming import is_attended
from tread_async.cli.fleet_writes import by_token
from tread_async.simulator import Simulator

SET = ("leverage", "set", "7", "--pair", "ETH:PERP-USDT")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=3, assets=1) as opened:
        yield opened


@pytest.mark.parametrize("command", [(*SET, "--all"), ("accounts", "archive", "gate-mm-004")])
async def test_what_is_typed_before_the_question_is_no_answer(command: tuple[str, ...]) -> None:
    """A whole line or a part of one: the question is not even seen yet."""
    async with Simulator(seed=7, accounts=4, assets=1) as sim:
        sim.fail(endpoint="accounts", nth=1, delay_s=1.0)
        async with on_a_terminal(sim, *command, columns=200, lines=30) as terminal:
            await until(lambda: sim.journal.count("accounts") == 1)
            terminal.type("y\ny\ny")
            await terminal.until("Go on? [y/N] ")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(terminal.process.wait(), 0.3)
            terminal.type("n\n")
            said = await terminal.rest()

    assert terminal.process.returncode == 1
    assert "Nothing was sent." in said
    assert not sim.journal.changes


async def test_the_question_says_where_however_many_tokens_there_are(tmp_path: Path) -> None:
    """The server comes first, and the tokens are counted where they are many."""
    async with Simulator(seed=7, tokens=40, accounts=1, assets=1) as sim:
        names = [f"a-desk-with-a-long-name-{number}" for number in range(40)]
        environment = {f"DESK_{at}": token for at, token in enumerate(sim.tokens)}
        tokens = {name: {"token_env": f"DESK_{at}"} for at, name in enumerate(names)}
        path = tmp_path / "tread.toml"
        path.write_text(
            toml({"default_profile": "p", "profiles": {"p": {"base_url": sim.url, "tokens": tokens}}})
        )
        path.chmod(0o600)
        code, _, err = await done(None, *SET, "--all", "--dry-run", TREAD_CONFIG=str(path), **environment)

        asked = f"At {sim.url}: sets the leverage of {SET[4]} to 7 on 40 accounts (of 40 tokens)."

    assert (code, err.splitlines()[0]) == (0, asked)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=50))
def test_accounts_are_counted_by_token(counts: list[int]) -> None:
    """Few tokens are named, and no sentence gets long however many there are."""
    keys = [AccountKey(f"desk-{at}", f"x{n}") for at, count in enumerate(counts) for n in range(count)]
    said = by_token(keys)

    assert said.startswith(f"{sum(counts)} account")
    assert len(said) < 80
    assert (f"of {len(counts)} tokens" in said) == (len(counts) > 4) == ("desk-0" not in said)


class _Stream(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize("terminals", list(itertools.product([True, False], repeat=3)))
def test_somebody_has_to_see_the_question_and_to_answer(
    monkeypatch: pytest.MonkeyPatch, terminals: tuple[bool, bool, bool]
) -> None:
    """With both outputs in files nobody would know what is asked."""
    for name, is_terminal in zip(("stdin", "stdout", "stderr"), terminals, strict=True):
        monkeypatch.setattr(sys, name, _Stream(is_terminal))
    stdin, stdout, stderr = terminals

    assert is_attended() is (stdin and (stdout or stderr))


async def test_what_was_confirmed_is_what_is_sent(sim: Simulator) -> None:
    """An account that is named twice is asked for as one, and so it is counted."""
    name = sim.accounts()[0].name
    twice = ("--account", name, "--account", f"token/{name}")
    async with on_a_terminal(sim, *SET, *twice, columns=120, lines=30) as terminal:
        said = await terminal.until("Go on? [y/N] ")
        terminal.type("y\n")
        counted = await terminal.rest()

    assert terminal.process.returncode == 0
    assert "on 1 account (1 of token)." in said
    assert "1/1" in counted
    assert sim.journal.count("set_leverage") == 1
