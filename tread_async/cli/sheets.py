"""Records in every form: a table, one JSON document, a line of JSON for each, or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from tread_async._codec.redaction import sanitised
from tread_async._exports.json_text import dumped
from tread_async.cli.forms import Form
from tread_async.cli.writing import FOR_MACHINES, written

__all__ = ["Record", "Sheet", "csv_of", "json_lines_of", "shown"]

Record: TypeAlias = Mapping[str, Any]

_FORMULA: Final = ("=", "+", "-", "@", "'", *"\uff1d\uff0b\uff0d\uff20")  # the same in full width


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a command has found.

    Attributes:
        records: Amounts are `decimal.Decimal`, what is not known is ``None``. What could not be found out
            has a record, too.
        columns: The fields of each record.
        document: For ``--json``.
        heads: The columns of the table: fields of the records, and ``why`` for what went wrong.
        notes: Sentences below the table.
        rows: The records of the table, where people are told in other words than machines.
    """

    records: Sequence[Record]
    columns: Sequence[str]
    document: Mapping[str, Any]
    heads: Sequence[str]
    notes: Sequence[str] = ()
    rows: Sequence[Record] | None = None


async def shown(sheet: Sheet, form: Form) -> None:
    """Writes *sheet* to standard output."""
    if form is Form.TABLE:
        from tread_async.cli.tables import table_of, terminal  # with it rich, which takes long

        await written(table_of(sheet, terminal()))
    else:
        await written(_for_machines(sheet, form), encoding=FOR_MACHINES)


def _for_machines(sheet: Sheet, form: Form) -> str:
    if form is Form.JSON:
        return dumped(sheet.document) + "\n"
    return json_lines_of(sheet.records) if form is Form.JSONL else csv_of(sheet.columns, sheet.records)


def json_lines_of(records: Iterable[Record]) -> str:
    """A line of JSON for each of *records*, in ASCII; amounts are texts with every digit."""
    return "".join([dumped(record) + "\n" for record in records])


def csv_of(columns: Sequence[str], records: Iterable[Record]) -> str:
    """*records* with a line of heads. No text becomes a formula in a spreadsheet.

    One that would has a ``'`` before it: it begins with ``=``, ``+``, ``-`` or ``@``, or with a ``'`` of its
    own, so that taking one away is always right.
    """
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(record[name]) for name in columns] for record in records])
    return page.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    text = sanitised(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
