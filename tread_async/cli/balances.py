"""``tread balances`` and ``tread leverage show``: what every account holds, once."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from tread_async._exports.extras import needed
from tread_async.cli.balance_records import (
    ACCOUNT_COLUMNS,
    ROW_COLUMNS,
    Rows,
    account_records,
    document_of,
    parquet_of,
    row_records,
)
from tread_async.cli.connecting import Connection
from tread_async.cli.ending import PARTIAL, STALE, code_of_snapshot, ended
from tread_async.cli.filters import problem_of
from tread_async.cli.forms import Form, Forms
from tread_async.cli.replacing import Replacement, replacing
from tread_async.cli.sheets import Sheet, shown
from tread_async.cli.shortfalls import say_of_snapshot
from tread_async.cli.streams import say
from tread_async.cli.watch_choice import Choice
from tread_async.cli.watch_lines import Board, Line, figures_of
from tread_async.cli.watch_notes import counted, shortened, total, troubles_of
from tread_async.cli.writing import written
from tread_async.errors import UsageError
from tread_async.keys import ALL
from tread_async.outcomes import Snapshot

__all__ = ["View", "run"]


class View(enum.Enum):
    """What is shown of an account: what it comes to, every row, or the leverages of its positions."""

    ACCOUNTS = enum.auto()
    ROWS = enum.auto()
    LEVERAGES = enum.auto()


_BALANCES: Final = "balances"
_HEADS: Final = {
    View.ACCOUNTS: (),
    View.ROWS: (
        "account", "exchange", "symbol", "asset_type", "amount", "notional",
        "unrealized_profit", "leverage", "as_of", "state", "why",
    ),
    View.LEVERAGES: (
        "account", "exchange", "symbol", "leverage", "margin_mode", "amount", "notional",
        "state", "why",
    ),
}  # fmt: skip


class _Found(NamedTuple):
    """The accounts that may fit.

    Attributes:
        snapshot: Of them alone. An account of which it is not known whether it fits is among them.
        left_out: How many are known not to fit.
    """

    lines: Sequence[Line]
    snapshot: Snapshot
    left_out: int

    @property
    def is_surely_nobody(self) -> bool:
        """Whether no account fits, nor may one that is not known."""
        return not (self.lines or self.snapshot.unlisted or self.snapshot.errors)

    @property
    def code(self) -> int:
        """Something was read where some are known not to fit."""
        code = code_of_snapshot(self.snapshot)
        return PARTIAL if self.left_out and code not in (0, STALE) else code


async def run(
    choice: Choice, view: View, forms: Forms, connection: Connection, *, parquet: Path | None = None
) -> int:
    """Reads balances once, and returns the exit code of `code_of_snapshot`, for the accounts that may fit.

    Args:
        parquet: A file for all rows, instead of standard output.
    """
    command = "leverage show" if view is View.LEVERAGES else _BALANCES
    return await ended(command, _show(command, choice, view, forms, connection, parquet))


async def _show(
    command: str, choice: Choice, view: View, forms: Forms, connection: Connection, parquet: Path | None
) -> int:
    form = forms.one
    if choice.problem is not None:
        raise UsageError(choice.problem)
    if parquet is not None:
        if form is not Form.TABLE:
            raise UsageError("--parquet excludes --json, --jsonl and --csv")
        needed("pyarrow.parquet", extra="arrow")
    with replacing(parquet) as file:
        snapshot = await _read(choice, connection)
        found = _fitting(snapshot, choice)
        if (problem := problem_of(choice, snapshot)) is not None:
            if found.is_surely_nobody:
                raise UsageError(problem)
            say(command, problem)
        say_of_snapshot(command, found.snapshot, found.code)
        if file is not None:
            _put(file, f"{parquet}", found, choice)
        elif form is Form.TABLE and view is View.ACCOUNTS:
            await written(_picture(found, choice))
        else:
            await shown(_sheet(found, choice, view, form), form)
    return found.code


async def _read(choice: Choice, connection: Connection) -> Snapshot:
    async with connection.desk() as desk:
        return await desk.balances(
            choice.accounts or ALL, source=choice.source.value, max_age_s=choice.max_age_s
        )


def _put(file: Replacement, name: str, found: _Found, choice: Choice) -> None:
    """Only where something was read: an older file with balances is worth more than one without."""
    counts = found.snapshot.counts
    if found.code and not (counts["ok"] or counts["stale"] or found.left_out):
        say(_BALANCES, f"nothing was read; {name} was not written")
        return
    count, write = parquet_of(found.snapshot, Rows(choice.symbol))
    file.put(write)
    say(_BALANCES, f"{count} rows in {name}")


def _fitting(snapshot: Snapshot, choice: Choice) -> _Found:
    lines = Board(choice).lines(snapshot)
    keys = {line.key for line in lines}
    outcomes = {key: outcome for key, outcome in snapshot.outcomes.items() if key in keys}
    left_out = len(snapshot.outcomes) - len(outcomes)
    return _Found(lines, structs.replace(snapshot, outcomes=outcomes), left_out)


def _picture(found: _Found, choice: Choice) -> str:
    from tread_async.cli.tables import rendered, terminal  # with it rich, which takes long
    from tread_async.cli.watch_table import Picture

    several = len({line.key.credential for line in found.lines}) > 1
    return rendered(terminal(), Picture(found.lines, _notes_and_totals(found, choice), several=several))


def _sheet(found: _Found, choice: Choice, view: View, form: Form) -> Sheet:
    rows = Rows(choice.symbol, positions_only=view is View.LEVERAGES)
    of_accounts = view is View.ACCOUNTS
    return Sheet(
        records=account_records(found.snapshot, found.lines)
        if of_accounts
        else row_records(found.snapshot, rows),
        columns=ACCOUNT_COLUMNS if of_accounts else ROW_COLUMNS,
        document=document_of(found.snapshot, rows) if form is Form.JSON else {},
        heads=_HEADS[view],
        notes=_notes(found, choice.symbol) if view is View.LEVERAGES else _notes_and_totals(found, choice),
    )


def _notes(found: _Found, symbol: str | None) -> list[str]:
    snapshot = found.snapshot
    parts = [counted(snapshot)]
    parts += [f"{found.left_out} that do not fit are left out"] if found.left_out else []
    parts += [f"positions of {symbol} only"] if symbol is not None else []
    return ["; ".join(parts), *shortened([*troubles_of(snapshot)])]


def _notes_and_totals(found: _Found, choice: Choice) -> list[str]:
    """With ``?`` for a total of what is not known of every account, and none of no account at all."""
    snapshot = found.snapshot
    if found.is_surely_nobody:
        return _notes(found, choice.symbol)
    of_one = None if choice.symbol is None else choice.symbol.casefold()
    notional = total(lambda: snapshot.total(lambda balance: figures_of(balance, of_one).notional))
    pnl = total(lambda: snapshot.total(lambda balance: figures_of(balance, of_one).pnl))
    totals = f"equity {total(snapshot.total_equity)}, notional {notional}, pnl {pnl}"
    return [*_notes(found, choice.symbol), totals]
