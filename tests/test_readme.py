"""What the README and the examples show is run as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tread_async import TreadClient
from tread_async.simulator import Simulator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def run(code: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A Python file in a process of its own, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(code), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_ten_lines_run_when_pasted_into_a_file(tmp_path: Path) -> None:
    """The first Python block prints the outcome of six accounts and their total, and nothing else."""
    file = tmp_path / "ten_lines.py"
    file.write_text(BLOCKS[0])

    done = run(file)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(" ")[1].partition("(")[0] for line in lines[:6]] == ["Ok"] * 6
    assert re.fullmatch(r"total equity [0-9.]+", lines[6])
    assert len(lines) == 7


async def test_every_call_of_the_readme_works(capsys: pytest.CaptureFixture[str]) -> None:
    """The block about one token, awaited against the simulator, reaches its last line."""
    names: dict[str, object] = {}
    exec(compile(BLOCKS[3], "README.md", "exec", dont_inherit=True), names)
    everything = names["everything"]

    async with Simulator(accounts=["binance-main-001", "other"]) as sim:
        await everything(sim.tokens[0], sim.url)  # type: ignore[operator]

    assert f"requests_sent={len(sim.journal.requests)}," in capsys.readouterr().out
    assert [change.kind for change in sim.journal.changes] == ["create", "update", "leverage", "archive"]


async def test_the_block_about_many_tokens_works(capsys: pytest.CaptureFixture[str]) -> None:
    """The block about many tokens reaches its last line, and sets what it says."""
    names: dict[str, object] = {}
    exec(compile(BLOCKS[1], "README.md", "exec", dont_inherit=True), names)
    fleet = names["fleet"]

    async with Simulator(tokens=2, accounts=3) as sim:
        await fleet({"desk-a": sim.tokens[0], "desk-b": sim.tokens[1]}, sim.url)  # type: ignore[operator]

    assert "requests_sent=" in capsys.readouterr().out
    changes = [(change.kind, change.detail["leverage"]) for change in sim.journal.changes]
    assert changes == [("leverage", "5"), ("leverage", "5"), ("leverage", "7")]


async def test_the_block_about_watching_works(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what fails, with the last balance, and of each trader's account what it holds."""
    names: dict[str, Any] = {}
    exec(compile(BLOCKS[2], "README.md", "exec", dont_inherit=True), names)

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
    exec(compile(BLOCKS[4], "README.md", "exec", dont_inherit=True), names)
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


@pytest.mark.parametrize(
    ("example", "arguments", "said"),
    [
        ("read_balances.py", (), "rows, "),
        ("set_leverage_everywhere.py", ("5", "ETH:PERP-USDT"), ": applied"),
    ],
)
async def test_the_examples_run(example: str, arguments: tuple[str, ...], said: str) -> None:
    """Each example ends well against the simulator and speaks of each of its accounts."""
    async with Simulator(accounts=4) as sim:
        done = await asyncio.to_thread(
            run,
            ROOT / "examples" / example,
            *arguments,
            TREAD_API_TOKEN=sim.tokens[0],
            TREAD_BASE_URL=sim.url,
        )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(said) == 4


def test_every_error_is_in_the_readme() -> None:
    """The table of errors leaves none out."""
    from tread_async import errors

    rows = set(re.findall(r"^\| `(\w+)`", README, flags=re.MULTILINE))

    assert rows | {"TreadError", "ApiError"} >= set(errors.__all__)
