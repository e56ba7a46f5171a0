"""`tread balances` as a process: every form, every filter, and what is not known."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import done, on_a_terminal, only_lines, started, until
from tread_async.simulator import Simulator

PARTIAL = "tread balances: partial: 1 stale, 1 failed, 1 missing of 6\n"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=6, assets=4) as opened:
        yield opened


def table_lines(out: str) -> dict[str, str]:
    """The lines of a table by their first word."""
    return {line.split()[0]: line for line in out.splitlines()}


async def test_the_table_has_every_account_and_the_totals_below(sim: Simulator) -> None:
    """Plain text in a pipe, and the totals are exact."""
    code, out, err = await done(sim, "balances")

    assert (code, err) == (0, "")
    assert "\x1b" not in out
    lines = table_lines(out)
    equities = [lines[account.name].split()[2].replace(",", "") for account in sim.accounts()]
    assert "6 accounts: 6 ok" in out
    assert f"equity {sum(map(Decimal, equities)):,f}, notional " in out
    assert "?" not in out


async def test_what_is_wrong_shows_and_there_is_no_total(sim: Simulator, spoilt: dict[str, str]) -> None:
    """Each such account has its line and its reason, the totals are ``?``, and the code says partial."""
    code, out, err = await done(sim, "balances", "--max-age", "7200")

    lines = table_lines(out)
    assert (code, err) == (3, PARTIAL)
    assert all(f"  {kind}" in lines[name] for kind, name in spoilt.items())
    assert "AccountError: the server could not read" in lines[spoilt["failed"]]
    assert "equity ?, notional ?, pnl ?" in out


async def test_only_ages_are_wrong(sim: Simulator) -> None:
    """That has a code of its own."""
    sim.fail(endpoint="cached_balances", account=sim.accounts()[0].name, stale_s=9000)
    code, _, err = await done(sim, "balances", "--max-age", "7200")

    assert (code, err) == (4, "tread balances: stale: 1 stale of 6\n")


async def test_json_is_one_document_in_the_words_of_a_snapshot(
    sim: Simulator, spoilt: dict[str, str]
) -> None:
    """With every digit of every row, and with what is not known."""
    code, out, err = await done(sim, "balances", "--json", "--max-age", "7200")

    document = json.loads(out)
    assert (code, err, out.count("\n")) == (3, PARTIAL, 1)
    assert document["counts"] == {"ok": 3, "stale": 1, "failed": 1, "missing": 1}
    assert document["complete"] is False
    states = {key: account["state"] for key, account in document["accounts"].items()}
    kinds = {name: kind for kind, name in spoilt.items()}
    assert states == {f"token/{one.name}": kinds.get(one.name, "ok") for one in sim.accounts()}
    assert isinstance(document["accounts"][f"token/{sim.accounts()[0].name}"]["rows"][0]["amount"], str)


@pytest.mark.parametrize("form", ["--jsonl", "--csv"])
async def test_lines_for_machines_have_one_for_each_account(
    sim: Simulator, spoilt: dict[str, str], form: str
) -> None:
    """Also for those of which nothing is known, with the reason."""
    code, out, err = await done(sim, "balances", form, "--max-age", "7200")

    lines: Any = only_lines(out) if form == "--jsonl" else list(csv.DictReader(out.splitlines()))
    by_name = {line["account"]: line for line in lines}
    assert (code, err) == (3, PARTIAL)
    assert list(by_name) == [account.name for account in sim.accounts()]
    assert by_name[spoilt["failed"]]["message"].endswith("Failed to fetch balances")
    assert not by_name[spoilt["failed"]]["equity"]
    assert Decimal(by_name[sim.accounts()[0].name]["notional"]) > 0


async def test_rows_are_every_position_and_asset(sim: Simulator, spoilt: dict[str, str]) -> None:
    """In each form; what is not known has a row, too."""
    table = await done(sim, "balances", "--rows")
    code, out, _ = await done(sim, "balances", "--rows", "--jsonl")

    lines = only_lines(out)
    assert code == 3
    assert len(lines) == 4 * 4 + 2
    assert {line["account"] for line in lines} == {account.name for account in sim.accounts()}
    assert all(name in table[1] for name in spoilt.values())
    assert table[1].count("ETH:PERP-USD") == 4


async def test_an_exchange_narrows_all_that_is_said(sim: Simulator) -> None:
    """Counts, totals and the exit code are about what may fit; the case of its letters does not matter."""
    sim.fail(endpoint="cached_balances", account=sim.accounts()[1].name, stale_s=9000)
    mine = sim.accounts()[2]
    code, out, _ = await done(
        sim, "balances", "--exchange", mine.exchange.lower(), "--max-age", "7200", "--json"
    )
    table = await done(sim, "balances", "--exchange", mine.exchange)

    document = json.loads(out)
    assert code == 0
    assert list(document["accounts"]) == [f"token/{mine.name}"]
    assert (document["counts"]["ok"], document["complete"]) == (1, True)
    assert "1 account: 1 ok; 5 that do not fit are left out" in table[1]


@pytest.mark.parametrize(
    "filters", [("--exchange", "Nowhere"), ("--symbol", "XYZ:PERP-USDT"), ("--min-notional", "1e15")]
)
@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",), ("--csv",), ("--rows",)])
async def test_a_filter_leaves_out_nothing_that_is_unknown(
    sim: Simulator, spoilt: dict[str, str], filters: tuple[str, ...], form: tuple[str, ...]
) -> None:
    """An account that failed or is missing may fit, and is shown; those that are known not to are not."""
    code, out, _ = await done(sim, "balances", *filters, *form)

    assert code == 3
    assert spoilt["failed"] in out
    assert spoilt["missing"] in out
    assert sim.accounts()[0].name not in out


async def test_a_symbol_narrows_rows_and_sums(sim: Simulator) -> None:
    """In the JSON, too."""
    name = sim.accounts()[0].name
    code, out, _ = await done(
        sim, "balances", "--account", name, "--symbol", "eth:perp-usdt", "--source", "live", "--json"
    )
    rows = await done(sim, "balances", "--account", name, "--symbol", "ETH:PERP-USDT", "--rows", "--csv")

    assert code == 0
    assert [row["symbol"] for row in json.loads(out)["accounts"][f"token/{name}"]["rows"]] == [
        "ETH:PERP-USDT"
    ]
    assert len(rows[1].splitlines()) == 2


async def test_live_balances_state_no_equity(sim: Simulator) -> None:
    """So there is no total of it, and one of everything else."""
    code, out, _ = await done(sim, "balances", "--source", "live")

    assert code == 0
    assert "equity ?, notional " in out
    assert "notional ?" not in out


async def test_parquet_has_all_rows(sim: Simulator, tmp_path: Path) -> None:
    """Instead of a table; with a symbol those of it."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    path = tmp_path / "rows.parquet"
    code, out, err = await done(sim, "balances", "--parquet", str(path), "--symbol", "ETH:PERP-USDT")

    assert (code, out, err) == (0, "", f"tread balances: 6 rows in {path}\n")
    rows = pq.read_table(path).to_pylist()
    assert [row["account"] for row in rows] == [account.name for account in sim.accounts()]
    assert {row["symbol"] for row in rows} == {"ETH:PERP-USDT"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--account", "nobody"), 2, "nobody"),
        (("--source", "auto"), 2, "--source auto needs --max-age"),
        (("--json", "--csv"), 2, "--json, --jsonl and --csv exclude each other"),
        (("--parquet", "x", "--json"), 2, "--parquet excludes"),
        (("--parquet", "/no/such/folder/x"), 2, "/no/such/folder/x cannot be written: No such file"),
    ],
)
async def test_what_cannot_be_is_a_sentence(
    sim: Simulator, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """On stderr, with nothing on stdout."""
    ended, out, err = await done(sim, "balances", *arguments)

    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("tread balances: ")
    assert said in err


@pytest.mark.parametrize(("status", "code"), [(401, 5), (429, 6), (500, 1)])
async def test_nothing_was_read(sim: Simulator, status: int, code: int) -> None:
    """The reason is below the table, on stderr, and is the exit code. It is not the same as no account."""
    sim.fail(status=status)
    ended, out, err = await done(sim, "balances")

    assert ended == code
    assert f"token could not be listed: HTTP {status}" in out
    assert "accounts not known" in out
    assert "equity ?" in out
    assert err.startswith(f"tread balances: token could not be listed: HTTP {status}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", "--rows"])
