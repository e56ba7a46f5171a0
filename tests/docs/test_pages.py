"""Every block of the documentation is run, or of a kind that says that it is not."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.command import surroundings
from tests.support.pages import DOCS, PAGES, README, ROOT, blocks, program
from tread_async.cli.simulation import start

RUN = {"python", "sh"}
SHOWN = {"console", "ini", "json", "text", "toml", "yaml"}
RUNNER = Path(__file__).with_name("run_page.py")
WITHIN_S = 60


async def run(*command: str, folder: Path) -> tuple[int | None, str]:
    """The exit code and output of *command*, with the environment that the pages speak of."""
    async with start(tokens=1, accounts=20, latency_s=0.0, seed=7) as simulation:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # Nothing of whoever runs the tests: neither tokens nor a configuration.
        plain = {k: v for k, v in surroundings(None).items() if not k.startswith(("TREAD_", "XDG_"))}
        known = {"TREAD_API_TOKEN": simulation.tokens[0], "TREAD_BASE_URL": simulation.url, "PATH": path}
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=plain | known | {"PYTHONPATH": str(ROOT), "HOME": str(folder)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.kind in RUN for block in blocks(page))],
    ids=lambda page: page.stem,
)
async def test_what_a_page_shows_runs(page: Path, tmp_path: Path) -> None:
    """From top to bottom, in an empty folder, with warnings as errors."""
    code, said = await run(sys.executable, "-W", "error", str(RUNNER), str(page), folder=tmp_path)

    assert code == 0, said


@pytest.mark.parametrize("block", ["```python\n1 / 0\n```\n", "```sh\nfalse\necho on\n```\n"])
async def test_a_block_that_fails_ends_its_page(block: str, tmp_path: Path) -> None:
    """The test above would be green for ever otherwise."""
    page = tmp_path / "page.md"
    page.write_text(f"{block}\n```python\nprint('reached')\n```\n")

    code, said = await run(sys.executable, str(RUNNER), str(page), folder=tmp_path)

    assert (code, "reached" in said, "page.md, line 1:" in said) == (1, False, True), said


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    """A block of another kind would be run by nobody, and nobody would notice."""
    fences = sum(line.lstrip().startswith(("```", "~~~")) for line in page.read_text().splitlines())
    kinds = [block.kind for block in blocks(page)]

    assert set(kinds) <= RUN | SHOWN
    assert fences == 2 * len(kinds)


def test_the_shell_blocks_of_the_readme_are_those_that_ci_runs() -> None:
    """`.ci/run` takes the first two, the demo and the tests; what else is typed is shown as ``console``."""
    assert ["tread demo" in block.text for block in blocks(README, "sh")] == [True, False]


async def test_the_fan_out_runs_when_pasted_into_a_file(tmp_path: Path) -> None:
    """As it stands in the cookbook, with nothing but the environment."""
    (tmp_path / "fan_out.py").write_text(program(DOCS / "cookbook.md", "fan_out"))

    code, said = await run(sys.executable, "-W", "error", "fan_out.py", folder=tmp_path)

    assert (code, said.count("equity")) == (0, 20), said
