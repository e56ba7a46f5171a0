"""`tread accounts` as a process: lists, and writes of which the server's journal says what was sent."""

from __future__ import annotations

import csv
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, on_a_terminal, only_lines, started, until
from tread_async import UsageError
from tread_async.cli.account_secrets import AccountSecrets
from tread_async.cli.confirming import Consent
from tread_async.simulator import Simulator

SECRETS = {
    "TREAD_ACCOUNT_API_KEY": "canary-key-of-create",
    "TREAD_ACCOUNT_API_SECRET": "canary-secret-of-create",
    "TREAD_ACCOUNT_PASSWORD": "canary-password-of-create",
}
NEW = ("accounts", "create", "new", "--exchange", "OKX")
WRITES = ("create_account", "update_account", "archive_account", "set_leverage")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=4, assets=2) as opened:
        yield opened


def writes(sim: Simulator) -> int:
    """How many requests that write have come."""
    return sum(sim.journal.count(endpoint) for endpoint in WRITES)


async def test_the_list_in_every_form(sim: Simulator) -> None:
    """All accounts, with their ids and nothing of their keys."""
    table = await done(sim, "accounts", "list")
    document = await done(sim, "accounts", "list", "--json")
    lines = await done(sim, "accounts", "list", "--jsonl")
    sheet = await done(sim, "accounts", "list", "--csv")

    ids = [account.id for account in sim.accounts()]
    assert [one[0] for one in (table, document, lines, sheet)] == [0] * 4
    assert all(one in table[1] for one in ids)
    assert "4 accounts" in table[1]
    listed = json.loads(document[1])
    assert listed["complete"] is True
    assert [account["account_id"] for account in listed["accounts"].values()] == ids
    assert [line["account_id"] for line in only_lines(lines[1])] == ids
    assert [line["account_id"] for line in csv.DictReader(sheet[1].splitlines())] == ids


async def test_the_list_of_some(sim: Simulator) -> None:
    """By name, key, id and exchange; one that nobody has is wrong usage."""
    first, second, third = sim.accounts()[:3]
    some = ("--account", first.name, "--account", f"token/{second.name}", "--account", third.id)
    code, out, _ = await done(sim, "accounts", "list", *some, "--jsonl")
    of_one = await done(sim, "accounts", "list", "--exchange", third.exchange.lower(), "--jsonl")
    nobody = await done(sim, "accounts", "list", "--account", "nobody")

    assert code == 0
    assert [line["account"] for line in only_lines(out)] == [first.name, second.name, third.name]
    assert [line["account"] for line in only_lines(of_one[1])] == [third.name]
    assert nobody == (2, "", "tread accounts list: there is no account 'nobody'\n")


@pytest.mark.parametrize(("status", "code"), [(401, 5), (429, 6), (500, 1)])
async def test_a_token_that_cannot_be_listed_is_there(sim: Simulator, status: int, code: int) -> None:
    """With the reason, in every form; an account that was asked for may be one of its own."""
    sim.fail(endpoint="accounts", status=status)
    ended, out, err = await done(sim, "accounts", "list", "--account", "nobody", "--jsonl")
    document = await done(sim, "accounts", "list", "--json")
    table = await done(sim, "accounts", "list")

    assert "\naccounts not known; token could not be listed\n" in table[1]
    assert err == document[2] == table[2]
    assert err.startswith(f"tread accounts list: token could not be listed: HTTP {status}: ")
    (line,) = only_lines(out)
    assert (ended, document[0]) == (code, code)
    assert (line["credential"], line["state"], line["status"]) == ("token", "unlisted", status)
    assert json.loads(document[1])["unlisted"]["token"]["status"] == status


async def test_create_with_secrets_of_the_environment(sim: Simulator) -> None:
    """The account is shown as it is listed, and nothing of its secrets."""
    code, out, err = await done(sim, *NEW, "--yes", "--json", **SECRETS)

    made = sim.accounts()[-1]
    document = json.loads(out)
    assert code == 0
    assert (made.name, made.exchange, made.api_key) == ("new", "OKX", SECRETS["TREAD_ACCOUNT_API_KEY"])
    assert document["accounts"]["token/new"]["account_id"] == made.id
    assert err.startswith(f"At {sim.url}, of the token token: creates the account new of OKX.")
    assert not any(secret in out + err for secret in SECRETS.values())


