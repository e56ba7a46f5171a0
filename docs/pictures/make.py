"""Runs `tread demo` and `tread watch`, and keeps what they show: ``python docs/pictures/make.py [FOLDER]``.

Both are the real command in a process of its own, against a simulator with a seed: what changes from one run
to the next are times, ages, and what the demo's random faults struck first.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.support.command import on_a_terminal, started  # noqa: E402 - found through the line above
from tread_async.simulator import Simulator  # noqa: E402

_WIDE: Final = 124
_END_OF_SCREEN: Final = "\x1b[?1049l"  # what comes after it stays on the terminal
_FONT_FROM_ELSEWHERE: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def demo() -> str:
    """All that ``tread demo`` says."""
    async with started(None, "demo", FORCE_COLOR="1", COLUMNS="80") as process:
        out, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"tread demo ended with {process.returncode}: {said.decode()}")
    return out.decode()


async def watch() -> str:
    """The last picture of a ``tread watch`` in which some accounts are not well any more."""
    async with Simulator(seed=7, accounts=14) as sim:
        late, failing, gone = [sim.accounts()[place].name for place in (3, 6, 9)]
        sim.fail(endpoint="cached_balances", account=late, stale_s=900)
        command = ("watch", "--rounds", "9", "--max-age", "60")
        async with on_a_terminal(sim, *command, columns=_WIDE, lines=24) as terminal:
            await terminal.until("round 2")
            sim.fail(endpoint="cached_balances", account=failing, error="no answer of the exchange")
            sim.fail(endpoint="cached_balances", account=gone, missing=True)
            said = await terminal.rest()
    return said.rpartition(_END_OF_SCREEN)[2]


def draw(folder: Path, name: str, said: str, *, columns: int) -> None:
    """Writes *said* into *folder* as a picture that refers to nothing outside itself."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(Text.from_ansi(said.replace("\r\n", "\n").strip("\n")), soft_wrap=True)
    picture = console.export_svg(title=f"tread {name}", theme=MONOKAI, unique_id=name)
    (folder / f"{name}.svg").write_text(_FONT_FROM_ELSEWHERE.sub("", picture))


async def main(folder: Path) -> None:
    draw(folder, "demo", await demo(), columns=80)
    draw(folder, "watch", await watch(), columns=_WIDE)


asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else HERE))
