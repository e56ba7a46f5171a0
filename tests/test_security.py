"""Every promise of SECURITY.md is held by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
POLICY = (TESTS.parent / "SECURITY.md").read_text()


def test_every_promise_names_its_tests() -> None:
    """Each row has at least one, and each name is that of a test."""
    rows = re.findall(r"^\| (?!promise|---)(.*) \| (.*) \|$", POLICY, flags=re.MULTILINE)
    named = [re.findall(r"`(test_\w+)`", tests) for _, tests in rows]
    there = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), flags=re.MULTILINE)
    }

    assert len(rows) > 5
    assert all(named)
    assert set(re.findall(r"`(test_\w+)`", POLICY)) <= there