async def test_create_with_a_file_that_others_may_not_read(sim: Simulator, tmp_path: Path) -> None:
    """One that they may read is refused before anything is sent."""
    path = tmp_path / "okx.json"
    path.write_text('{"api_key": "canary-k", "api_secret": "canary-s", "password": "canary-p"}')
    path.chmod(0o640)
    open_to_all = await done(sim, *NEW, "--yes", "--secrets-file", str(path))
    assert not sim.journal.requests
    path.chmod(0o600)
    mine = await done(sim, *NEW, "--yes", "--secrets-file", str(path))

    assert open_to_all[:2] == (2, "")
    assert f"{path} has the mode 0640; run: chmod 600 {path}; nothing was sent" in open_to_all[2]
    assert mine[0] == 0
    assert sim.accounts()[-1].api_key == "canary-k"


async def test_create_with_secrets_on_stdin(sim: Simulator) -> None:
    """What is no JSON of that kind is not repeated."""
    good = '{"api_key": "canary-k", "api_secret": "canary-s"}'
    gate = ("accounts", "create", "new", "--exchange", "Gate", "--yes", "--secrets-file", "-")
    bad = await done(sim, *gate, given='{"api_key": "canary-k", "api_secret": 5}')
    none = await done(sim, *gate, given='{"api_key": "canary-k"}')
    code, _, _ = await done(sim, *gate, given=good)

    assert bad[0] == none[0] == 2
    assert "canary" not in bad[2] + none[2]
    assert "there is no api_secret" in none[2]
    broken = await done(sim, *gate, "--dry-run", given="\udcff")

    assert code == 0
    assert writes(sim) == 1
    assert broken == (2, "", "tread accounts create: stdin is not text; nothing was sent\n")


