"""Tables of what tests hold, and the marks that those tests carry."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Final, TypeAlias

TESTS: Final = Path(__file__).parents[1]
Functions: TypeAlias = tuple[type[ast.FunctionDef | ast.AsyncFunctionDef], ...]


def marked(mark: str, functions: Functions = (ast.FunctionDef, ast.AsyncFunctionDef)) -> dict[str, set[str]]:
    """The tests that carry ``@pytest.mark.<mark>(row, ...)``, as ``folder/file::test``, by row."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        file = path.relative_to(TESTS).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, functions):
                for row in _rows(node.decorator_list, mark):
                    found[row].add(f"{file}::{node.name}")
    return dict(found)


def _rows(decorators: list[ast.expr], mark: str) -> list[str]:
    calls = [one for one in decorators if isinstance(one, ast.Call)]
    ours = [one for one in calls if ast.unparse(one.func) == f"pytest.mark.{mark}"]
    return [str(ast.literal_eval(row)) for one in ours for row in one.args]


def rows(table: str) -> list[list[str]]:
    """The cells of each row below the head of the Markdown table *table*."""
    lines = [line for line in (TESTS / table).read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def listed(table: str) -> dict[str, set[str]]:
    """The tests that the last cell of each row names, by its first cell."""
    return {row[0]: set(re.findall(r"`([\w/:]+)`", row[-1])) for row in rows(table)}
