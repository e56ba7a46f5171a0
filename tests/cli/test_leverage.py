"""`tread leverage set` and `show` as a process; the server's journal says what was sent."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.command import done, on_a_terminal, only_lines, started, until
from tread_async.simulator import Simulator

PAIR = "ETH:PERP-USDT"
SET = ("leverage", "set", "7", "--pair", PAIR)

FORMS = ((), ("--json",), ("--jsonl",), ("--csv",))


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=6, assets=3) as opened:
        yield opened


def leverages(sim: Simulator) -> list[str]:
    return [account.leverage[PAIR] for account in sim.accounts()]


async def test_it_is_set_on_all(sim: Simulator) -> None:
    """Each has a line that says so, read back; the words are on stderr."""
    code, out, err = await done(sim, *SET, "--all", "--yes")

    assert code == 0
    assert leverages(sim) == ["7"] * 6
    assert err == f"At {sim.url}: sets the leverage of {PAIR} to 7 on 6 accounts (6 of token).\n"
    assert out.count("confirmed") == 6
    assert out.endswith("\n6 applied\n")
    assert "\x1b" not in out + err


async def test_only_those_that_are_named(sim: Simulator) -> None:
    """By name, key and id; no other is written to."""
    first, second, third = sim.accounts()[:3]
    some = ("--account", first.name, "--account", f"token/{second.name}", "--account", third.id)
    code, _, _ = await done(sim, *SET, *some, "--yes")

    assert code == 0
    assert {change.name for change in sim.journal.changes} == {first.name, second.name, third.name}


async def test_all_of_an_exchange(sim: Simulator) -> None:
    """As the list of accounts says, in any letters."""
    mine = sim.accounts()[2]
    code, _, _ = await done(sim, *SET, "--all", "--exchange", mine.exchange.upper(), "--yes")

    assert code == 0
    assert [change.name for change in sim.journal.changes] == [mine.name]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--yes",), "say either --account, which may be repeated, or --all; nothing was sent"),
        (("--all", "--account", "x", "--yes"), "say either --account"),
        (("--account", "x", "--exchange", "OKX", "--yes"), "--exchange goes with --all"),
        (("--all",), "nobody can confirm this without a terminal; say --yes; nothing was sent"),
        (("--all", "--yes", "--json", "--csv"), "exclude each other"),
    ],
)
async def test_wrong_usage_sends_nothing_at_all(
    sim: Simulator, arguments: tuple[str, ...], said: str
) -> None:
    """It is a sentence, and code 2. No accounts never means all."""
    code, out, err = await done(sim, *SET, *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tread leverage set: ")
    assert said in err
    assert not sim.journal.requests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("leverage", "set", "0", "--pair", PAIR, "--all"), "above zero"),
        (("leverage", "set", "5", "--pair", "ETH", "--all"), "pair is BASE"),
        ((*SET, "--account", "nobody"), "nobody"),
        (
            (*SET, "--all", "--exchange", "Nowhere"),
            "no account is of the exchange 'Nowhere'; the exchanges are ",
        ),
    ],
)
async def test_what_cannot_be_written_is_refused_before_it_is(
    sim: Simulator, arguments: tuple[str, ...], said: str
) -> None:
    """Code 2, and no write."""
    code, out, err = await done(sim, *arguments, "--yes")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not sim.journal.count("set_leverage")


@pytest.mark.parametrize("form", FORMS)
async def test_a_dry_run_sends_no_write(sim: Simulator, form: tuple[str, ...]) -> None:
    """It says so, and which accounts there are, in every form."""
    code, out, err = await done(sim, *SET, "--all", "--dry-run", *form)

    assert code == 0
    assert "on 6 accounts (6 of token)" in err
    assert err.endswith("This is a dry run: no write was sent.\n")
    assert all(account.name in out for account in sim.accounts())
    assert not sim.journal.count("set_leverage")


async def test_some_are_refused(sim: Simulator) -> None:
    """Each has its outcome and reason, in every form, and the code says that it is a part."""
    bad = sim.accounts()[1]
    sim.fail(endpoint="set_leverage", account=bad.id, status=422)
    forms = [await done(sim, *SET, "--all", "--yes", *form) for form in FORMS]

    table, document, lines, sheet = [out for _, out, _ in forms]
    assert [code for code, _, _ in forms] == [3] * 4
    assert table.endswith("\n5 applied, 1 not applied\n")
    assert next(line for line in table.splitlines() if bad.name in line).endswith("Failed to set leverage")
    outcomes = json.loads(document)["outcomes"]
    assert outcomes[f"token/{bad.name}"]["status"] == 422
    assert json.loads(document)["counts"] == {"applied": 5, "not_applied": 1, "unknown": 0}
    for records in (only_lines(lines), list(csv.DictReader(sheet.splitlines()))):
        found: dict[str, Any] = {record["account"]: record["outcome"] for record in records}
        assert found == {one.name: "not_applied" if one is bad else "applied" for one in sim.accounts()} | {
            bad.name: "not_applied"
        }


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 401}, 5),
        ({"status": 429, "headers": {"Retry-After": "100"}}, 6),
        ({"status": 400}, 1),
        ({"drop": "after", "times": 100}, 0),  # reading back shows it
    ],
)
async def test_the_code_where_one_thing_is_wrong_with_all(
    sim: Simulator, fault: dict[str, Any], code: int
) -> None:
    """None was applied, and the reason is one; or all were, after all."""
    sim.fail(endpoint="set_leverage", **fault)
    ended, out, _ = await done(sim, *SET, "--account", sim.accounts()[0].name, "--yes")

    assert (ended, out.count("not applied\n")) == (code, int(code != 0))


async def test_an_outcome_that_is_unknown_has_a_code_of_its_own(sim: Simulator) -> None:
    """Where reading back cannot tell either."""
    sim.fail(endpoint="set_leverage", drop="after")
    sim.fail(endpoint="balances", status=500)
    code, out, _ = await done(sim, *SET, "--account", sim.accounts()[0].name, "--yes")

    assert code == 7
    assert out.endswith("\n1 unknown\n")


async def test_a_token_that_cannot_be_listed(sim: Simulator) -> None:
    """None of its accounts can be written to, and why is the exit code."""
    sim.fail(endpoint="accounts", status=401)
    code, out, err = await done(sim, *SET, "--all", "--yes")

    assert (code, out, err.count("\n")) == (5, "", 1)
    assert "HTTP 401" in err


async def test_it_asks_on_a_terminal_and_shows_how_far_it_is(sim: Simulator) -> None:
    """Nothing is sent before yes; the bar goes away, and the table stays."""
    sim.fail(endpoint="set_leverage", delay_s=0.5)
    async with on_a_terminal(sim, *SET, "--all", columns=160, lines=40) as terminal:
        asked = await terminal.until("Go on? [y/N] ")
        assert not sim.journal.count("set_leverage")
        terminal.type("y\n")
        shown = await terminal.until("0/6", "6/6")
        shown += await terminal.rest()

    assert terminal.process.returncode == 0
    assert "on 6 accounts (6 of token)" in asked
    assert "\x1b[32mapplied" in shown
    assert "6 applied" in shown


async def test_ctrl_c_on_a_terminal_leaves_it_as_it_was(sim: Simulator) -> None:
    """The bar is gone, the cursor is back, and what is known stands there."""
    sim.fail(endpoint="set_leverage", delay_s=60)
    async with on_a_terminal(sim, *SET, "--all", "--yes", columns=160, lines=40) as terminal:
        await terminal.until("0/6")
        await until(lambda: sim.journal.count("set_leverage") == 1)
        terminal.type("\x03")
        said = await terminal.rest()
        assert terminal.echoes

    assert terminal.process.returncode == 130
    assert "\x1b[?25h" in said
    assert "6 unknown" in said
    assert "Traceback" not in terminal.said


async def test_without_colours_on_a_terminal(sim: Simulator) -> None:
    """NO_COLOR holds for the bar, too."""
    async with on_a_terminal(sim, *SET, "--all", "--yes", columns=160, lines=40, NO_COLOR="1") as terminal:
        shown = await terminal.rest()

    assert terminal.process.returncode == 0
    assert not any(f"\x1b[3{colour}" in shown for colour in range(8))


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\x03", 130)])
async def test_who_does_not_want_it_sends_nothing(sim: Simulator, answer: str, code: int) -> None:
    """And reads so."""
    async with on_a_terminal(sim, *SET, "--all", columns=160, lines=40) as terminal:
        await terminal.until("Go on? [y/N] ")
        terminal.type(answer)
        said = await terminal.rest()

    assert terminal.process.returncode == code
    assert "Nothing was sent." in said
    assert "Traceback" not in said
    assert not sim.journal.count("set_leverage")


async def test_ctrl_c_says_what_is_known_of_each(sim: Simulator) -> None:
    """A write that has left is unknown; the code is that of the signal."""
    sim.fail(endpoint="set_leverage", delay_s=60)
    async with started(sim, *SET, "--all", "--yes", "--json") as process:
        await until(lambda: sim.journal.count("set_leverage") == 1)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    document = json.loads(out)
    assert process.returncode == 130
    assert b"Interrupted; this is what is known of each account." in err
    assert document["counts"] == {"applied": 0, "not_applied": 0, "unknown": 6}
    assert set(document["outcomes"]) == {f"token/{account.name}" for account in sim.accounts()}


async def test_ctrl_c_tells_what_was_applied_from_what_may_have_been() -> None:
    """Of three batches two had been answered."""
    async with Simulator(seed=7, accounts=120, assets=2) as sim:
        sim.fail(endpoint="set_leverage", account=sim.accounts()[-1].id, delay_s=60)
        async with started(sim, *SET, "--all", "--yes", "--json") as process:
            await until(lambda: sim.journal.count("set_leverage", status=200) == 2)
            await asyncio.sleep(0.5)  # until the answers have come
            process.send_signal(signal.SIGTERM)
            out, _ = await process.communicate()

        outcomes = json.loads(out)["outcomes"]
        assert process.returncode == 143
        for at, account in enumerate(sim.accounts()):
            assert outcomes[f"token/{account.name}"]["outcome"] == ("applied" if at < 100 else "unknown")


async def test_show_has_every_open_position(sim: Simulator) -> None:
    """And a line for the accounts of which nothing is known."""
    failed = sim.accounts()[1]
    sim.fail(endpoint="balances", account=failed.name, missing=True)
    code, out, _ = await done(sim, "leverage", "show", "--jsonl")
    table = await done(sim, "leverage", "show")

    lines = only_lines(out)
    assert (code, table[0]) == (3, 3)
    read = [account for account in sim.accounts() if account.name != failed.name]
    assert {line["account"]: line["leverage"] for line in lines if line["symbol"] == PAIR} == {
        account.name: f"{account.leverage[PAIR]}.0" for account in read
    }
    assert {line["asset_type"] for line in lines} == {"position", None}
    assert [line["state"] for line in lines if line["account"] == failed.name] == ["missing"]
    assert failed.name in table[1]


async def test_show_of_accounts_without_positions() -> None:
    """Each has a line all the same."""
    async with Simulator(accounts=2, assets=1) as sim:
        code, out, _ = await done(sim, "leverage", "show", "--jsonl")
        document = await done(sim, "leverage", "show", "--json")

    assert code == 0
    assert [(line["symbol"], line["leverage"]) for line in only_lines(out)] == [(None, None)] * 2
    assert [account["rows"] for account in json.loads(document[1])["accounts"].values()] == [[], []]
