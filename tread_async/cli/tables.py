"""Tables for people: in colours and as wide as the terminal, or plain and as wide as they are."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tread_async._codec.redaction import sanitised
from tread_async.cli.machine import reason_of
from tread_async.cli.sheets import Record, Sheet
from tread_async.cli.words import plain

__all__ = ["rendered", "table_of", "terminal"]

_AS_WIDE_AS_IT_IS: Final = 10_000
_COLOURS: Final = {
    "ok": "green", "stale": "yellow", "failed": "red", "missing": "magenta",
    "applied": "green", "not applied": "red", "unknown": "yellow", "change": "yellow", "already": "green",
    "has it": "yellow",
}  # fmt: skip
_NUMBERS: Final = frozenset({"leverage", "seen", "wanted", "amount", "notional", "unrealized_profit"})
_LEVERAGES: Final = frozenset({"leverage", "seen", "wanted"})
_LEFT_OUT: Final = (
    "created_at", "as_of", "asset_type", "verification", "margin_mode", "unrealized_profit", "exchange",
    "account_id", "notional",
)  # fmt: skip
_LEAST: Final = 20  # of a text that is longer, and is folded
_GAP: Final = 2

_Row: TypeAlias = Mapping[str, str]


def terminal() -> Console | None:
    """The one that standard output is, if it is one."""
    return Console(highlight=False) if sys.stdout.isatty() else None


def rendered(screen: Console | None, *things: RenderableType) -> str:
    """*things* as fits *screen*, or a file."""
    if screen is not None:
        with screen.capture() as captured:
            screen.print(*things, sep="\n")
        return captured.get()
    page = io.StringIO()
    Console(file=page, width=_AS_WIDE_AS_IT_IS, color_system=None).print(*things, sep="\n")
    return "".join([f"{line.rstrip()}\n" for line in page.getvalue().splitlines()])


def table_of(sheet: Sheet, screen: Console | None) -> str:
    """The records of *sheet* as a table, and its notes below.

    Where there is little room, texts are folded, and the columns that matter least are left out, so that
    numbers are whole. One for which there is no room all the same ends in an ellipsis.
    """
    rows = _rows(sheet)
    heads = [name for name in sheet.heads if any(row[name] not in ("", "-") for row in rows)]
    notes = [sanitised(note) for note in sheet.notes]
    if screen is None:
        return "".join([f"{line}\n" for line in (*_plain_lines(heads, rows), *notes)])
    fitting = _fitting(heads, rows, screen.width)
    if left_out := [_titled(name) for name in heads if name not in fitting]:
        notes.insert(0, f"no room for {', '.join(left_out)}; --json has all")
    return rendered(screen, *([_table(fitting, rows)] if rows else []), *map(Text, notes))


def _plain_lines(heads: Sequence[str], rows: Sequence[_Row]) -> Iterator[str]:
    """As `_table`, a hundred times as fast: every position of thousands of accounts goes into a file."""
    if not rows:
        return
    titles = {name: _titled(name) for name in heads}
    widths = {name: max(cell_len(row[name]) for row in (titles, *rows)) for name in heads}
    for row in (titles, *rows):
        yield (" " * _GAP).join([_padded(row[name], width, name) for name, width in widths.items()]).rstrip()


def _padded(text: str, width: int, name: str) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if name in _NUMBERS else text + blank


def _table(heads: Sequence[str], rows: Sequence[_Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for name in heads:
        if name in _NUMBERS:
            table.add_column(_titled(name), justify="right", no_wrap=True, overflow="ellipsis")
        else:
            table.add_column(_titled(name), overflow="fold")
    for row in rows:
        table.add_row(*[Text(row[name], style=_COLOURS.get(row[name], "")) for name in heads])
    return table


def _rows(sheet: Sheet) -> list[_Row]:
    records = sheet.records if sheet.rows is None else sheet.rows
    several = len({record["credential"] for record in records}) > 1
    return [{name: _cell(record, name, several=several) for name in sheet.heads} for record in records]


def _fitting(heads: Sequence[str], rows: Sequence[_Row], width: int) -> list[str]:
    needed = {name: max(cell_len(row[name]) for row in rows) for name in heads}
    least = {
        name: max(cell_len(_titled(name)), most if name in _NUMBERS else min(_LEAST, most))
        for name, most in needed.items()
    }
    for name in _LEFT_OUT:
        if sum(least.values()) + _GAP * (len(least) - 1) > width:
            least.pop(name, None)
    return list(least)


def _titled(name: str) -> str:
    return name.replace("_", " ")


def _cell(record: Record, name: str, *, several: bool) -> str:
    if name == "account":
        return _account(record, several=several)
    if name == "why" and name not in record:
        return sanitised(reason_of(record))
    value = record[name]
    return plain(value) if name in _LEVERAGES and isinstance(value, Decimal) else _said(value)


def _account(record: Record, *, several: bool) -> str:
    credential, account = record["credential"], record["account"]
    if account is None:
        return sanitised(credential)  # it is about all its accounts
    return sanitised(f"{credential}/{account}" if several else account)


def _said(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return sanitised(str(value)).replace("not_applied", "not applied")
