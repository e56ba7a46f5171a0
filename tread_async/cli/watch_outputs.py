"""Where the updates of a watch go: onto a terminal, or as tables or JSON into a file or pipe.

What takes long where there are ten thousand accounts is done in threads, so that polling is not held up.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live

from tread_async.cli.watch_choice import Choice
from tread_async.cli.watch_json import json_line
from tread_async.cli.watch_lines import Board
from tread_async.cli.watch_notes import notes
from tread_async.cli.watch_rates import Rates
from tread_async.cli.watch_table import Picture
from tread_async.cli.writing import FOR_MACHINES, written
from tread_async.update import Update

__all__ = ["JsonLines", "Output", "Screen", "Tables", "opened"]

_EVERY_S: Final = 1.0
_AS_WIDE_AS_IT_IS: Final = 10_000


class Output(Protocol):
    """Shows updates."""

    async def show(self, update: Update, rates: Rates) -> None:
        """Shows one; returns when it is written."""


@contextlib.contextmanager
def opened(choice: Choice) -> Iterator[Output]:
    """The output that fits *choice* and standard output."""
    if choice.json:
        yield JsonLines()
        return
    console = Console(highlight=False)
    if sys.stdout.isatty() and not console.is_dumb_terminal:
        with Screen(choice, console) as screen:
            yield screen
    else:
        yield Tables(choice)


class JsonLines:
    """A line of JSON for each update; `json_line` says what is in it."""

    async def show(self, update: Update, rates: Rates) -> None:
        line = await asyncio.to_thread(json_line, update)
        await written(f"{line}\n", encoding=FOR_MACHINES)


class Tables:
    """A whole table for each update, and an empty line after it."""

    def __init__(self, choice: Choice) -> None:
        self._pictures = _Pictures(choice)

    async def show(self, update: Update, rates: Rates) -> None:
        page = await asyncio.to_thread(self._page, update, rates)
        await written(f"{page}\n")

    def _page(self, update: Update, rates: Rates) -> str:
        page = io.StringIO()
        console = Console(file=page, width=_AS_WIDE_AS_IT_IS, color_system=None)
        console.print(self._pictures.of(update, rates))
        return page.getvalue()


class Screen:
    """The newest update on the whole terminal, drawn anew each second, as ages grow, and when it is resized.

    The last one stays on the terminal when it is left.
    """

    def __init__(
        self, choice: Choice, console: Console, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._clock = clock
        self._pictures = _Pictures(choice)
        self._picture: Picture | None = None
        self._since = 0.0
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=lambda: self._now(console.height) or "Waiting for the first answer.",
        )

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no such signal
            self._loop.add_signal_handler(signal.SIGWINCH, self._live.refresh)
        self._live.start(refresh=True)
        self._timer = self._loop.call_later(_EVERY_S, self._tick)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with contextlib.suppress(NotImplementedError, AttributeError):
            self._loop.remove_signal_handler(signal.SIGWINCH)
        self._live.stop()
        if (picture := self._now(self._console.height - 1)) is not None:  # less the prompt
            self._console.print(picture)

    async def show(self, update: Update, rates: Rates) -> None:
        since = self._clock()
        self._picture, self._since = await asyncio.to_thread(self._pictures.of, update, rates), since
        self._live.refresh()

    def _now(self, height: int) -> Picture | None:
        if self._picture is None:
            return None
        return replace(self._picture, since_s=self._clock() - self._since, height=height)

    def _tick(self) -> None:
        self._live.refresh()
        self._timer = self._loop.call_later(_EVERY_S, self._tick)


class _Pictures:
    """Makes a picture of one update after the other."""

    def __init__(self, choice: Choice) -> None:
        self._board = Board(choice)
        self._symbol = choice.symbol

    def of(self, update: Update, rates: Rates) -> Picture:
        lines = self._board.lines(update.snapshot)
        several = len({key.credential for key in update.snapshot.outcomes}) > 1
        below = notes(update, rates, shown=len(lines), symbol=self._symbol)
        return Picture(lines, below, several=several)
