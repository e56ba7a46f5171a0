"""Draws the dashboard of ``ops/`` from what a real Prometheus answers: ``python docs/pictures/dashboard.py``.

That has scraped a real ``tread watch`` for two minutes, in which a simulator with a seed first works, then
fails at random and asks to wait, then is down, and comes back. Grafana itself is not needed.
"""

from __future__ import annotations

import asyncio
import io
import math
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.columns import Columns
from rich.console import Console, Group
from rich.panel import Panel
from rich.terminal_theme import MONOKAI
from rich.text import Text

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.support.prometheus import Expression, Prometheus, expressions, scraping  # noqa: E402
from tread_async.simulator import Simulator  # noqa: E402

_SCENES_S: Final = (40, 35, 15, 40)  # well, failing at random, down, well again
_STEP_S: Final = 1.5
_RATE_S: Final = 10.0
_ACROSS: Final = 3
_COLUMNS: Final = 44  # of a chart, each of two dots
_ROWS: Final = 6  # each of four dots
_COLOURS: Final = ("cyan", "yellow", "magenta", "blue", "white")
_COLOUR_OF: Final = {"ok": "green", "stale": "yellow", "failed": "red", "missing": "magenta"}
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a letter of Braille, by column
_FONT_FROM_ELSEWHERE: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Line(NamedTuple):
    """One series of a chart: its name, and a value for each step; ``nan`` where there is none."""

    name: str
    values: Sequence[float]


async def recorded() -> dict[str, list[Line]]:
    """The lines of each panel."""
    async with Simulator(seed=7, accounts=8) as sim:
        with tempfile.TemporaryDirectory() as folder:
            async with scraping(sim, Path(folder), every_s=1.0) as (prometheus, _):
                began = time.time()
                await _play(sim)
                return await _lines(prometheus, began + _RATE_S, time.time())


async def _play(sim: Simulator) -> None:
    well_s, failing_s, down_s, again_s = _SCENES_S
    await asyncio.sleep(well_s)
    account = sim.accounts()[2].name
    sim.fail(endpoint="cached_balances", account=account, error="no answer of the exchange")
    sim.fail(endpoint="cached_balances", status=429, headers={"Retry-After": "6"}, nth=20)
    sim.fail(endpoint="cached_balances", status=500, chance=0.3)
    sim.fail(endpoint="cached_balances", delay_s=0.15, chance=0.2)
    await asyncio.sleep(failing_s)
    sim.fail(status=503)
    await asyncio.sleep(down_s)
    sim.heal()
    await asyncio.sleep(again_s)


async def _lines(prometheus: Prometheus, start: float, end: float) -> dict[str, list[Line]]:
    steps = int((end - start) / _STEP_S) + 1
    panels: dict[str, list[Line]] = {}
    for asked in expressions(_RATE_S):
        found = await prometheus.range(asked.query, start=start, end=end, step_s=_STEP_S)
        lines = panels.setdefault(asked.panel, [])
        lines += [_line(asked, one, start, steps) for one in found]
    return panels


def _line(asked: Expression, series: Mapping[str, Any], start: float, steps: int) -> Line:
    values = [math.nan] * steps
    for at, value in series["values"]:
        values[round((at - start) / _STEP_S)] = float(value)
    labels = series["metric"]
    return Line(re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), asked.legend), values)


def chart(lines: Sequence[Line]) -> Text:
    """The lines from 0 to their highest value, and their names below."""
    highest = max((value for line in lines for value in line.values if not math.isnan(value)), default=0.0)
    cells = [[(0, "")] * _COLUMNS for _ in range(_ROWS)]
    for place, line in enumerate(lines):
        for across, up in _dots(line.values, highest or 1.0):
            row, column = _ROWS - 1 - up // 4, across // 2
            dots = cells[row][column][0] | _DOTS[across % 2][3 - up % 4]
            cells[row][column] = dots, _colour(place, line)
    text = Text()
    for number, row_of_cells in enumerate(cells):
        label = _short(highest) if number == 0 else "0" if number == _ROWS - 1 else ""
        text.append(f"{label:>7} ", style="dim")
        for dots, colour in row_of_cells:
            text.append(chr(0x2800 + dots) if dots else " ", style=colour)
        text.append("\n")
    return text.append_text(_legend(lines))


def _colour(place: int, line: Line) -> str:
    return _COLOUR_OF.get(line.name, _COLOURS[place % len(_COLOURS)])


def _short(value: float) -> str:
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.3g}"


def _dots(values: Sequence[float], highest: float) -> Iterable[tuple[int, int]]:
    """Where a line has dots, from the left and from below; steps are drawn as walls."""
    before: int | None = None
    for across in range(_COLUMNS * 2):
        value = values[across * len(values) // (_COLUMNS * 2)]
        if math.isnan(value):
            before = None
            continue
        up = round(value / highest * (_ROWS * 4 - 1))
        first, last = sorted((up, up if before is None else before))
        yield from ((across, height) for height in range(first, last + 1))
        before = up


def _legend(lines: Sequence[Line]) -> Text:
    legend = Text("        ")
    for place, line in enumerate(lines):
        legend.append("- ", style=_colour(place, line)).append(f"{line.name}  ")
    legend.truncate(_COLUMNS + 8, overflow="ellipsis", pad=True)
    return legend


def draw(panels: Mapping[str, Sequence[Line]]) -> None:
    """Writes all panels as a picture that refers to nothing outside itself."""
    boxes = [Panel(chart(lines), title=title, width=_COLUMNS + 12) for title, lines in panels.items()]
    width = (_COLUMNS + 13) * _ACROSS
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Group(Columns(boxes)))
    picture = console.export_svg(title="tread, two minutes of it", theme=MONOKAI, unique_id="dashboard")
    (HERE / "dashboard.svg").write_text(_FONT_FROM_ELSEWHERE.sub("", picture))


if __name__ == "__main__":
    draw(asyncio.run(recorded()))
