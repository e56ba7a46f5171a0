"""How a watch looks, in any width and height."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tread_async._codec.redaction import sanitised
from tread_async.cli.watch_lines import Line

__all__ = ["Picture", "amount", "duration"]

_WIDTHS: Final = (10_000, 14, 11)  # of amounts: with every digit, or as many decimals as there is room for
_CUT: Final = "~"
_GAP: Final = "  "
_HEADS: Final[Mapping[str, str]] = {
    "account": "account", "exchange": "exchange", "equity": "equity", "notional": "notional", "pnl": "pnl",
    "leverage": "lev", "positions": "pos", "age": "age", "state": "state",
}  # fmt: skip
_LEFT_OUT: Final = ("exchange", "positions", "leverage", "pnl", "notional", "equity", "age")
_TEXTS: Final = ("account", "state")  # give way before a column is left out, unlike numbers
_LEAST: Final = 12
_LEFT: Final = ("account", "exchange", "state")
_COLOURS: Final = {"ok": "green", "stale": "yellow", "failed": "red", "missing": "magenta"}


@dataclass(frozen=True)
class Picture:
    """A table of as many *lines* as fit, and *notes* below it; rich renders it.

    What changed is in reverse; where there are no colours, it has a ``*`` before it.

    Attributes:
        several: Whether accounts are shown with their credentials.
        since_s: How long ago the ages were right.
        height: How many lines there is room for, all in all; ``None`` for no end.
    """

    lines: Sequence[Line]
    notes: Sequence[str]
    several: bool = True
    since_s: float = 0.0
    height: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        colours = not console.no_color and console.color_system is not None
        room = len(self.lines)
        if self.height is not None:
            room = max(1, self.height - len(self.notes) - 2)  # the heads, and a remark
        shown = self.lines[:room]
        for most in _WIDTHS:
            rows = [self._cells(line, most) for line in shown]
            if not colours:
                rows = [_starred(line, row) for line, row in zip(shown, rows, strict=True)]
            widths = _fitted(_needed([_HEADS, *rows]), options.max_width)
            if len(widths) == len(_HEADS):
                break
        yield _laid_out([Text(_HEADS[name], style="dim") for name in widths], widths)
        for line, row in zip(shown, rows, strict=True):
            yield _laid_out(_styled(line, row, widths, colours=colours), widths)
        for note in (*self._remark(rows, widths), *self.notes):
            yield Text(note, no_wrap=True, overflow="ellipsis")

    def _cells(self, line: Line, most: int) -> dict[str, str]:
        figures = line.figures
        return {
            "account": sanitised(str(line.key) if self.several else line.key.name),
            "exchange": "?" if figures.exchange is None else sanitised(figures.exchange),
            "equity": amount(figures.equity, most),
            "notional": amount(figures.notional, most),
            "pnl": amount(figures.pnl, most),
            "leverage": "-" if figures.positions == 0 else amount(figures.leverage, most),
            "positions": "?" if figures.positions is None else str(figures.positions),
            "age": duration(None if line.age_s is None else line.age_s + self.since_s),
            "state": f"{line.kind}, {line.why}" if line.why else line.kind,
        }

    def _remark(self, rows: Sequence[Mapping[str, str]], widths: Mapping[str, int]) -> Iterator[str]:
        more, left_out = len(self.lines) - len(rows), [name for name in _HEADS if name not in widths]
        parts = [f"and {more} more"] if more else []
        parts += [f"no room for {', '.join(left_out)}"] if left_out else []
        if any(_CUT in row[name] for row in rows for name in widths if name not in _LEFT):
            parts.append(f"{_CUT} is cut, --json has every digit")
        if parts:
            yield "; ".join(parts)


def amount(value: Decimal | None, most: int) -> str:
    """*value* with every digit; where that has more than *most* letters, with fewer decimals and a ``~``."""
    if value is None:
        return "?"
    exact = f"{value:,f}"
    whole, _, decimals = exact.partition(".")
    if len(exact) <= most or not decimals:
        return exact
    kept = decimals[: max(0, most - len(_CUT) - len(whole) - 1)]
    return f"{_CUT}{whole}.{kept}" if kept else f"{_CUT}{whole}"


def duration(seconds: float | None) -> str:
    """Whole seconds, minutes, hours or days, rounded down."""
    if seconds is None:
        return "?"
    for unit, length_s, most in (("s", 1, 120), ("m", 60, 120), ("h", 3600, 48)):
        if seconds < most * length_s:
            return f"{int(seconds / length_s)}{unit}"
    return f"{int(seconds / 86400)}d"


def _starred(line: Line, row: Mapping[str, str]) -> dict[str, str]:
    return {name: f"*{text}" if name in line.changed else text for name, text in row.items()}


def _needed(rows: Sequence[Mapping[str, str]]) -> dict[str, int]:
    return {name: max(cell_len(row[name]) for row in rows) for name in _HEADS}


def _fitted(needed: Mapping[str, int], most: int) -> dict[str, int]:
    """The width of each column for which there is room; texts are cut short before numbers are left out."""
    widths = {name: min(_LEAST, width) if name in _TEXTS else width for name, width in needed.items()}
    for name in _LEFT_OUT:
        if _spare(widths, most) < 0:
            del widths[name]
    for name in _TEXTS:
        widths[name] += min(needed[name] - widths[name], max(0, _spare(widths, most)))
    return widths


def _spare(widths: Mapping[str, int], most: int) -> int:
    return most - sum(widths.values()) - len(_GAP) * (len(widths) - 1)


def _styled(line: Line, row: Mapping[str, str], names: Mapping[str, int], *, colours: bool) -> list[Text]:
    usual = "" if line.kind in ("ok", "stale") else "dim"
    texts = []
    for name in names:
        text = Text(row[name], style=_COLOURS[line.kind] if name == "state" else usual)
        if colours and name in line.changed:
            text.stylize("reverse bold")
        texts.append(text)
    return texts


def _laid_out(cells: Sequence[Text], widths: Mapping[str, int]) -> Text:
    for cell, (name, width) in zip(cells, widths.items(), strict=True):
        cell.truncate(width, overflow="ellipsis")
        cell.align("left" if name in _LEFT else "right", width)
    laid_out = Text(_GAP, no_wrap=True, overflow="crop").join(cells)
    laid_out.rstrip()
    return laid_out
