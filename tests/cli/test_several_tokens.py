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
    assert all(": desk-b could not be listed: HTTP 401: " in err for _, _, err in (listed, written, planned))
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
