"""Balances for machines: a record for each account, or for each position and asset."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

from tread_async._exports.extras import needed
from tread_async._exports.rows import COLUMNS
from tread_async.cli.watch_lines import Figures, Line
from tread_async.models import AssetType
from tread_async.outcomes import Snapshot

__all__ = [
    "ACCOUNT_COLUMNS",
    "ROW_COLUMNS",
    "Rows",
    "account_records",
    "document_of",
    "parquet_of",
    "row_records",
]

ROW_COLUMNS: Final = COLUMNS
_OF_THE_ACCOUNT: Final = COLUMNS[: COLUMNS.index("symbol")]
_OF_THE_ROW: Final = COLUMNS[len(_OF_THE_ACCOUNT) :]
ACCOUNT_COLUMNS: Final = (*_OF_THE_ACCOUNT, "notional", "unrealized_profit", "leverage", "positions")
_NOTHING: Final = Figures()


class Rows(NamedTuple):
    """Which positions and assets of an account are wanted."""

    symbol: str | None = None
    positions_only: bool = False

    def may_have(self, row: Mapping[str, Any]) -> bool:
        """Whether *row* is wanted, as far as is known. One without a symbol stands for something else."""
        symbol, kind = row["symbol"], row["asset_type"]
        if self.positions_only and kind is not None and kind != AssetType.POSITION:
            return False
        return self.symbol is None or symbol is None or symbol.casefold() == self.symbol.casefold()


def row_records(snapshot: Snapshot, rows: Rows) -> list[dict[str, Any]]:
    """`Snapshot.to_rows`, with times as texts, and only what *rows* has; every account has a record."""
    records: list[dict[str, Any]] = []
    for _, of_one in itertools.groupby(snapshot.to_rows(), _account_of):
        timed = [_timed(row) for row in of_one]
        wanted = [row for row in timed if rows.may_have(row)]
        records += wanted or [{**timed[0], **dict.fromkeys(_OF_THE_ROW)}]
    return records


def account_records(snapshot: Snapshot, lines: Iterable[Line]) -> list[dict[str, Any]]:
    """One for each account, with what its positions come to, and one for all else that is not known."""
    figures: dict[tuple[str, str | None], Figures]
    figures = {(line.key.credential, line.key.name): line.figures for line in lines}
    return [
        {**{name: row[name] for name in _OF_THE_ACCOUNT}, **_summed(figures.get(key, _NOTHING))}
        for key, row in _first_rows(snapshot)
    ]


def document_of(snapshot: Snapshot, rows: Rows) -> dict[str, Any]:
    """`Snapshot.to_json`, with the rows that *rows* has."""
    document: dict[str, Any] = json.loads(snapshot.to_json())
    for account in document["accounts"].values():
        if "rows" in account:
            account["rows"] = [row for row in account["rows"] if rows.may_have(row)]
    return document


def parquet_of(snapshot: Snapshot, rows: Rows) -> tuple[int, Callable[[BinaryIO], object]]:
    """How many rows `Snapshot.to_arrow` has, as far as *rows* has them, and what writes them into a file."""
    table = snapshot.to_arrow().filter([rows.may_have(row) for row in snapshot.to_rows()])
    parquet = needed("pyarrow.parquet", extra="arrow")
    return table.num_rows, functools.partial(parquet.write_table, table)


def _account_of(row: Mapping[str, Any]) -> tuple[str, str | None]:
    return row["credential"], row["account"]


def _first_rows(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str | None], dict[str, Any]]]:
    for key, rows in itertools.groupby(snapshot.to_rows(), _account_of):
        for row in rows:
            yield key, _timed(row)
            if key[1] is not None:
                break


def _summed(figures: Figures) -> dict[str, Any]:
    return {
        "notional": figures.notional,
        "unrealized_profit": figures.pnl,
        "leverage": figures.leverage,
        "positions": figures.positions,
    }


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    as_of = row["as_of"]
    return {**row, "as_of": None if as_of is None else as_of.isoformat()}
