"""What the README and the examples show is run as it stands there, and what the README points to is there."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import DOCS, README, ROOT, blocks
from tread_async import RetryPolicy, SessionManager, errors
from tread_async.simulator import Simulator

BLOCKS = blocks(README, "python")


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
    file.write_text(BLOCKS[0].text)

    done = run(file)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(" ")[1].partition("(")[0] for line in lines[:6]] == ["Ok"] * 6
    assert re.fullmatch(r"total equity [0-9.]+", lines[6])
    assert len(lines) == 7


async def test_the_three_outcomes_of_a_write(capsys: pytest.CaptureFixture[str]) -> None:
    """The second Python block speaks of each account: one was refused, and of one nothing is known."""
    names: dict[str, Any] = {}
    exec(compile(BLOCKS[1].text, "README.md", "exec", dont_inherit=True), names)

    quick = RetryPolicy(base_s=0.005, refused_base_s=0.005)
    async with Simulator(accounts=["Gate one", "Hyperliquid", "other"]) as sim:
        refused, lost, _ = (account.name for account in sim.accounts())
        sim.fail(endpoint="set_leverage", account=refused, status=422)
        sim.fail(endpoint="set_leverage", account=lost, status=500)
        sim.fail(endpoint="balances", account=lost, missing=True)
        async with SessionManager({"desk": sim.tokens[0]}, base_url=sim.url, retry=quick) as desk:
            await names["five_everywhere"](desk)

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"desk/{refused} was not set: POST /api/set_leverage/: HTTP 422")
    assert said[1].startswith(f"desk/{lost} may have been set, or not: ")
    assert said[2:] == ["desk/other has it: confirmed"]


def test_every_python_block_is_run_above() -> None:
    """The pages of the documentation are run as a whole; this one is not."""
    assert len(BLOCKS) == 2


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


@pytest.mark.parametrize("page", [README, DOCS / "faults-and-outcomes.md"], ids=lambda page: page.stem)
def test_every_error_is_in_the_table(page: Path) -> None:
    """Neither the short table nor the long one leaves one out."""
    rows = set(re.findall(r"^\| `(\w+)`", page.read_text(), flags=re.MULTILINE))

    assert rows | {"TreadError", "ApiError"} >= set(errors.__all__)


def test_what_the_readme_points_to_is_there() -> None:
    """Pages, pictures and figures; mkdocs looks after the links between pages."""
    targets = re.findall(r"\]\(([^)#:]+)\)", README.read_text())

    assert len(targets) > 20
    assert [target for target in targets if not (ROOT / target).exists()] == []