async def test_the_reason_is_on_stderr_in_every_form(sim: Simulator, form: str) -> None:
    """Since standard output may be a file, and a line for each token."""
    sim.fail(endpoint="accounts", status=401)
    _, _, err = await done(sim, "balances", form)
    _, _, shown = await done(sim, "leverage", "show", *([form] if form != "--rows" else []))

    assert err.startswith("tread balances: token could not be listed: HTTP 401: ")
    assert shown == err.replace("tread balances", "tread leverage show")


async def test_without_a_server_or_a_token(sim: Simulator) -> None:
    """Both are said in a sentence."""
    down = await done(sim, "balances", "--account", "x", TREAD_BASE_URL="http://127.0.0.1:9")
    none = await done(sim, "balances", TREAD_API_TOKEN="")

    assert (down[0], down[1], down[2].count("\n")) == (1, "", 1)
    assert down[2].startswith("tread balances: GET /api/accounts/: ")
    assert (none[0], none[1], none[2].count("\n")) == (2, "", 1)
    assert none[2].startswith("tread balances: there is no API token; set TREAD_API_TOKEN in the environment")


async def test_nobody_reads() -> None:
    """As for `| head -1`: quietly, and with the code of SIGPIPE."""
    async with Simulator(accounts=400) as sim:
        read_end, write_end = os.pipe()
        os.close(read_end)
        async with started(sim, "balances", "--json", stdout=write_end) as process:
            os.close(write_end)
            _, err = await process.communicate()

    assert (process.returncode, err) == (141, b"")


