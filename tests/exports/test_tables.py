"""A snapshot as a table: the same rows, and never an amount that is nearly the same."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tests.support.balances import balance, row
from tests.support.snapshots import amounts, snapshots
from tread_async import AccountKey, Missing, Ok, Snapshot, UsageError
from tread_async._exports.decimals import fitted
from tread_async._exports.rows import AMOUNTS, COLUMNS

FEW_DIGITS = amounts(digits=30, lowest=-8, highest=7)
MODEST = amounts(digits=36, lowest=-20, highest=15)
SOME_TOO_LONG = amounts(digits=36)


def one(*texts: str) -> Snapshot:
    """An account with a row for each amount."""
    rows = [row(amount=text) for text in texts]
    return Snapshot(outcomes={AccountKey("desk", "a"): Ok(balance("a", *rows))})


@settings(deadline=None)
@given(snapshots(FEW_DIGITS) | snapshots(MODEST) | snapshots(SOME_TOO_LONG) | snapshots())
def test_arrow_has_the_rows_exactly_or_says_that_it_cannot(snapshot: Snapshot) -> None:
    """Every value of every column is equal; an amount that does not fit is an error and no other amount."""
    if digits_of_a_column(snapshot) > 76:
        with pytest.raises(UsageError):
            snapshot.to_arrow()
        return

    table = snapshot.to_arrow()
    assert table.to_pylist() == snapshot.to_rows()
    assert tuple(table.column_names) == COLUMNS


@settings(deadline=None)
@given(snapshots(FEW_DIGITS) | snapshots(MODEST) | snapshots(SOME_TOO_LONG) | snapshots())
def test_polars_has_the_rows_exactly_or_says_that_it_cannot(snapshot: Snapshot) -> None:
    """Likewise, with half the digits."""
    if digits_of_a_column(snapshot) > 38:
        with pytest.raises(UsageError):
            snapshot.to_polars()
        return

    frame = snapshot.to_polars()
    assert frame.to_dicts() == snapshot.to_rows()
    assert tuple(frame.columns) == COLUMNS


def digits_of_a_column(snapshot: Snapshot) -> int:
    """What the widest needs, by the text of its amounts."""
    rows = snapshot.to_rows()
    return max(sum(extent([row[name] for row in rows if row[name] is not None])) for name in AMOUNTS)


def extent(amounts: list[Decimal]) -> tuple[int, int]:
    """The most digits before the point and behind it, but for zeros that say nothing."""
    parts = [f"{amount.copy_abs():f}".partition(".") for amount in amounts]
    return (
        max([len(whole.lstrip("0")) for whole, _, _ in parts], default=0),
        max([len(places.rstrip("0")) for _, _, places in parts], default=0),
    )


@settings(deadline=None)
@given(snapshots(MODEST))
def test_parquet_keeps_them(tmp_path_factory: pytest.TempPathFactory, snapshot: Snapshot) -> None:
    """What is read from a file is what was written, with what the schema says of the whole."""
    file = tmp_path_factory.mktemp("parquet") / "snapshot.parquet"
    parquet.write_table(snapshot.to_arrow(), file)

    table = parquet.read_table(file)
    assert table.to_pylist() == snapshot.to_rows()
    about = json.loads(table.schema.metadata[b"tread_async"])
    assert about == {
        "counts": snapshot.counts, "complete": snapshot.complete, "of_all": snapshot.of_all,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ((), pa.decimal128(38, 18)),
        (("1.50", "-12345678901234567890"), pa.decimal128(38, 18)),
        (("1.5000000000000000000000",), pa.decimal128(38, 18)),
        (("1E-20", "123456789012345678"), pa.decimal128(38, 20)),
        (("123456789012345678901",), pa.decimal128(38, 17)),
        (("1E-40",), pa.decimal256(76, 40)),
        (("1E+40",), pa.decimal256(76, 35)),
        (("1E-19", "1E+20"), pa.decimal256(76, 38)),
    ],
)
def test_the_type_of_a_column(texts: tuple[str, ...], kind: pa.DataType) -> None:
    """The usual one, and the nearest to it where that would not be exact."""
    table = one(*texts).to_arrow()

    assert table.schema.field("amount").type == kind
    assert table["amount"].to_pylist() == [Decimal(text) for text in texts] or [None]


def test_the_types_of_the_other_columns() -> None:
    """Also where no row has a value."""
    table = Snapshot(outcomes={AccountKey("desk", "a"): Missing()}).to_arrow()
    frame = Snapshot(outcomes={}).to_polars()

    assert table.schema.field("as_of").type == pa.timestamp("us", tz="UTC")
    assert (table.schema.field("status").type, table.schema.field("age_s").type) == (pa.int16(), pa.float64())
    assert table.schema.field("account").type == pa.string()
    assert frame.schema["as_of"] == pl.Datetime("us", "UTC")
    assert frame.schema["amount"] == pl.Decimal(38, 18)
    assert (frame.schema["status"], frame.schema["account"]) == (pl.Int16, pl.String)


def test_tables_of_different_types_are_joined_without_loss() -> None:
    """As the page says."""
    tables = [one("1.5").to_arrow(), one("1E-20").to_arrow()]

    joined = pa.concat_tables(tables, promote_options="permissive")
    assert joined["amount"].to_pylist() == [Decimal("1.5"), Decimal("1E-20")]


def test_amounts_that_do_not_fit_are_one_sentence() -> None:
    """It names the column, and what holds them."""
    with pytest.raises(UsageError) as arrow:
        one("1E-40", "1E+40").to_arrow()
    with pytest.raises(UsageError, match=r"^the column amount needs 40 digits, and has 38 at most; "):
        one("1E-40").to_polars()

    assert str(arrow.value) == (
        "the column amount needs 81 digits, and has 76 at most; to_rows and to_json keep every digit"
    )


@settings(deadline=None)
@given(st.lists(st.none() | amounts(digits=38, lowest=-38, highest=20)))
def test_an_amount_in_a_column_is_the_same_number(given: list[Decimal | None]) -> None:
    """With exactly the places of the column, which is what libraries of tables do not round."""
    try:
        digits, places, amounts = fitted("x", given, widths=(38, 76))
    except UsageError:
        return

    assert amounts == given
    assert all(-amount.as_tuple().exponent == places for amount in amounts if amount is not None)
    assert digits in (38, 76)


@pytest.mark.parametrize(
    ("method", "module", "extra"), [("to_arrow", "pyarrow", "arrow"), ("to_polars", "polars", "polars")]
)
def test_who_has_not_the_extra_is_told(
    monkeypatch: pytest.MonkeyPatch, method: str, module: str, extra: str
) -> None:
    """In one sentence, with the command."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UsageError) as refused:
        getattr(one("1"), method)()
    assert str(refused.value) == f"this needs {module}: pip install 'tread-async[{extra}]'"


def test_polars_needs_no_arrow_and_rows_and_json_need_neither() -> None:
    """Nothing is loaded that was not asked for."""
    script = (
        "import sys\n"
        "from tread_async import AccountKey, Missing, Snapshot\n"
        "snapshot = Snapshot(outcomes={AccountKey('desk', 'a'): Missing()})\n"
        "snapshot.to_rows(), snapshot.to_json()\n"
        "print({'pyarrow', 'polars'} & set(sys.modules))\n"
        "sys.modules['pyarrow'] = None\n"
        "print(snapshot.to_polars().height)\n"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["set()", "1"]
