"""How the table looks: in any width and height, with and without colours, whatever things are called."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.support.balances import balance, row
from tread_async import AccountKey, Failed, Missing, Ok, Outcome, ServerError, Snapshot, Stale
from tread_async.cli.watch_choice import Choice
from tread_async.cli.watch_lines import Board, Line
from tread_async.cli.watch_table import Picture, amount, duration

NOTES = ["one", "two"]
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**41), max_value=10**41)


def drawn(picture: Picture, width: int = 200, *, colours: bool = False, **options: Any) -> str:
    """What a terminal of that width shows; a file without *colours*."""
    file = io.StringIO()
    options = {"color_system": "truecolor" if colours else None, "force_terminal": colours} | options
    Console(file=file, width=width, legacy_windows=False, _environ={}, **options).print(picture)
    return file.getvalue()


def lines(outcomes: dict[str, Outcome], *earlier: dict[str, Outcome]) -> list[Line]:
    board = Board(Choice())
    for each in (*earlier, outcomes):
        keys = {AccountKey("desk", name): outcome for name, outcome in each.items()}
        found = board.lines(Snapshot(outcomes=keys))
    return found


def many(count: int) -> list[Line]:
    return lines({f"account-{number:03}": Ok(balance(f"{number}", row())) for number in range(count)})


@given(AMOUNTS, st.integers(8, 60))
@example(Decimal("1E-40"), 11)
@example(Decimal("-1234567890123.5"), 14)
@example(Decimal("0E-30"), 11)
def test_an_amount_is_exact_or_says_that_it_is_not(value: Decimal, most: int) -> None:
    """Only decimals are cut, never rounded, only where they do not fit, and as few as possible."""
    shown = amount(value, most)

    exact = f"{value:,f}"
    if shown == exact:
        assert Decimal(shown.replace(",", "")) == value
        assert len(exact) <= most or "." not in exact
        return
    assert shown[0] == "~"
    assert exact.startswith(shown[1:])
    assert len(exact) > most
    assert shown[1:].partition(".")[0] == exact.partition(".")[0]
    assert len(shown) == most or "." not in shown
    assert not shown.endswith(".")


def test_an_amount_that_is_not_known_is_a_question_mark() -> None:
    """It is never zero."""
    assert amount(None, 11) == "?"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "?"), (0.0, "0s"), (0.99, "0s"), (119.9, "119s"), (120.0, "2m"), (7199.0, "119m"),
        (7200.0, "2h"), (172_799.0, "47h"), (172_800.0, "2d"), (1e6, "11d"),
    ],
)  # fmt: skip
def test_a_duration_is_short(seconds: float | None, shown: str) -> None:
    """Rounded down, so that it never says more than has passed."""
    assert duration(seconds) == shown


def test_every_column_shows_where_there_is_room() -> None:
    """Heads, figures as they are, the state and its reason; notes below."""
    held = balance("main", row(notional="-1234.5678901234567890", unrealized_profit="-2"), equity="1E+3")
    text = drawn(Picture(lines({"main": Failed(ServerError(500, "broke"), Stale(held))}), NOTES))

    heads, line, *notes = text.splitlines()
    assert " ".join(heads.split()) == "account exchange equity notional pnl lev pos age state"
    assert (
        " ".join(line.split())
        == "desk/main OKX 1,000 1,234.5678901234567890 -2 5 1 5s failed, HTTP 500: broke"
    )
    assert notes == NOTES


def test_ages_grow_with_the_time_since() -> None:
    """Where they are known."""
    found = lines({"a": Ok(balance("a", age_s=5.0)), "b": Stale(balance("b", age_s=None))})

    later = drawn(Picture(found, [], since_s=57.0))
    assert " 62s  ok" in later
    assert " ?  stale" in later


def test_a_lone_credential_is_not_repeated() -> None:
    """Names alone are enough then."""
    assert "desk/" not in drawn(Picture(many(1), [], several=False))


def test_wide_letters_have_the_room_they_need() -> None:
    """A name is whole where the terminal is wide enough, and what follows stands in its column."""
    heads, line = drawn(Picture(lines({"名前" * 10: Ok(balance("a"))}), [])).splitlines()

    assert line.startswith(f"desk/{'名前' * 10}  OKX")
    assert heads.index("exchange") == cell_len(line[: line.index("OKX")])


def test_without_positions_there_is_no_leverage() -> None:
    """Which is another thing than not knowing it."""
    found = drawn(Picture(lines({"a": Ok(balance("a")), "b": Missing()}), []))

    cells = {text.split()[0]: text.split() for text in found.splitlines()}
    assert cells["desk/a"][1:7] == ["OKX", "100", "0", "0", "-", "0"]
    assert cells["desk/b"][1:8] == ["?"] * 7


@settings(deadline=None)
@given(
    st.integers(1, 40),
    st.integers(20, 160),
    st.integers(4, 30),
    st.lists(st.text(max_size=30), max_size=3),
    st.sampled_from(["12", "1234567.123456789", "-1234567890123.123456789"]),
)
def test_it_fits_any_terminal(count: int, width: int, height: int, notes: list[str], equity: str) -> None:
    """No line is wider, there are no more than fit, and what has no room is counted or named."""
    held = balance("名前 of an account", row(), equity=equity)
    outcomes: dict[str, Outcome] = {f"名前 of an account {number}": Ok(held) for number in range(count)}
    notes = [note.replace("\n", " ") for note in notes if note.isprintable()]
    text = drawn(Picture(lines(outcomes), notes, height=height), width)

    shown = text.splitlines()
    accounts = sum(line.startswith("desk/") for line in shown)
    assert all(cell_len(line) <= width for line in shown)
    assert len(shown) <= max(height, len(notes) + 3)
    assert accounts == count or shown[accounts + 1].startswith(f"and {count - accounts} more")


def test_a_number_is_never_cut_like_a_text() -> None:
    """In no width: it stands there whole, or with a mark, or its column is left out and named."""
    held = balance("main", row(notional="7654321.1234567890"), equity="1234567.123456789")
    found = lines({"main": Ok(held)})
    wholes = {"OKX", "1,234,567", "7,654,321", "-1", "5", "1", "5s"}
    for width in range(20, 140):
        heads, line, *rest = drawn(Picture(found, []), width).splitlines()
        remark = "".join(rest)

        figures = line[: line.index("  ok")].split()[1:]
        left_out = {"exchange", "equity", "notional", "pnl", "lev", "pos", "age"} - set(heads.split())
        assert {figure.lstrip("~").partition(".")[0] for figure in figures} <= wholes
        assert len(figures) + len(left_out) == 7
        assert remark.startswith("no room for ") == bool(left_out)
        assert "~" not in line or "~ is cut" in remark or remark.endswith("…")


def test_a_column_is_left_out_only_where_it_has_no_room() -> None:
    """The table is as wide as the terminal before anything gives way."""
    found = lines(
        {"an-account-of-some-length": Failed(ServerError(500, "no"), Stale(balance("a", equity="12345.678")))}
    )
    width = max(map(len, drawn(Picture(found, [])).splitlines()))

    assert "…" not in drawn(Picture(found, []), width)
    assert "…" in drawn(Picture(found, []), width - 1)
    narrow = next(width for width in range(width, 0, -1) if "no room" in drawn(Picture(found, []), width))
    last = drawn(Picture(found, []), narrow + 1).splitlines()[1]
    assert last.startswith("desk/an-acc…  ")  # there is not one letter to spare


CHANGED = (
    {"a": Ok(balance("a", row(), equity="2")), "b": Failed(ServerError(500, "no"))},
    {"a": Ok(balance("a", row(), equity="1")), "b": Missing()},
)


def test_what_changed_is_in_reverse_or_has_a_star() -> None:
    """The star comes where there are no colours: in a file, and where NO_COLOR is set."""
    found = lines(*CHANGED)
    reverse, star = "\x1b[1;7m", "*2 "

    coloured = drawn(Picture(found, []), colours=True)
    assert coloured.count(reverse) == 1
    assert f"{reverse}2" in coloured
    assert "*" not in coloured
    for plain in (
        drawn(Picture(found, [])),
        drawn(Picture(found, []), colours=True, no_color=True),
    ):
        assert star in plain
        assert "*failed" in plain
        assert "\x1b[1;7m" not in plain


def test_a_failing_account_is_dim_and_its_state_is_red() -> None:
    """So that its last figures do not look like those of now."""
    held = balance("a", row())
    text = drawn(Picture(lines({"a": Failed(ServerError(500, "no"), Stale(held))}), []), colours=True)

    line = text.splitlines()[1]
    assert "\x1b[2mdesk/a \x1b[0m" in line
    assert "\x1b[31mfailed, HTTP 500: no\x1b[0m" in line


def test_the_servers_text_is_only_text() -> None:
    """Markup stays as it is, and control characters are gone."""
    name = "[red]x[/]\x1b[2J:smile:\x9b1m\u202e"
    held = balance("a", exchange="[bold]E[/]\x1b[2J\u202e")
    text = drawn(Picture(lines({name: Ok(held)}), []), colours=True)

    line = text.splitlines()[1]
    assert line.startswith("desk/[red]x[/] :smile: 1m")
    assert "[bold]E[/]" in line
    assert not any(odd in text for odd in ("\x1b[2J", "\x9b", "\u202e"))


def test_all_lines_show_where_there_is_no_end() -> None:
    """In a file; without blanks at the ends of lines."""
    shown = drawn(Picture(many(500), NOTES), 10_000).splitlines()

    assert len(shown) == 503
    assert all(line == line.rstrip() for line in shown)
