"""Every row of the table of the API's ambiguities is held by a test, or declared out of reach."""

from __future__ import annotations

import re

from tests.support.tables import TESTS, listed, marked

README = (TESTS.parent / "README.md").read_text()
ROWS = [str(row) for row in range(1, 41)]


def out_of_reach() -> set[str]:
    return set(re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE))


def test_every_row_is_held_or_out_of_reach() -> None:
    """No row is forgotten, and none is both."""
    held = set(marked("trap"))

    assert held | out_of_reach() == set(ROWS)
    assert not held & out_of_reach()


def test_the_table_names_the_tests_that_hold_each_row() -> None:
    """tests/traps.md has each row once, with exactly the tests that are marked for it."""
    named = listed("traps.md")
    bare = {row: {name.rpartition("::")[2] for name in names} for row, names in marked("trap").items()}

    assert list(named) == ROWS
    assert {row: names for row, names in named.items() if names} == bare
