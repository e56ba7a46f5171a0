"""Standard output and error that are closed, full, without a reader, or in an old encoding."""

from __future__ import annotations

import csv
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, in_bash
from tread_async.simulator import Simulator

PAIR = "ETH:PERP-USDT"
SET = f"tread leverage set 7 --pair {PAIR} --all --yes"
PLAN = f"tread leverage plan --pair {PAIR} --leverage 7 --all"
CREATE = "tread accounts create new --exchange OKX --yes"
KEYS = {f"TREAD_ACCOUNT_{name}": "canary-of-create" for name in ("API_KEY", "API_SECRET", "PASSWORD")}
READS = (
    "balances", "balances --json", "accounts list", "leverage show", "doctor", "watch --rounds 1",
    "watch --rounds 1 --json", "config show", "config path", "simulate --port 0", "--help", "--version",
    "balances --help",
)  # fmt: skip
NO_UTF_8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
CLOSED = "standard output is closed"
FULL = "No space left on device"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=3, assets=3) as opened:
        yield opened


def leverages(sim: Simulator) -> set[str]:
    return {account.leverage[PAIR] for account in sim.accounts()}


@pytest.mark.parametrize("command", READS)
@pytest.mark.parametrize(("stdout", "why"), [(">&-", CLOSED), (">/dev/full", FULL)])
async def test_what_cannot_be_written_is_a_sentence(
    sim: Simulator, command: str, stdout: str, why: str
) -> None:
    """And code 1, never a traceback."""
    code, out, err = await in_bash(sim, f"tread {command} {stdout}")

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("tread")
    assert err.endswith(f" cannot be written: {why}\n")


@pytest.mark.parametrize("command", [one for one in READS if not one.startswith("simulate")])
async def test_it_is_quiet_where_nobody_reads(sim: Simulator, command: str) -> None:
    """With the code of SIGPIPE."""
    assert await in_bash(sim, f"tread {command} | true") == (141, "", "")


@pytest.mark.parametrize(
    ("stdout", "code", "why"), [(">&-", 1, CLOSED), (">/dev/full", 1, FULL), ("| true", 141, "Broken pipe")]
)
async def test_a_simulator_that_nobody_could_find(stdout: str, code: int, why: str) -> None:
    """Is not about its port."""
    said = f"tread simulate: the line that says where it listens cannot be written: {why}\n"

    assert await in_bash(None, f"tread simulate --port 0 {stdout}") == (code, "", said)


@pytest.mark.parametrize(
    ("stdout", "code", "err"),
    [
        (">&-", 1, f"tread demo: the output cannot be written: {CLOSED}\n"),
        (">/dev/full", 1, f"tread demo: the output cannot be written: {FULL}\n"),
        ("| true", 141, ""),
    ],
)
async def test_the_demo_ends_when_it_cannot_be_seen(stdout: str, code: int, err: str) -> None:
    """As every other command does."""
    assert await in_bash(None, f"tread demo {stdout}") == (code, "", err)


@pytest.mark.parametrize("form", ["", "--json"])
@pytest.mark.parametrize(
    ("stdout", "code", "why"), [(">&-", 1, CLOSED), (">/dev/full", 1, FULL), ("| true", 141, "Broken pipe")]
)
async def test_what_a_write_came_to_is_said_all_the_same(
    sim: Simulator, form: str, stdout: str, code: int, why: str
) -> None:
    """On stderr, in few words; the code is never that of success."""
    ended, out, err = await in_bash(sim, f"{SET} {form} {stdout}")

    assert (ended, out) == (code, "")
    assert err.splitlines()[1:] == [f"tread leverage set: 3 applied; the report could not be written: {why}"]
    assert leverages(sim) == {"7"}


async def test_the_code_of_a_write_stays(sim: Simulator) -> None:
    """That one account was refused, or is unknown, matters more than the report."""
    sim.fail(endpoint="set_leverage", account=sim.accounts()[0].name, status=400)
    code, _, err = await in_bash(sim, f"{SET} >/dev/full")

    assert code == 3
    assert "tread leverage set: 2 applied, 1 not applied; the report could not be written: " in err


