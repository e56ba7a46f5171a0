"""`tread watch` as a process, with its output in a pipe."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, only_lines, started
from tread_async import TreadClient
from tread_async.simulator import Simulator

FAST = ("--interval", "0.05")
README = (Path(__file__).parents[2] / "README.md").read_text()
SHOWN = re.findall(r"^tread (watch.*?)(?: \|.*| >.*)?$", README, flags=re.MULTILINE)


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=6, assets=4) as opened:
        yield opened


@pytest.fixture
async def large() -> AsyncIterator[Simulator]:
    """One whose accounts, all together, are more than fits into a pipe."""
    async with Simulator(accounts=400) as opened:
        yield opened


async def polled(sim: Simulator, times: int) -> None:
    """Returns when balances were asked for so often."""
    while sim.journal.count("cached_balances") < times:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.005)


async def test_without_a_terminal_it_is_one_table_after_the_other(
    sim: Simulator, spoilt: dict[str, str]
) -> None:
    """Every account stands in each, with its state, and nothing but text."""
    code, out, err = await done(sim, "watch", *FAST, "--rounds", "2", "--max-age", "7200")

    first, second, rest = out.split("\n\n")
    assert (code, err, rest) == (3, "", "")
    assert "\x1b" not in out
    for table in (first, second):
        lines = {line.split()[0]: line for line in table.splitlines()}
        assert {account.name for account in sim.accounts()} < set(lines)
        assert all(f"  {kind}" in lines[name] for kind, name in spoilt.items())
        assert "6 accounts: 3 ok, 1 stale, 1 failed, 1 missing; equity of all: ?" in table
        assert "requests/s" in table
    assert sim.tokens[0] not in out


async def test_json_is_a_line_for_each_update(sim: Simulator, spoilt: dict[str, str]) -> None:
    """The first has every row of every account, exact; stdout has nothing else, and stderr nothing."""
    code, out, err = await done(sim, "watch", *FAST, "--rounds", "2", "--json", "--max-age", "7200")
    async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        sent = await tread.request("GET", "/api/sor/get_cached_account_balance")

    first, second = only_lines(out)
    assert (code, err) == (3, "")
    assert (first["round"], second["round"] > 1) == (1, True)
    assert first["counts"] == {"ok": 3, "stale": 1, "failed": 1, "missing": 1}
    kinds = {name: kind for kind, name in spoilt.items()}
    assert {key: change["after"] for key, change in first["changes"].items()} == {
        f"token/{account.name}": kinds.get(account.name, "ok") for account in sim.accounts()
    }
    rows = first["changes"][f"token/{sim.accounts()[0].name}"]["rows_added"]
    assert len(rows) == 4
    assert rows[1]["amount"] == sent["balances"][0]["assets"][1]["amount"]  # of a position: it does not move
    assert list(first["failures"]) == [f"token/{spoilt['failed']}"]
    assert second["missing"] == [f"token/{spoilt['missing']}"]
    assert second["stale"] == [f"token/{spoilt['stale']}"]
    assert sim.tokens[0] not in out


async def test_only_some_accounts_are_asked_for(sim: Simulator) -> None:
    """`--account` takes names and ids, and no other account is in the answer."""
    names, ids = zip(*[(account.name, account.id) for account in sim.accounts()], strict=True)
    some = ("--account", names[2], "--account", ids[0])
    code, out, _ = await done(sim, "watch", *FAST, *some, "--rounds", "1", "--json")

    assert code == 0
    assert list(only_lines(out)[0]["changes"]) == [f"token/{names[2]}", f"token/{names[0]}"]


async def test_an_account_that_nobody_has_is_wrong_usage(sim: Simulator) -> None:
    """A sentence on stderr, code 2, and nothing on stdout."""
    code, out, err = await done(sim, "watch", "--account", "nobody")

    assert (code, out) == (2, "")
    assert err.startswith("tread watch: ")
    assert "nobody" in err


async def test_changes_only_waits_for_a_change(sim: Simulator) -> None:
    """Rounds in which nothing is different have no line."""
    async with started(sim, "watch", *FAST, "--json", "--changes-only") as process:
        assert process.stdout is not None
        first = json.loads(await process.stdout.readline())
        await polled(sim, 6)
        sim.fail(endpoint="cached_balances", account=sim.accounts()[0].name, missing=True)
        lines = []
        while not lines or not lines[-1]["missing"]:
            lines.append(json.loads(await process.stdout.readline()))

    assert len(first["changes"]) == 6
    assert all(line["changes"] for line in lines)
    assert lines[-1]["skipped"] == 0
    assert lines[-1]["round"] > len(lines) + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", [(), ("--json",)])
async def test_signals_end_it(sim: Simulator, number: signal.Signals, how: tuple[str, ...]) -> None:
    """The exit code is what shells make of the signal, and nothing is said about it."""
    async with started(sim, "watch", *FAST, *how) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(number)
        out, err = await process.communicate()

    assert (process.returncode, err) == (128 + number, b"")
    assert out == b"" or out.endswith(b"\n")


async def test_it_ends_though_its_reader_is_stuck(large: Simulator) -> None:
    """A line that nobody takes does not keep it from ending."""
    read_end, write_end = os.pipe()
    try:
        async with started(large, "watch", *FAST, "--json", stdout=write_end) as process:
            await asyncio.to_thread(os.read, read_end, 1)
            process.send_signal(signal.SIGTERM)
            _, err = await process.communicate()
    finally:
        os.close(read_end)
        os.close(write_end)

    assert (process.returncode, err) == (143, b"")


async def test_a_slow_reader_skips_rounds(large: Simulator) -> None:
    """Polling goes on meanwhile; the next line says how many rounds it left out."""
    async with started(large, "watch", *FAST, "--json") as process:
        assert process.stdout is not None
        await polled(large, 20)
        process.stdout._limit = 2**24  # type: ignore[attr-defined]
        lines = [json.loads(await process.stdout.readline()) for _ in range(2)]

    assert lines[1]["skipped"] == lines[1]["round"] - 2 > 0
    assert not any(line["failures"] for line in lines)


async def test_it_ends_when_nobody_reads_any_more(sim: Simulator) -> None:
    """As for `| head -1`: quietly, and with the code of SIGPIPE."""
    read_end, write_end = os.pipe()
    async with started(sim, "watch", *FAST, "--json", stdout=write_end) as process:
        os.close(write_end)
        await asyncio.to_thread(os.read, read_end, 1)
        os.close(read_end)
        _, err = await process.communicate()

    assert (process.returncode, err) == (141, b"")


async def test_a_full_disk_is_a_sentence(sim: Simulator) -> None:
    """What cannot be written ends the watch."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with started(sim, "watch", *FAST, "--json", stdout=full) as process:
            _, err = await process.communicate()
    finally:
        os.close(full)

    assert process.returncode == 1
    assert err == b"tread watch: the output cannot be written: No space left on device\n"


async def test_the_exit_code_is_that_of_the_last_update(sim: Simulator) -> None:
    """Nothing was read because of too many requests: that has a code of its own."""
    sim.fail(status=429)
    code, out, _ = await done(sim, "watch", *FAST, "--rounds", "1")

    assert code == 6
    assert "token could not be listed: HTTP 429" in out


async def test_a_token_that_is_refused_ends_it(sim: Simulator) -> None:
    """The last table says so, and stderr has one sentence."""
    sim.fail(status=401)
    code, out, err = await done(sim, "watch", *FAST)

    assert code == 5
    assert "token is not polled any more: HTTP 401" in out
    assert err.startswith("tread watch: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", SHOWN)
async def test_the_commands_of_the_readme_work(sim: Simulator, command: str) -> None:
    """Each, as far as its first update."""
    code, out, err = await done(sim, *shlex.split(command), "--rounds", "1")

    assert (code in (0, 4), err) == (True, "")
    assert out


def test_the_readme_shows_commands() -> None:
    """So that the test above has some."""
    assert len(SHOWN) == 3
