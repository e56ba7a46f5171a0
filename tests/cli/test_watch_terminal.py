"""`tread watch` on a terminal of its own: drawn, resized, and left as it was found."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.command import on_a_terminal
from tread_async.simulator import Simulator

FAST = ("--interval", "0.05")
HOME, OTHER_SCREEN, BACK = "\x1b[H", "\x1b[?1049h", "\x1b[?1049l"
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=30, assets=4) as opened:
        yield opened


async def test_it_fits_is_resized_and_leaves_the_terminal_as_it_was(sim: Simulator) -> None:
    """More lines and columns show once there is room, and Ctrl-C restores the screen, cursor and echo."""
    async with on_a_terminal(sim, "watch", *FAST, columns=60, lines=12) as terminal:
        narrow = await terminal.until(OTHER_SCREEN, "and 23 more; no room for exchange")
        assert "30 accounts: 30 ok" in narrow
        terminal.resize(150, 40)
        wide = await terminal.until("\x1b[2mexchange")
        wide += await terminal.until("CPU")
        terminal.type("\x03")
        left = await terminal.rest()
        assert terminal.echoes

    assert terminal.process.returncode == 130
    assert HIDDEN in narrow
    assert all(account.name in wide for account in sim.accounts())
    assert "more" not in wide.split(HOME)[-1]
    after = left[left.index(BACK) + len(BACK) :]
    assert left.index(SHOWN) < left.index(BACK)
    assert all(account.name in after for account in sim.accounts())  # the last figures stay
    assert "Traceback" not in terminal.said
    assert "Abort" not in terminal.said
    assert sim.tokens[0] not in terminal.said


async def test_it_says_that_it_waits(sim: Simulator) -> None:
    """Before the first answer there is a sentence, and Ctrl-C works then, too."""
    sim.fail(delay_s=60)
    async with on_a_terminal(sim, "watch", *FAST, columns=80, lines=24) as terminal:
        await terminal.until("Waiting for the first answer.")
        terminal.type("\x03")
        left = await terminal.rest()

    assert terminal.process.returncode == 130
    assert BACK in left
    assert "Traceback" not in terminal.said


async def test_what_changed_is_in_reverse(sim: Simulator) -> None:
    """Or, where colours are not wanted, has a star."""
    sim.fail(endpoint="cached_balances", account=sim.accounts()[4].name, missing=True, nth=2)
    arguments = ("watch", *FAST, "--rounds", "2")
    async with on_a_terminal(sim, *arguments, columns=150, lines=40) as terminal:
        coloured = await terminal.rest()
    sim.heal()
    sim.fail(endpoint="cached_balances", account=sim.accounts()[4].name, missing=True, nth=2)
    async with on_a_terminal(sim, *arguments, columns=150, lines=40, NO_COLOR="1") as terminal:
        plain = await terminal.rest()

    assert terminal.process.returncode == 3
    assert "\x1b[1;7;35mmissing" in coloured
    assert "*missing" not in coloured
    assert "*missing" in plain
    assert "7;" not in plain


async def test_ages_grow_while_no_answer_comes(sim: Simulator) -> None:
    """The picture is drawn anew each second: an old figure does not look like a new one."""
    sim.fail(endpoint="cached_balances", delay_s=60, nth=2)
    async with on_a_terminal(
        sim, "watch", *FAST, "--account", sim.accounts()[0].name, columns=150, lines=9
    ) as terminal:
        await terminal.until("CPU")
        first = await terminal.until("CPU")
        second = await terminal.until("CPU")
        terminal.type("\x03")
        await terminal.rest()

    assert first != second


async def test_a_terminal_may_lack_letters() -> None:
    """What it cannot show is escaped, and no reason to end."""
    async with (
        Simulator(accounts=["名前"]) as sim,
        on_a_terminal(
            sim, "watch", *FAST, "--rounds", "1", columns=100, lines=24, PYTHONIOENCODING="ascii"
        ) as terminal,
    ):
        said = await terminal.rest()

    assert terminal.process.returncode == 0
    assert "\n\\u540d\\u524d " in said


async def test_a_dumb_terminal_gets_tables(sim: Simulator) -> None:
    """Without anything that it would not understand."""
    arguments = ("watch", *FAST, "--rounds", "1")
    async with on_a_terminal(sim, *arguments, columns=100, lines=24, TERM="dumb") as terminal:
        said = await terminal.rest()

    assert terminal.process.returncode == 0
    assert "\x1b" not in said
    assert all(account.name in said for account in sim.accounts())


async def test_errors_come_after_the_screen(sim: Simulator) -> None:
    """What is said on stderr is not lost with the other screen."""
    sim.fail(status=401)
    async with on_a_terminal(sim, "watch", *FAST, columns=100, lines=24) as terminal:
        said = await terminal.rest()

    assert terminal.process.returncode == 5
    assert "tread watch: " in said[said.index(BACK) :]
