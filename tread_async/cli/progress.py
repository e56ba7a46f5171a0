"""How far a write to many accounts has come: on stderr, and only where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from tread_async.cli.words import kind
from tread_async.keys import AccountKey
from tread_async.reports import WriteOutcome

__all__ = ["Told", "progress"]

Told: TypeAlias = Callable[[AccountKey, WriteOutcome], None]

_EVERY_S: Final = 0.1  # a terminal is slow, and a thousand accounts may settle at once


@contextlib.contextmanager
def progress(total: int) -> Iterator[Told | None]:
    """What is to be told of each outcome; the bar is gone afterwards."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=console, auto_refresh=False, transient=True)
    counts: Counter[str] = Counter()
    task, drawn_at = bar.add_task("", total=total), 0.0

    def tell(key: AccountKey, outcome: WriteOutcome) -> None:
        nonlocal drawn_at
        counts[kind(outcome)] += 1
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        bar.update(task, completed=counts.total(), description=said)
        now = time.monotonic()
        if now - drawn_at >= _EVERY_S or counts.total() == total:
            drawn_at = now
            bar.refresh()

    with bar:
        yield tell
