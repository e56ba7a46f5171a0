"""What is wrong with the arguments, in words that name the option and not the parser."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.command import Terminal, done, started, surroundings, until
from tread_async.simulator import Simulator

PAIR = "ETH:PERP-USDT"
SET = ("leverage", "set", "7", "--pair", PAIR)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("leverage", "set", "-1", "--pair", PAIR), "tread leverage set: -1 is not above zero"),
        (("balances", "--source", "foo"), "'foo' is not one of 'cached', 'live', 'auto'"),
        (("watch", "--sort", "nope"), "'nope' is not one of 'account', 'equity', "),
        (("watch", "--rounds", "0"), "--rounds"),
        (("watch", "--interval", "x"), "--interval"),
        (("balances", "--max-age", "-1"), "tread balances: --max-age is a number of seconds above zero"),
        (("watch", "--max-age", "0"), "tread watch: --max-age is a number of seconds above zero"),
        (("balances", "--parquet"), "tread balances: Option '--parquet' requires an argument"),
        (("leverage", "plan", "--out"), "tread leverage plan: Option '--out' requires an argument"),
    ],
)
async def test_an_argument_that_cannot_be(arguments: tuple[str, ...], said: str) -> None:
    """It is one sentence that begins with the command and names the option."""
    code, out, err = await done(None, *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"tread {arguments[0]}")
    assert said in err
    assert "Input should" not in err
    assert "Value error" not in err


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("nope", "no account is called 'nope'"),
        ("gate", "no account is called 'gate'; like it are token/gate-mm-004"),
        ("desk-z/nope", "no account is called 'desk-z/nope'; the credentials are token"),
        ("desk-z/gate-mm-004", "no account is called 'desk-z/gate-mm-004'; like it are token/gate-mm-004"),
    ],
)
async def test_an_account_that_there_is_not(account: str, said: str) -> None:
    """In few words, with those that may be meant."""
    async with Simulator(seed=7, accounts=6, assets=2) as sim:
        code, _, err = await done(sim, *SET, "--account", account, "--yes")

    assert code == 2
    assert err == f"tread leverage set: {said}\n"


async def test_a_dry_run_says_what_would_be() -> None:
    """Nothing of errors; a machine is told that it was a dry run."""
    async with Simulator(seed=7, accounts=3, assets=2) as sim:
        _, out, _ = await done(sim, *SET, "--all", "--dry-run")
        document = await done(sim, *SET, "--all", "--dry-run", "--json")

    assert out.count("would set") == 3
    assert out.endswith("\n3 would be set\n")
    assert "not applied" not in out
    assert "Error" not in out
    assert '"dry_run": true' in document[1]


async def test_leverages_look_alike_wherever_they_come_from() -> None:
    """For people; a machine has every digit."""
    async with Simulator(seed=7, accounts=3, assets=3) as sim:
        await done(sim, "leverage", "set", "20", "--pair", PAIR, "--all", "--yes")
        live, cached = [
            (await done(sim, "leverage", "show", "--symbol", PAIR, "--source", source))[1]
            for source in ("live", "cached")
        ]
        exact = await done(sim, "leverage", "show", "--symbol", PAIR, "--json")

    for table in (live, cached):
        assert table.count(" 20 ") == 3
        assert "20.0" not in table
    assert '"leverage": "20.0"' in exact[1]


@pytest.mark.parametrize("command", [SET, ("accounts", "update", "--margin-mode", "CROSS")])
async def test_ctrl_c_before_anything_was_sent_says_so(command: tuple[str, ...]) -> None:
    """While the accounts are being listed."""
    async with Simulator(seed=7, accounts=2, assets=2) as sim:
        sim.fail(endpoint="accounts", delay_s=60)
        async with started(sim, *command, "--all", "--yes") as process:
            await until(lambda: sim.journal.count("accounts") == 1)
            process.terminate()
            out, err = await process.communicate()

    assert (process.returncode, out) == (143, b"")
    assert err.decode().strip() == "Nothing was sent."


async def test_who_sends_the_words_elsewhere_is_asked_on_the_terminal(tmp_path: Path) -> None:
    """With 2>file the question stands where its answer is typed."""
    async with Simulator(seed=7, accounts=2, assets=2) as sim:
        words = tmp_path / "words"
        master, slave = os.openpty()
        with words.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from tread_async.cli import main; main()", *SET, "--all"),
                env=surroundings(sim),
                stdin=slave,
                stdout=slave,
                stderr=file,
            )
        os.close(slave)
        terminal = Terminal(process, master)
        asked = await terminal.until("Go on? [y/N] ")
        terminal.type("y\n")
        await terminal.rest()
        os.close(master)

    assert process.returncode == 0
    assert "on 2 accounts (2 of token)" in asked
    assert words.read_text() == ""