async def test_a_dry_run_sends_nothing_whatever_can_be_written(sim: Simulator) -> None:
    """And says so."""
    code, _, err = await in_bash(sim, f"{SET} --dry-run >/dev/full")

    assert code == 1
    assert f"tread leverage set: nothing was sent; the report could not be written: {FULL}\n" in err
    assert not sim.journal.changes


async def test_a_plan_is_applied_and_said(sim: Simulator, tmp_path: Path) -> None:
    """As for one leverage."""
    path = tmp_path / "plan.json"
    _, _, planned = await in_bash(sim, f"{PLAN} --out {path} >/dev/full")
    code, _, err = await in_bash(sim, f"tread leverage apply {path} --yes >/dev/full")

    assert planned.startswith(f"tread leverage plan: 3 changes in {path}\n")
    assert code == 1
    assert f"tread leverage apply: 3 applied; the report could not be written: {FULL}\n" in err


async def test_an_account_is_made_and_said(sim: Simulator) -> None:
    """With its id, since it must not be made twice."""
    code, _, err = await in_bash(sim, f"{CREATE} >/dev/full", **KEYS)
    archived = await in_bash(sim, "tread accounts archive new --yes >&-")

    made = sim.journal.changes[0].account_id
    applied = f"applied, the id of the account is {made}; the report could not be written: "
    assert (code, archived[0]) == (1, 1)
    assert f"tread accounts create: {applied}{FULL}\n" in err
    assert f"tread accounts archive: {applied}{CLOSED}\n" in archived[2]


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(true)"])
@pytest.mark.parametrize("command", [SET, "tread balances --max-age 0.000001 --json", "tread no-such"])
async def test_words_that_cannot_be_written_change_nothing(sim: Simulator, command: str, stderr: str) -> None:
    """Neither the code nor what stands on standard output."""
    code, out, _ = await in_bash(sim, command)
    muted = await in_bash(sim, f"{command} {stderr}")

    assert muted[0] == code
    assert muted[1].count("\n") == out.count("\n")
    assert "Sets the leverage" not in muted[1]


async def test_nothing_at_all_can_be_written(sim: Simulator) -> None:
    """The write is sent all the same, and no socket takes the place of what is closed."""
    code, out, err = await in_bash(sim, f"{SET} <&- >&- 2>&-")

    assert (code, out, err) == (1, "", "")
    assert leverages(sim) == {"7"}


@pytest.mark.parametrize("encoding", [NO_UTF_8, {"PYTHONIOENCODING": "latin-1"}])
async def test_names_are_told_apart_in_every_encoding(encoding: dict[str, str]) -> None:
    """Machines get UTF-8; people get escapes, not two question marks."""
    async with Simulator(accounts=["名", "前"], assets=2) as two:
        lines = await done(two, "balances", "--csv", **encoding)
        listed = await done(two, "accounts", "list", "--jsonl", **encoding)
        table = await done(two, "balances", **encoding)

    assert [line["account"] for line in csv.DictReader(lines[1].splitlines())] == ["名", "前"]
    assert listed[1].count("\\u") == 2
    assert "\\u540d " in table[1]
    assert "\\u524d " in table[1]


async def test_arguments_are_utf_8_in_every_locale(tmp_path: Path) -> None:
    """Names of accounts as well as of files."""
    async with Simulator(accounts=["gäte", "other"], assets=2) as two:
        one = await done(two, "accounts", "list", "--account", "gäte", "--csv", **NO_UTF_8)
        read = await done(two, "balances", "--account", "gäte", "--csv", **NO_UTF_8)
        filed = await done(two, "balances", "--parquet", str(tmp_path / "gäte"), **NO_UTF_8)

    assert (one[0], read[0], filed[0]) == (0, 0, 0)
    assert [line["account"] for line in csv.DictReader(one[1].splitlines())] == ["gäte"]
    assert [line["account"] for line in csv.DictReader(read[1].splitlines())] == ["gäte"]
    assert os.listdir(tmp_path) == ["gäte"]


async def test_an_argument_in_another_encoding_is_refused_for_what_it_is(sim: Simulator) -> None:
    """It is no control character."""
    code, out, err = await in_bash(sim, "tread balances --account $'g\\xe4te'")

    assert (code, out) == (2, "")
    assert err == "tread balances: an account name is not text in UTF-8\n"
