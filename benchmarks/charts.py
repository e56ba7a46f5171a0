"""Answers as charts (SVG), where matplotlib is installed."""

from __future__ import annotations

import importlib.util
import math
import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.answers import Answer, Figure
from benchmarks.showing import number, spreads, titled

__all__ = ["can_draw", "drawn"]

OURS = "#1f77b4"
OTHERS = "#b0b7bf"
WIDTH = 12.0
BAR_HEIGHT = 0.31
TITLE_HEIGHT = 0.75
LINES_HEIGHT = 2.6
GAP = 0.1
LABEL = 34  # characters in a line
TITLES = 150  # the same, of all titles of a row
MANY_TIMES = 10  # from the smallest bar to the largest: more is drawn on a logarithmic scale


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def drawn(answer: Answer, folder: Path) -> list[str]:
    """Draws what an answer has to show into *folder*, and names the files."""
    if not can_draw() or not answer.found.figures:
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": answer.name, "svg.fonttype": "none", "font.size": 9})
    groups = [list(group) for _, group in groupby(answer.found.figures, lambda one: one.what)]
    name = f"{answer.name}.svg"
    _chart(groups).savefig(folder / name, metadata={"Date": None}, bbox_inches="tight")
    return [name]


def _chart(groups: Sequence[list[Figure]]) -> Any:
    """Panels in rows. Where all have the same bars, the first of a row names them for the others."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    alike = len({tuple(_names(group)) for group in groups}) == 1 and not _is_line(groups[0])
    columns = min(3 if alike else 2, len(groups))
    rows = [groups[at : at + columns] for at in range(0, len(groups), columns)]
    heights = [max(_height(group) for group in row) for row in rows]
    canvas = Canvas(figsize=(WIDTH, sum(heights)), layout=ConstrainedLayoutEngine(h_pad=GAP))
    panels = canvas.subplots(len(rows), columns, height_ratios=heights, squeeze=False)
    for place, panel in enumerate(panels.flat):
        if place >= len(groups):
            panel.set_axis_off()
            continue
        (_lines if _is_line(groups[place]) else _bars)(panel, groups[place])
        title = textwrap.fill(titled(groups[place][0]), TITLES // (columns + 1))
        panel.set_title(title, loc="left", fontsize=10)
        panel.tick_params(labelleft=not alike or place % columns == 0)
        panel.spines[["top", "right"]].set_visible(False)
    return canvas


def _is_line(group: Sequence[Figure]) -> bool:
    return group[0].at is not None


def _names(group: Sequence[Figure]) -> list[str]:
    return list(dict.fromkeys(one.contender for one in group))


def _height(group: Sequence[Figure]) -> float:
    return TITLE_HEIGHT + (LINES_HEIGHT if _is_line(group) else BAR_HEIGHT * max(len(group), 3))


def _bars(panel: Any, group: Sequence[Figure]) -> None:
    names = [textwrap.fill(name, LABEL) for name in _names(group)]
    medians = [one.median for one in group]
    below = [one.median - one.low if spreads(one) else math.nan for one in group]
    above = [one.high - one.median if spreads(one) else math.nan for one in group]
    colors = [_color(one.contender) for one in group]
    bars = panel.barh(names, medians, xerr=[below, above], color=colors, ecolor="#555555", capsize=2)
    panel.tick_params(axis="y", labelsize=8)
    panel.bar_label(bars, labels=[number(median) for median in medians], padding=6)
    panel.invert_yaxis()
    _scale(panel, min(medians), max(medians), max(one.high for one in group))


def _scale(panel: Any, least: float, most: float, high: float) -> None:
    """A scale on which all bars can be seen, with room for the longest and its figure."""
    if least > 0 and most > MANY_TIMES * least:
        panel.set_xscale("log")
        panel.set_xlim(least / 2, high * (high / least) ** 0.25)
        panel.xaxis.get_major_locator().set_params(numticks=5)
        panel.xaxis.set_major_formatter(lambda value, _: number(value))
        panel.xaxis.set_minor_formatter("")
        panel.set_xlabel("logarithmic scale", loc="right", fontsize=8)
    elif high > 0:
        panel.set_xlim(0, high * 1.2)
    else:
        panel.set_xlim(0, 1)
        panel.set_xticks([0])


def _lines(panel: Any, group: Sequence[Figure]) -> None:
    for name in _names(group):
        points = [one for one in group if one.contender == name]
        at = [one.at for one in points]
        panel.plot(at, [one.median for one in points], marker="o", color=_color(name), label=name)
        panel.fill_between(
            at, [one.low for one in points], [one.high for one in points], color=_color(name), alpha=0.2
        )
    sizes = sorted({one.at for one in group if one.at is not None})
    panel.set_xscale("log")
    panel.set_xticks(sizes, labels=[f"{size:,.0f}" for size in sizes])
    panel.minorticks_off()
    panel.set_ylim(bottom=0)
    panel.legend(frameon=False)


def _color(contender: str) -> str:
    """Ours are the library, wherever a label names it, and its command."""
    return OURS if "tread" in contender else OTHERS
