"""How the demo looks, on a terminal and in a file: 80 columns are enough."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from textwrap import shorten
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tread_async._policy import RetryPolicy
from tread_async.cli.demo_figures import Equity, Figures, Step, counts
from tread_async.cli.demo_scene import LISTED, MAX_AGE_S, MISSING, POISONOUS, REFUSED, STALE, Scene
from tread_async.cli.words import AnyOutcome, cause, kind
from tread_async.errors import AccountError
from tread_async.outcomes import Failed, Missing, Stale
from tread_async.reports import NotApplied, Unknown

__all__ = [
    "callers", "equity", "headline", "opening", "progress", "reads", "requests", "verdict", "writes",
]  # fmt: skip

_LONGEST_WHY: Final = 36
_MOST_LINES: Final = 12
_COLOURS: Final = {"ok": "green", "applied": "green", "failed": "red", "not applied": "red"}
_WRONG: Final = {
    POISONOUS: "are poisonous: every read that names one is a 500",
    MISSING: "are missing from every answer",
    STALE: "are stale in the server's cache",
    LISTED: "are listed under errors in cached answers",
    REFUSED: "have every leverage refused",
}


@contextlib.contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar that moves on with every call of the function given; none where there is no terminal."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = console.is_terminal and console.file.isatty()
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def opening(console: Console, scene: Scene, latency_s: float, retry: RetryPolicy) -> None:
    """What the server is like."""
    ailing = Counter(scene.ailing.values())
    console.print(
        f"A simulated Tread server: {len(scene.users)} tokens with {len(scene.held)} accounts, "
        f"{latency_s * 1000:g} ms to each answer. One answer in twenty is a 500, and"
    )
    for what, words in _WRONG.items():
        console.print(f"  {ailing[what]:2} accounts {words}")
    console.print(f"Every call uses RetryPolicy(refused_base_s={retry.refused_base_s:g}).")


def headline(console: Console, text: str) -> None:
    """The title of what follows."""
    console.print(f"\n[bold]{text}[/]")


def reads(console: Console, step: Step) -> None:
    """How many accounts are ok, and each that is not."""
    _counted(console, step, ("ok", "stale", "failed", "missing"))
    _each_but(console, step, "ok")


def equity(console: Console, found: Equity) -> None:
    """The total, or why there is none, and what there is."""
    if found.refusal is not None:
        console.print(f"snapshot.total_equity() raises: {escape(found.refusal)}.")
    console.print(f"With allow_partial=True: {found.partial:,f}, the sum of {found.stated} accounts.")


def callers(console: Console, step: Step) -> None:
    """How many were answered, and with how many requests."""
    answered = sum(kind(outcome) == "ok" for outcome in step.outcomes.values())
    console.print(
        f"\n{step.call}: {answered} were answered in {step.wall_s:.2f} s, with {len(step.requests)} requests"
    )
    _each_but(console, step, "ok")


def writes(console: Console, step: Step) -> None:
    """How many accounts were set, and each that was not."""
    _counted(console, step, ("applied", "not applied", "unknown"))
    _each_but(console, step, "applied")


def requests(console: Console, figures: Figures) -> None:
    """What was sent, beside what one request for each account would be; and how long that takes."""
    table = _table("call", "sent", "each")
    for step in figures.steps:
        table.add_row(escape(step.call), str(len(step.requests)), str(step.each * len(step.outcomes)))
    sent = sum(len(step.requests) for step in figures.steps)
    each = sum(step.each * len(step.outcomes) for step in figures.steps)
    table.add_row("all", str(sent), str(each))
    console.print(table)
    console.print(
        "sent: by the server's journal, with repeats, listings, and the search for the accounts that spoil "
        "a request. each: computed, one request for each account, without repeats; a leverage is read back.",
        style="dim",
    )
    alone, accounts = figures.alone, len(figures.leverage.outcomes)
    if alone.asked:
        together_s = figures.live.wall_s + figures.leverage.wall_s
        console.print(
            f"One account after the other: {alone.done} of {alone.asked} were read live and set in "
            f"{alone.wall_s:.1f} s and {alone.sent} requests (measured), so that {accounts} would take "
            f"{alone.wall_s / alone.asked * accounts:.0f} s (scaled). The manager took {together_s:.1f} s, "
            "reading back included."
        )


def verdict(console: Console, wrong: Sequence[str]) -> None:
    """Whether all of it is true."""
    console.print()
    for sentence in wrong[:_MOST_LINES]:
        console.print(f"[red]mismatch:[/] {escape(sentence)}")
    _more(console, len(wrong))
    if not wrong:
        console.print("Every figure matches the server's journal and state.")


def _counted(console: Console, step: Step, kinds: Iterable[str]) -> None:
    console.print(f"\n{escape(step.call)}: {len(step.outcomes)} accounts in {step.wall_s:.1f} s")
    table = _table("token", *kinds, "requests")
    for credential, sent in step.sent.items():
        found = counts(step.outcomes, credential)
        table.add_row(credential, *[str(found[name]) for name in kinds], str(sent))
    console.print(table)
    for credential, error in step.unlisted.items():
        console.print(f"  {credential} could not be listed: {escape(cause(error))}")


def _table(first: str, *others: str) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_column(no_wrap=True)
    for _ in others:
        table.add_column(justify="right")
    table.add_row(first, *others, style="dim")
    return table


def _each_but(console: Console, step: Step, usual: str) -> None:
    """A line for each account that is not as *usual*."""
    odd = {key: outcome for key, outcome in step.outcomes.items() if kind(outcome) != usual}
    table = Table.grid(padding=(0, 2), pad_edge=True)
    for _ in range(3):
        table.add_column(no_wrap=True, overflow="ellipsis")
    for key, outcome in itertools.islice(odd.items(), _MOST_LINES):
        table.add_row(
            escape(str(key)),
            f"[{_colour(outcome)}]{kind(outcome)}[/]",
            escape(shorten(_why(outcome), _LONGEST_WHY, placeholder=" ...")),
        )
    if odd:
        console.print(table)
    _more(console, len(odd))


def _more(console: Console, lines: int) -> None:
    if lines > _MOST_LINES:
        console.print(f"  and {lines - _MOST_LINES} more")


def _colour(outcome: AnyOutcome) -> str:
    return _COLOURS.get(kind(outcome), "yellow")


def _why(outcome: AnyOutcome) -> str:
    match outcome:
        case Missing():
            return "no answer has it"
        case Stale():
            return f"{outcome.age_s or 0:,.0f} s old, more than {MAX_AGE_S:g} s"
        case Failed(error=AccountError() as error):
            return f"errors: {error.message.rpartition(': ')[2]}"
        case Failed(error=error):
            return f"{cause(error)}: {error.message}"
        case NotApplied() | Unknown():
            seen = (
                "nothing to read back"
                if outcome.seen is None
                else f"it holds {Decimal(outcome.seen).normalize():f}"
            )
            return f"{cause(outcome.error)}; {seen}"
        case _:
            return ""
