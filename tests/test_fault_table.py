"""Every fault and every invariant is held by a test on both event loops."""

from __future__ import annotations

import ast
from typing import Final

from tests.support.tables import listed, marked, rows

TABLE: Final = "faults.md"
IDS: Final = [f"F{number:02}" for number in range(1, 46)] + [f"I{number}" for number in range(1, 16)]
BOTH_LOOPS: Final = ("client/", "manager/", "faults/", "watch/")  # the folders whose conftest says so


def test_every_row_is_held() -> None:
    """No row is forgotten."""
    held = set(marked("fault"))

    assert held == set(IDS)


def test_the_table_names_the_tests_that_hold_each_row() -> None:
    """tests/faults.md has each row once, in order, with exactly the tests that are marked for it."""
    named = listed(TABLE)

    assert list(named) == [row[0] for row in rows(TABLE)] == IDS
    assert {row: names for row, names in named.items() if names} == marked("fault")


def test_every_row_is_held_on_both_loops() -> None:
    """Whatever else holds a row, a coroutine that runs on asyncio and on uvloop does."""
    on_both = {
        row
        for row, names in marked("fault", (ast.AsyncFunctionDef,)).items()
        if any(name.startswith(BOTH_LOOPS) for name in names)
    }

    assert on_both == set(IDS)