def test_stdin_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no terminal, and there are no secrets."""
    monkeypatch.setattr(sys, "stdin", None)
    for path in (None, "-"):
        with pytest.raises(UsageError):
            AccountSecrets.read(path)
    with pytest.raises(UsageError):
        Consent().check()


async def test_create_asks_without_echo(sim: Simulator) -> None:
    """For each secret, and then whether to go on; nothing that is typed for a secret shows."""
    async with on_a_terminal(sim, *NEW, columns=100, lines=30) as terminal:
        for name, typed in zip(("api_key", "api_secret", "password"), SECRETS.values(), strict=True):
            await terminal.until(f"{name}")
            await until(lambda: not terminal.echoes)
            terminal.type(f"{typed}\n")
        await terminal.until("Go on? [y/N] ")
        assert terminal.echoes
        assert writes(sim) == 0
        terminal.type("y\n")
        await terminal.rest()

    assert terminal.process.returncode == 0
    assert sim.accounts()[-1].api_key == SECRETS["TREAD_ACCOUNT_API_KEY"]
    assert not any(secret in terminal.said for secret in SECRETS.values())


async def test_ctrl_c_at_a_secret_leaves_the_terminal_as_it_was(sim: Simulator) -> None:
    """With echo, and without a request."""
    async with on_a_terminal(sim, *NEW, columns=100, lines=30) as terminal:
        await terminal.until("api_key")
        await until(lambda: not terminal.echoes)
        terminal.type("\x03")
        said = await terminal.rest()
        assert terminal.echoes

    assert terminal.process.returncode == 130
    assert "Traceback" not in said
    assert not sim.journal.requests


@pytest.mark.parametrize("command", [NEW, ("accounts", "archive", "gate-mm-004")])
async def test_a_dry_run_sends_no_write(sim: Simulator, command: tuple[str, ...]) -> None:
    """And says so."""
    code, out, err = await done(sim, *command, "--dry-run", **SECRETS)

    assert (code, out) == (0, "")
    assert err.endswith("This is a dry run: no write was sent.\n")
    assert writes(sim) == 0


@pytest.mark.parametrize("command", [NEW, ("accounts", "archive", "gate-mm-004")])
async def test_a_dry_run_has_one_document(sim: Simulator, command: tuple[str, ...]) -> None:
    """Of the same shape as that of a write, and it says what it is."""
    document = await done(sim, *command, "--dry-run", "--json", **SECRETS)
    lines = await done(sim, *command, "--dry-run", "--jsonl", **SECRETS)
    written = await done(sim, *command, "--yes", "--json", **SECRETS)

    would, did = json.loads(document[1]), json.loads(written[1])
    ((key, account),) = would["accounts"].items()
    assert [one[0] for one in (document, lines, written)] == [0, 0, 0]
    assert (set(would), set(account)) == (set(did), set(*did["accounts"].values()))
    assert (would["dry_run"], did["dry_run"]) == (True, False)
    assert (would["outcome"], would["message"]) == ("not_applied", "a dry run: nothing was sent")
    assert key == f"token/{command[2]}"
    assert [line["outcome"] for line in only_lines(lines[1])] == ["not_applied"]
    assert writes(sim) == 1


@pytest.mark.parametrize(
    "command",
    [NEW, ("accounts", "archive", "x"), ("accounts", "update", "--margin-mode", "CROSS", "--account", "x")],
)
async def test_nobody_is_there_to_confirm(sim: Simulator, command: tuple[str, ...]) -> None:
    """That is wrong usage: nothing at all is sent."""
    code, out, err = await done(sim, *command, **SECRETS)

    assert (code, out) == (2, "")
    sentence = "nobody can confirm this without a terminal; say --yes; nothing was sent"
    assert err == f"tread accounts {command[1]}: {sentence}\n"
    assert not sim.journal.requests


async def test_a_name_that_is_taken(sim: Simulator) -> None:
    """It is refused before anything is written."""
    name = sim.accounts()[0].name
    code, out, err = await done(sim, "accounts", "create", name, "--exchange", "OKX", "--yes", **SECRETS)

    assert (code, out) == (1, "")
    assert f"there is an account '{name}' already; nothing was sent" in err
    assert writes(sim) == 0


async def test_create_of_which_nothing_is_known(sim: Simulator) -> None:
    """It has a code of its own, and a sentence of what to do."""
    sim.fail(endpoint="create_account", status=500)
    code, out, err = await done(sim, *NEW, "--yes", **SECRETS)

    assert (code, out) == (7, "")
    assert "it is not known whether it was applied, see 'tread accounts list' before you try again" in err
    assert sim.journal.count("create_account") == 1


async def test_create_that_is_found_afterwards(sim: Simulator) -> None:
    """The answer was lost, and the listings at first, too: it is looked for once more."""
    sim.fail(endpoint="create_account", status=500, apply="all")
    for nth in (1, 2, 3):
        sim.fail(endpoint="accounts", missing=True, account="new", nth=nth)
    code, out, _ = await done(sim, *NEW, "--yes", "--json", **SECRETS)

    assert code == 0
    assert json.loads(out)["accounts"]["token/new"]["account_id"] == sim.accounts()[-1].id
    assert sim.journal.count("create_account") == 1
    assert sim.journal.count("accounts") == 5  # before, three times, and to resolve


async def test_ctrl_c_during_a_create(sim: Simulator) -> None:
    """The request has left, so it is not known whether it was applied, and that is said."""
    sim.fail(endpoint="create_account", delay_s=60)
    async with started(sim, *NEW, "--yes", **SECRETS) as process:
        await until(lambda: sim.journal.count("create_account") == 1)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert (process.returncode, out) == (130, b"")
    assert b"it is not known whether it was applied" in err


async def test_ctrl_c_before_a_write_has_left(sim: Simulator) -> None:
    """Then nothing was applied, and that is said."""
    sim.fail(endpoint="accounts", nth=2, delay_s=60)
    name = sim.accounts()[0].name
    async with started(sim, "accounts", "archive", name, "--yes") as process:
        await until(lambda: sim.journal.count("accounts") == 2)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    assert process.returncode == 130
    assert b"it was interrupted; nothing was applied" in err
    assert writes(sim) == 0


@pytest.mark.parametrize(("status", "code"), [(401, 5), (400, 1)])
async def test_a_create_that_is_refused(sim: Simulator, status: int, code: int) -> None:
    """The reason is a sentence, and the code is that of the reason."""
    sim.fail(endpoint="create_account", status=status)
    ended, out, err = await done(sim, *NEW, "--yes", **SECRETS)

    assert (ended, out) == (code, "")
    assert f"HTTP {status}" in err.splitlines()[-1]
    assert not any(secret in err for secret in SECRETS.values())


async def test_archive_asks_with_what_it_found(sim: Simulator) -> None:
    """And sends nothing before that; the new name is shown."""
    account = sim.accounts()[1]
    async with on_a_terminal(sim, "accounts", "archive", account.id, columns=200, lines=30) as terminal:
        said = await terminal.until("Go on? [y/N] ")
        assert writes(sim) == 0
        terminal.type("yes\n")
        shown = await terminal.rest()

    assert terminal.process.returncode == 0
    assert f"archives the account of id {account.id}, {account.name} of {account.exchange}." in said
    assert sim.accounts()[1].archived
    assert sim.accounts()[1].name in shown


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "yesterday\n"])
async def test_an_archive_that_is_not_wanted(sim: Simulator, answer: str) -> None:
    """Anything but yes is no."""
    name = sim.accounts()[1].name
    async with on_a_terminal(sim, "accounts", "archive", name, columns=100, lines=30) as terminal:
        await terminal.until("Go on? [y/N] ")
        terminal.type(answer)
        said = await terminal.rest()

    assert terminal.process.returncode == 1
    assert "Nothing was sent." in said
    assert writes(sim) == 0


async def test_an_archive_of_nobody(sim: Simulator) -> None:
    """It is wrong usage."""
    code, out, err = await done(sim, "accounts", "archive", "nobody", "--yes")

    assert (code, out) == (2, "")
    assert err == "tread accounts archive: no accounts are called 'nobody'; nothing was sent\n"


async def test_update_says_what_became_of_each(sim: Simulator) -> None:
    """One was refused, and the code is that of a part."""
    first, second = sim.accounts()[:2]
    sim.fail(endpoint="update_account", account=second.id, status=400)
    some = ("--account", first.name, "--account", second.name)
    code, out, err = await done(
        sim, "accounts", "update", "--margin-mode", "ISOLATED", *some, "--yes", "--json"
    )

    document = json.loads(out)
    assert code == 3
    assert err == f"At {sim.url}: sets the margin mode to ISOLATED on 2 accounts (2 of token).\n"
    assert document["counts"] == {"applied": 1, "not_applied": 1, "unknown": 0}
    assert document["outcomes"][f"token/{second.name}"]["status"] == 400
    assert [account.margin_mode for account in sim.accounts()[:2]] == ["ISOLATED", "CROSS"]


@pytest.mark.parametrize(("status", "outcome", "code"), [(500, "unknown", 7), (400, "not_applied", 1)])
async def test_a_create_without_success_has_one_document(
    sim: Simulator, status: int, outcome: str, code: int
) -> None:
    """Of the same shape as that of one that was applied, in each form for machines."""
    sim.fail(endpoint="create_account", status=status, times=3)
    forms = [await done(sim, *NEW, "--yes", form, **SECRETS) for form in ("--json", "--jsonl", "--csv")]
    applied = await done(sim, *NEW, "--yes", "--json", **SECRETS)

    document = json.loads(forms[0][1])
    well = json.loads(applied[1])
    assert [one[0] for one in (*forms, applied)] == [code] * 3 + [0]
    assert set(document) == set(well) == {"dry_run", "outcome", "error", "status", "message", "accounts"}
    assert not document["dry_run"]
    assert set(document["accounts"]["token/new"]) == set(well["accounts"]["token/new"])
    assert (document["outcome"], well["outcome"]) == (outcome, "applied")
    (line,) = only_lines(forms[1][1])
    (row,) = csv.DictReader(forms[2][1].splitlines())
    assert (line["outcome"], row["outcome"]) == (outcome, outcome)
    assert all(err.count("\n") == 2 for _, _, err in forms)
    assert not any(secret in str(forms) for secret in SECRETS.values())


async def test_an_archive_of_which_nothing_is_known_has_one_document(sim: Simulator) -> None:
    """With what is known of the account."""
    account = sim.accounts()[0]
    sim.fail(endpoint="archive_account", status=500)
    code, out, _ = await done(sim, "accounts", "archive", account.name, "--yes", "--json")

    document = json.loads(out)
    assert (code, document["outcome"]) == (7, "unknown")
    assert document["accounts"][f"token/{account.name}"]["account_id"] == account.id


async def test_a_name_that_is_taken_has_a_document(sim: Simulator) -> None:
    """It is not applied."""
    name = sim.accounts()[0].name
    arguments = ("accounts", "create", name, "--exchange", "OKX", "--yes", "--json")
    code, out, _ = await done(sim, *arguments, **SECRETS)

    assert (code, json.loads(out)["outcome"]) == (1, "not_applied")


@pytest.mark.parametrize("named", [("", "OKX"), ("new", "")])
async def test_what_no_account_can_be_called_is_refused_before_anybody_is_asked(
    sim: Simulator, named: tuple[str, str]
) -> None:
    """Also where it could be asked for secrets."""
    name, exchange = named
    arguments = ("accounts", "create", name, "--exchange", exchange)
    async with on_a_terminal(sim, *arguments, columns=120, lines=30) as terminal:
        said = await terminal.rest()

    assert terminal.process.returncode == 2
    assert "is empty" in said
    assert not sim.journal.requests
