"""Answers as charts (SVG), where matplotlib is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.answers import Answer, Figure
from benchmarks.showing import number

__all__ = ["drawn"]

OURS = "#1f77b4"
OTHERS = "#b0b7bf"
WIDTH = 9.0
BAR_HEIGHT = 0.28
TITLE_HEIGHT = 0.8
GAP = 0.12


def drawn(answer: Answer, folder: Path) -> list[str]:
    """Draws what an answer has to show into *folder*, and names the files."""
    if importlib.util.find_spec("matplotlib") is None or not answer.found.figures:
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": answer.name, "svg.fonttype": "none", "font.size": 9})
    groups = [(what, list(group)) for what, group in groupby(answer.found.figures, lambda one: one.what)]
    name = f"{answer.name}.svg"
    _chart(groups).savefig(folder / name, metadata={"Date": None}, bbox_inches="tight")
    return [name]


def _chart(groups: Sequence[tuple[str, list[Figure]]]) -> Any:
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [TITLE_HEIGHT + (2.5 if _is_line(group) else BAR_HEIGHT * len(group)) for _, group in groups]
    canvas = Canvas(figsize=(WIDTH, sum(heights)), layout=ConstrainedLayoutEngine(h_pad=GAP))
    panels = canvas.subplots(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, (what, group) in zip(panels, groups, strict=True):
        panel.set_title(f"{what} ({group[0].unit})", loc="left", fontsize=10)
        (_lines if _is_line(group) else _bars)(panel, group)
        panel.spines[["top", "right"]].set_visible(False)
    return canvas


def _is_line(group: Sequence[Figure]) -> bool:
    return group[0].at is not None


def _bars(panel: Any, group: Sequence[Figure]) -> None:
    names = [one.contender for one in group]
    medians = [one.median for one in group]
    spread = [
        [one.median - one.low for one in group],
        [one.high - one.median for one in group],
    ]
    colors = [_color(name) for name in names]
    bars = panel.barh(names, medians, xerr=spread, color=colors, ecolor="#555555", capsize=2)
    panel.bar_label(bars, labels=[number(median) for median in medians], padding=6)
    panel.invert_yaxis()
    panel.set_xlim(0, max(one.high for one in group) * 1.15 or 1)


def _lines(panel: Any, group: Sequence[Figure]) -> None:
    for name in dict.fromkeys(one.contender for one in group):
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
    return OURS if contender.startswith("tread_async") else OTHERS