async def test_a_signal_ends_it(sim: Simulator) -> None:
    """With the code that shells make of it, and without a word."""
    sim.fail(delay_s=60)
    async with started(sim, "balances") as process:
        await until(lambda: bool(sim.journal.requests))
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert (process.returncode, out, err) == (130, b"", b"")


async def test_colours_are_for_a_terminal(sim: Simulator) -> None:
    """And not even there where they are not wanted."""
    async with on_a_terminal(sim, "balances", columns=150, lines=30) as terminal:
        coloured = await terminal.rest()
    async with on_a_terminal(sim, "balances", "--rows", columns=220, lines=90, NO_COLOR="1") as terminal:
        plain = await terminal.rest()
    async with on_a_terminal(sim, "balances", "--json", columns=80, lines=30) as terminal:
        document = await terminal.rest()

    assert "\x1b[32mok" in coloured
    assert not any(f"\x1b[3{colour}" in plain for colour in range(8))
    assert sim.accounts()[0].name in plain
    assert "\x1b" not in document


async def test_secrets_never_show(sim: Simulator) -> None:
    """Neither the token nor the keys that the server lists."""
    said = [
        await done(sim, *arguments) for arguments in (("balances", "--json"), ("accounts", "list", "--json"))
    ]

    everything = "".join([out + err for _, out, err in said])
    assert sim.tokens[0] not in everything
    assert not any(account.api_key in everything for account in sim.accounts())


@pytest.mark.parametrize("form", [(), ("--json",), ("--rows", "--csv")])
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("balances", "--exchange", "NOPE"), "no account is of the exchange 'NOPE'; the exchanges are "),
        (("balances", "--symbol", "ETH"), "no account has 'ETH'; symbols like it are "),
        (("balances", "--symbol", "NOPE"), "no account has 'NOPE'; the symbols are "),
        (("leverage", "show", "--symbol", "NOPE"), "no account has 'NOPE'; the symbols are "),
        (
            ("accounts", "list", "--exchange", "NOPE"),
            "no account is of the exchange 'NOPE'; the exchanges are ",
        ),
    ],
)
async def test_a_filter_that_nobody_can_mean_shows_nothing(
    sim: Simulator, command: tuple[str, ...], said: str, form: tuple[str, ...]
) -> None:
    """It is wrong usage, with what there is: nothing is no answer that reads as zero."""
    form = form if command[0] == "balances" else form[-1:]
    code, out, err = await done(sim, *command, *form)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"tread {' '.join(command[:-2])}: {said}")


async def test_a_filter_that_an_unread_account_may_fit(sim: Simulator, spoilt: dict[str, str]) -> None:
    """Is no wrong usage: the account is shown, and the words are there all the same."""
    code, out, err = await done(sim, "balances", "--exchange", "NOPE")

    assert code == 3
    assert spoilt["failed"] in out
    assert "no account is of the exchange 'NOPE'" in err


async def test_there_is_no_total_of_nothing(sim: Simulator) -> None:
    """Nobody has as much: that is an answer, and no figure."""
    code, out, _ = await done(sim, "balances", "--min-notional", "1e30")

    assert code == 0
    assert out.splitlines()[1:] == ["no account; 6 that do not fit are left out"]


async def test_one_account_is_no_accounts(sim: Simulator) -> None:
    """In words."""
    name = sim.accounts()[0].name
    balances = await done(sim, "balances", "--account", name)
    listed = await done(sim, "accounts", "list", "--account", name)

    assert "1 account: 1 ok" in balances[1]
    assert listed[1].endswith("\n1 account\n")
