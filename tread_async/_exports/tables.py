"""A snapshot as a table of Arrow or polars, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tread_async._exports.decimals import fitted
from tread_async._exports.extras import needed
from tread_async._exports.json_text import dumped
from tread_async._exports.rows import AMOUNTS, COLUMNS, rows_of_snapshot
from tread_async.outcomes import Snapshot

__all__ = ["arrow_of_snapshot", "polars_of_snapshot"]

_WIDTHS_OF_ARROW: Final = (38, 76)
_WIDTHS_OF_POLARS: Final = (38,)


def arrow_of_snapshot(snapshot: Snapshot) -> Any:
    """See `Snapshot.to_arrow`."""
    pa = needed("pyarrow", extra="arrow")
    types = {"status": pa.int16(), "as_of": pa.timestamp("us", tz="UTC"), "age_s": pa.float64()}
    arrays = {}
    for name, values in _columns(snapshot):
        kind = types.get(name, pa.string())
        if name in AMOUNTS:
            digits, places, values = fitted(name, values, widths=_WIDTHS_OF_ARROW)
            kind = pa.decimal128(digits, places) if digits == 38 else pa.decimal256(digits, places)
        arrays[name] = pa.array(values, kind)
    about = {"counts": snapshot.counts, "complete": snapshot.complete, "of_all": snapshot.of_all}
    return pa.table(arrays, metadata={"tread_async": dumped(about)})


def polars_of_snapshot(snapshot: Snapshot) -> Any:
    """See `Snapshot.to_polars`."""
    pl = needed("polars", extra="polars")
    types = {"status": pl.Int16, "as_of": pl.Datetime("us", "UTC"), "age_s": pl.Float64}
    series = []
    for name, values in _columns(snapshot):
        kind = types.get(name, pl.String)
        if name in AMOUNTS:
            digits, places, values = fitted(name, values, widths=_WIDTHS_OF_POLARS)
            kind = pl.Decimal(digits, places)
        series.append(pl.Series(name, values, dtype=kind))
    return pl.DataFrame(series)


def _columns(snapshot: Snapshot) -> Iterator[tuple[str, list[Any]]]:
    rows = list(rows_of_snapshot(snapshot))
    for name in COLUMNS:
        yield name, [row[name] for row in rows]
