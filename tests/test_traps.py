"""Every row of the table of the API's ambiguities is held by a test, or declared out of reach."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = (TESTS / "traps.md").read_text()
README = (TESTS.parent / "README.md").read_text()
ROWS = range(1, 41)


def marked() -> dict[int, set[str]]:
    """The tests that carry ``@pytest.mark.trap(row)``, by row."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.trap":
                        for row in decorator.args:
                            found[ast.literal_eval(row)].add(node.name)
    return found


def out_of_reach() -> set[int]:
    return {int(row) for row in re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)}


def test_every_row_is_held_or_out_of_reach() -> None:
    """No row is forgotten, and none is both."""
    held = set(marked())

    assert held | out_of_reach() == set(ROWS)
    assert not held & out_of_reach()


def test_the_table_names_the_tests_that_hold_each_row() -> None:
    """tests/traps.md has each row once, with exactly the tests that are marked for it."""
    listed = {
        int(row): set(re.findall(r"`(test_\w+)`", tests))
        for row, tests in re.findall(r"^\| (\d+) \|.*\|([^|]*)\|$", TABLE, flags=re.MULTILINE)
    }

    assert sorted(listed) == list(ROWS)
    assert {row: tests for row, tests in listed.items() if tests} == marked()
