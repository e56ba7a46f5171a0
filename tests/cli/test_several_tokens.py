"""Commands where the configuration names several tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, only_lines
from tests.support.toml import toml
from tread_async.simulator import Simulator

SECRETS = {"TREAD_ACCOUNT_API_KEY": "canary-key", "TREAD_ACCOUNT_API_SECRET": "canary-secret"}


@pytest.fixture
async def sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
    """A server with the tokens desk-a and desk-b, which the configuration has from the environment."""
    async with Simulator(seed=7, tokens=2, accounts=2, assets=2) as opened:
        tokens = {}
        for name, token in zip(("A", "B"), opened.tokens, strict=True):
            monkeypatch.setenv(f"DESK_{name}", token)
            tokens[f"desk-{name.lower()}"] = {"token_env": f"DESK_{name}"}
        path = tmp_path / "tread.toml"
        profile = {"base_url": opened.url, "max_in_flight_per_token": 3, "tokens": tokens}
        path.write_text(toml({"default_profile": "p", "profiles": {"p": profile}}))
        path.chmod(0o600)
        for name in ("TREAD_API_TOKEN", "TREAD_BASE_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TREAD_CONFIG", str(path))
        yield opened


async def test_all_is_every_account_of_every_token(sim: Simulator) -> None:
    """What is asked says how many of which."""
    code, out, err = await done(
        None, "leverage", "set", "7", "--pair", "ETH:PERP-USDT", "--all", "--yes", "--json"
    )

    assert code == 0
    assert "on 4 accounts (2 of desk-a, 2 of desk-b)" in err
    assert len(json.loads(out)["outcomes"]) == 4
    assert {change.user for change in sim.journal.changes} == {0, 1}


async def test_one_token_is_one(sim: Simulator) -> None:
    """Nothing is asked of the other."""
    code, out, _ = await done(None, "balances", "--token", "desk-b", "--jsonl")

    assert code == 0
    assert {line["credential"] for line in only_lines(out)} == {"desk-b"}
    assert {request.user for request in sim.journal.requests} == {1}


async def test_a_token_that_is_refused_is_a_part(sim: Simulator) -> None:
    """What the others have is there all the same, and is written to."""
    sim.fail(endpoint="accounts", user=1, status=401)
    listed = await done(None, "accounts", "list")
    written = await done(None, "leverage", "set", "7", "--pair", "ETH:PERP-USDT", "--all", "--yes", "--jsonl")
    planned = await done(
        None, "leverage", "plan", "--pair", "ETH:PERP-USDT", "--leverage", "7", "--all", "--json"
    )

    assert [code for code, _, _ in (listed, written, planned)] == [3, 3, 3]
    assert "desk-b could not be listed" in listed[1]
    assert all("desk-b could not be listed: HTTP 401: " in err for _, _, err in (listed, written, planned))
    assert [line["outcome"] for line in only_lines(written[1])] == ["unlisted", "applied", "applied"]
    assert json.loads(planned[1])["unlisted"]["desk-b"]["status"] == 401


async def test_create_and_archive_want_to_know_which(sim: Simulator) -> None:
    """Nothing is sent before they do."""
    create = ("accounts", "create", "new", "--exchange", "Gate", "--yes")
    which = await done(None, *create, **SECRETS)
    code, _, _ = await done(None, *create, "--token", "desk-b", **SECRETS)
    archived = await done(None, "accounts", "archive", "new", "--token", "desk-b", "--yes")

    assert (which[0], which[1]) == (2, "")
    assert "there are several tokens: desk-a, desk-b; say which with --token; nothing was sent" in which[2]
    assert (code, archived[0]) == (0, 0)
    assert [(change.kind, change.user) for change in sim.journal.changes] == [("create", 1), ("archive", 1)]


WISH = ("--pair", "ETH:PERP-USDT", "--leverage", "7", "--all")


async def test_apply_says_which_token_could_not_be_listed(sim: Simulator, tmp_path: Path) -> None:
    """When the plan was made: none of its accounts is in it, so that what was applied is a part."""
    sim.fail(endpoint="accounts", user=1, status=401)
    path = str(tmp_path / "plan.json")
    await done(None, "leverage", "plan", *WISH, "--out", path)
    tried = await done(None, "leverage", "apply", path, "--dry-run")
    table = await done(None, "leverage", "apply", path, "--yes")
    await done(None, "leverage", "plan", *WISH[:3], "8", "--all", "--out", path)
    document = await done(None, "leverage", "apply", path, "--yes", "--json")
    lines = await done(None, "leverage", "apply", path, "--yes", "--jsonl")

    assert [code for code, _, _ in (tried, table, document, lines)] == [3] * 4
    assert "desk-b could not be listed: HTTP 401: " in table[2]
    assert "desk-b could not be listed: the plan has none of its accounts" in table[1]
    assert "desk-b" in tried[1]
    assert json.loads(document[1])["unlisted"]["desk-b"]["status"] == 401
    assert json.loads(document[1])["ok"] is False
    first = only_lines(lines[1])[0]
    assert (first["credential"], first["outcome"], first["status"]) == ("desk-b", "unlisted", 401)


@pytest.mark.parametrize(
    "command",
    [
        ("leverage", "set", "7", "--pair", "ETH:PERP-USDT"),
        ("accounts", "update", "--margin-mode", "ISOLATED"),
    ],
)
async def test_what_is_left_out_is_said_before_the_write(sim: Simulator, command: tuple[str, ...]) -> None:
    """With the reason, and a dry run ends with the code of the write."""
    sim.fail(endpoint="accounts", user=1, status=401)
    tried = await done(None, *command, "--all", "--dry-run")
    written = await done(None, *command, "--all", "--yes")

    assert [tried[0], written[0]] == [3, 3]
    for _, _, err in (tried, written):
        assert "on 2 accounts (2 of desk-a)" in err.splitlines()[0]
        assert err.splitlines()[1].startswith("desk-b could not be listed: HTTP 401: ")
        assert err.splitlines()[1].endswith("; its accounts are left out.")
    assert {change.user for change in sim.journal.changes} == {0}


async def test_an_account_may_say_which_token_it_is_of(sim: Simulator) -> None:
    """Then --token is not needed to archive it."""
    name = sim.accounts(1)[0].name
    code, _, _ = await done(None, "accounts", "archive", f"desk-b/{name}", "--yes")

    assert code == 0
    assert [(change.kind, change.user) for change in sim.journal.changes] == [("archive", 1)]
