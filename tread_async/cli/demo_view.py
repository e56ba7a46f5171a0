"""How the demo looks on a terminal and in a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tread_async.errors import TreadError

__all__ = ["progress", "show"]

_LEGEND: Final = (
    "live, cached: accounts read. equity: the sum over those that say theirs (of).\n"
    "set: accounts whose leverage was applied. sent: requests, repeats included."
)


class Figures(Protocol):
    """What a row of the table shows."""

    live: frozenset[str]
    cached: frozenset[str]
    equity: Decimal | None
    equity_of: int
    leverage_set: int
    failed: list[TreadError]
    requests_sent: int
    retries: dict[str, int]
    wall_s: float


@contextlib.contextmanager
def progress(console: Console, what: str, calls: int) -> Iterator[Callable[[], None]]:
    """A bar that moves on with every call of the function given; none where there is no terminal."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=calls)
        yield lambda: bar.advance(task)


def show(console: Console, parts: Sequence[Figures], together_s: float, alone_s: float) -> None:
    """A row for each token, then the two wall times."""
    table = Table(title="All at once, from one TaskGroup", box=box.SIMPLE_HEAD, padding=0)
    for column in ("token", "live", "cached", "equity", "of", "set", "failed", "sent", "retries", "wall"):
        table.add_column(column, justify="left" if column == "retries" else "right")
    for number, part in enumerate(parts, start=1):
        table.add_row(
            str(number),
            str(len(part.live)),
            str(len(part.cached)),
            "unknown" if part.equity is None else f"{part.equity:,.0f}",
            str(part.equity_of),
            str(part.leverage_set),
            str(len(part.failed)),
            str(part.requests_sent),
            _causes(part.retries),
            f"{part.wall_s:.2f} s",
        )
    console.print(table)
    console.print(_LEGEND, style="dim")
    console.print(
        f"The same calls: {together_s:.1f} s at once, {alone_s:.1f} s one after the other, "
        f"{alone_s / together_s:.0f} times as long."
    )


def _causes(retries: Mapping[str, int]) -> str:
    causes = [f"{cause.removeprefix('HTTP ')}: {count}" for cause, count in sorted(retries.items())]
    return ", ".join(causes) or "none"
