"""Records as CSV, lines of JSON and tables, within one process."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.console import Console

from tread_async import (
    AccountKey,
    Applied,
    AuthError,
    LeverageReport,
    NotApplied,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    Unknown,
    UsageError,
)
from tread_async._codec.redaction import sanitised
from tread_async.cli.confirming import Consent
from tread_async.cli.ending import code_of, code_of_writes
from tread_async.cli.forms import Form, Forms
from tread_async.cli.reporting import code_of_reports, document_of, sheet_of
from tread_async.cli.sheets import Sheet, csv_of, json_lines_of
from tread_async.cli.tables import table_of

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=30).filter(
    lambda text: sanitised(text) == text
)
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False)
RED, LIMITED = NotApplied(error=AuthError(401, "no")), NotApplied(error=RateLimitedError(429, "no"))
BAD, LOST = NotApplied(error=RejectedError(400, "no")), Unknown(error=OutcomeUnknownError("lost"))
KEYS = [AccountKey("desk", name) for name in "abc"]


@given(st.one_of(TEXTS, st.sampled_from(f"{SIGNS}'\t\r ").flatmap(lambda first: TEXTS.map(first.__add__))))
def test_no_text_of_a_csv_is_a_formula(text: str) -> None:
    """And taking away one quote gives the text back, as it is shown."""
    ((_,), (cell,)) = csv.reader(io.StringIO(csv_of(["name"], [{"name": text}]))) if text else (("",), ("",))

    assert not cell.lstrip().startswith(tuple(SIGNS))
    assert cell.removeprefix("'") == text.replace("\t", " ").replace("\r", " ")


@given(AMOUNTS)
def test_amounts_keep_every_digit_and_are_numbers(amount: Decimal) -> None:
    """Negative ones, too, in CSV; in JSON they are texts without an exponent."""
    ((_,), (cell,)) = csv.reader(io.StringIO(csv_of(["amount"], [{"amount": amount}])))
    text = json.loads(json_lines_of([{"amount": amount}]))["amount"]

    assert cell == text == f"{amount:f}"
    assert Decimal(cell) == amount


def test_what_is_not_known_is_empty() -> None:
    """And yes and no have the words of JSON."""
    assert csv_of(["a", "b", "c"], [{"a": None, "b": True, "c": False}]) == "a,b,c\n,true,false\n"


def sheet(*records: dict[str, object], **more: Any) -> Sheet:
    names = tuple(records[0])
    return Sheet(records=records, columns=names, document={}, heads=names[1:], **more)


def test_a_table_shows_no_markup_and_cuts_nothing() -> None:
    """A name is not to colour the terminal, nor to move its cursor."""
    name = "[red]x[/]\x1b[2J" + "y" * 300
    record = {"credential": "a", "account": name, "amount": Decimal("-1234.50"), "note": None}
    table = table_of(sheet(record, record | {"note": "n"}, notes=["[b]1[/]"]), None)

    assert "[red]x[/]" in table
    assert "\x1b" not in table
    assert "y" * 300 in table
    assert "-1,234.50  -\n" in table
    assert table.endswith("[b]1[/]\n")


def test_accounts_have_their_token_where_there_are_several() -> None:
    """And a record that is about a token has its name alone."""
    one = table_of(sheet({"credential": "a", "account": "x", "state": "ok"}), None)
    two = table_of(
        sheet(
            {"credential": "a", "account": "x", "state": "ok"},
            {"credential": "b", "account": None, "state": "unlisted"},
        ),
        None,
    )

    assert one == "account  state\nx        ok\n"
    assert two == "account  state\na/x      ok\nb        unlisted\n"


def test_columns_stand_where_they_stand() -> None:
    """Also below letters that are two columns wide."""
    table = table_of(
        sheet(
            {"credential": "a", "account": "名前", "amount": Decimal("1.5"), "state": "ok"},
            {"credential": "a", "account": "abcdefg", "amount": Decimal("-1000"), "state": "failed"},
        ),
        None,
    )

    assert table == "account  amount  state\n名前        1.5  ok\nabcdefg  -1,000  failed\n"


@given(st.integers(60, 200), st.decimals(min_value=0, max_value=10**12, places=4))
def test_no_number_is_folded_on_a_narrow_terminal(width: int, amount: Decimal) -> None:
    """Rather columns are left out, which is said."""
    record = {
        "credential": "a", "account": "a-long-name-of-an-account", "exchange": "Hyperliquid",
        "created_at": "2026-01-01T00:00:00Z", "amount": amount, "notional": -amount, "state": "ok",
    }  # fmt: skip
    screen = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    table = table_of(sheet(record), screen)

    first = next(line for line in table.splitlines() if "-long" in line or "a-" in line)
    assert f"{amount:,f}" in first
    assert max(map(len, table.splitlines())) <= width
    assert "no room for" in table or all(text in table for text in ("created at", "notional", "exchange"))


@pytest.mark.parametrize("flags", [(True, True, False), (True, False, True), (True, True, True)])
def test_there_is_one_form(flags: tuple[bool, bool, bool]) -> None:
    """None is a table, and two exclude each other."""
    assert Forms().one is Form.TABLE
    assert Forms(csv=True).one is Form.CSV
    with pytest.raises(UsageError, match="exclude each other"):
        _ = Forms(*flags).one


@pytest.mark.parametrize(
    ("outcomes", "unlisted", "code"),
    [
        ([], {}, 0),
        ([Applied(), Applied()], {}, 0),
        ([Applied(), BAD], {}, 3),
        ([BAD, BAD], {}, 1),
        ([RED, RED], {}, 5),
        ([LIMITED], {}, 6),
        ([RED, LIMITED], {}, 3),
        ([Applied(), LOST], {}, 7),
        ([RED, LOST], {}, 7),
        ([Applied()], {"other": AuthError(401, "no")}, 3),
        ([], {"other": AuthError(401, "no")}, 5),
    ],
)
def test_writes_have_a_code(outcomes: list[object], unlisted: dict[str, AuthError], code: int) -> None:
    """Unknown is worst; where none was applied, the reason counts, if there is one for all."""
    assert code_of_writes(outcomes, unlisted) == code  # type: ignore[arg-type]


def test_an_unknown_outcome_has_a_code() -> None:
    """As the design has it."""
    assert code_of(OutcomeUnknownError("lost")) == 7


def report(*outcomes: object, dry_run: bool = False) -> LeverageReport:
    held = dict(zip(KEYS, outcomes, strict=False))
    return LeverageReport(
        outcomes=held,  # type: ignore[arg-type]
        leverage=Decimal("2.50"),
        pair="ETH:PERP-USDT",
        dry_run=dry_run,
        unlisted={"other": AuthError(401, "no")},
    )


def test_a_report_has_a_record_for_all_that_is_not_applied_first() -> None:
    """Also for a token that could not be listed."""
    one = report(Applied(seen=Decimal("2.5")), LOST, BAD)
    sheet = sheet_of([one], document_of(one))

    assert [record["outcome"] for record in sheet.records] == [
        "unknown", "not_applied", "unlisted", "applied",
    ]  # fmt: skip
    assert all(list(record) == list(sheet.columns) for record in sheet.records)
    assert sheet.document["leverage"] == Decimal("2.50")
    assert sheet.document["unlisted"]["other"]["status"] == 401
    assert "1 applied, 1 not applied, 1 unknown" in sheet.notes


def test_a_dry_run_is_well_where_everything_could_be_sent() -> None:
    """It is not where a token or an account could not be looked up."""
    held_back, down = NotSentError("a dry run: nothing was sent"), NotSentError("no server")
    down.endpoint = "GET /api/accounts/"
    well = report(NotApplied(error=held_back), dry_run=True)

    assert code_of_reports([structs.replace(well, unlisted={})]) == 0
    assert code_of_reports([well]) == 3
    lost = report(NotApplied(error=down), dry_run=True)
    assert code_of_reports([structs.replace(lost, unlisted={})]) == 1


def test_who_has_no_terminal_needs_yes() -> None:
    """Or a dry run."""
    Consent(yes=True).check()
    Consent(dry_run=True).check()
    with pytest.raises(UsageError, match="say --yes"):
        Consent().check()
