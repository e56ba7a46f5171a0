"""The programs of the guides, also where things go wrong that do not on the page itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.pages import DOCS, program
from tread_async import TreadClient
from tread_async.simulator import Simulator


async def test_every_call_of_a_client_works(capsys: pytest.CaptureFixture[str]) -> None:
    """The block about one token, awaited against the simulator, reaches its last line."""
    names: dict[str, object] = {}
    exec(
        compile(program(DOCS / "one-token.md", "everything"), "one-token.md", "exec", dont_inherit=True),
        names,
    )
    everything = names["everything"]

    async with Simulator(accounts=["binance-main-001", "other"]) as sim:
        await everything(sim.tokens[0], sim.url)  # type: ignore[operator]

    assert f"requests_sent={len(sim.journal.requests)}," in capsys.readouterr().out
    assert [change.kind for change in sim.journal.changes] == ["create", "update", "leverage", "archive"]


async def test_the_block_about_many_tokens_works(capsys: pytest.CaptureFixture[str]) -> None:
    """The block about many tokens reaches its last line, and sets what it says."""
    names: dict[str, object] = {}
    exec(
        compile(program(DOCS / "many-accounts.md", "fleet"), "many-accounts.md", "exec", dont_inherit=True),
        names,
    )
    fleet = names["fleet"]

    async with Simulator(tokens=2, accounts=3) as sim:
        await fleet({"desk-a": sim.tokens[0], "desk-b": sim.tokens[1]}, sim.url)  # type: ignore[operator]

    assert "requests_sent=" in capsys.readouterr().out
    changes = [(change.kind, change.detail["leverage"]) for change in sim.journal.changes]
    assert changes == [("leverage", "5"), ("leverage", "5"), ("leverage", "7")]


async def test_the_block_about_watching_works(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what fails, with the last balance, and of each trader's account what it holds."""
    names: dict[str, Any] = {}
    exec(compile(program(DOCS / "watching.md", "bots"), "watching.md", "exec", dont_inherit=True), names)

    async with Simulator(tokens=2, accounts=3) as sim:
        sim.fail(endpoint="cached_balances", account=sim.accounts()[0].name, user=0, status=500, nth=4)
        await names["bots"]({"desk-a": sim.tokens[0], "desk-b": sim.tokens[1]}, sim.url)

    said = capsys.readouterr().out
    assert re.findall(r"(desk-a/\S+) Ok\(.*", said) == [f"desk-a/{one.name}" for one in sim.accounts()[:2]]
    assert {request.endpoint for request in sim.journal.requests} == {"accounts", "cached_balances"}


async def test_the_block_about_an_unknown_create_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says the id, that nothing is known yet, and `None` when another account has the name."""
    monkeypatch.setattr("tread_async._lifecycle._LISTED_AFTER_S", (0.0,))
    names: dict[str, Any] = {}
    exec(
        compile(
            program(DOCS / "faults-and-outcomes.md", "link"),
            "faults-and-outcomes.md",
            "exec",
            dont_inherit=True,
        ),
        names,
    )
    link = names["link"]

    async with Simulator(accounts=1) as sim, TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        sim.fail(endpoint="create_account", status=500, apply="all", nth=1)
        assert await link(tread, "one", "k", "s") == sim.accounts()[-1].id
        sim.fail(endpoint="create_account", status=500)
        assert (await link(tread, "two", "k2", "s")).startswith("still unknown: POST /api/accounts/: ")
        sim.fail(endpoint="accounts", status=500, times=3)
        assert await link(tread, sim.accounts()[0].name, "k3", "s") is None
        sim.heal()
        sim.fail(endpoint="create_account", status=500, apply="all")
        sim.fail(endpoint="accounts", missing=True, nth=1)
        assert await link(tread, "four", "k4", "s") == sim.accounts()[-1].id

    assert sim.journal.count("create_account") == 4
