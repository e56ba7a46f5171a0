"""What the benchmarks say of what they have measured: goals, quartiles, pages and charts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import charts, contending, questions, results
from benchmarks.answers import Answer, Found, figure, figures, goal, share, spread
from benchmarks.contenders import KINDS, Kind
from benchmarks.showing import number, text

ROOT = Path(__file__).parents[2]

BARS = figures("time", "us", {"tread_async": [1.0, 2.0, 3.0], "by hand": [2.0, 4.0, 6.0]})
LINES = [
    figure("time by size", name, "us", [1.0, 2.0], at) for name in ("ours", "other") for at in (10, 1000)
]


def answered(**found: object) -> Answer:
    whole = Found(**{"conditions": "on a machine", "figures": (), **found})  # type: ignore[arg-type]
    return Answer(name="speed", question="How fast is it?", meaning="It means this.", found=whole)


@pytest.mark.parametrize(
    ("bounds", "value", "reached"),
    [
        ({"at_most": 0.6}, 0.6, True),
        ({"at_most": 0.6}, 0.601, False),
        ({"at_least": 6}, 6, True),
        ({"at_least": 6}, 5.99, False),
        ({"at_most": 0}, 0, True),
        ({"at_most": 0}, 1, False),
        ({"at_most": 0.6}, float("nan"), False),
        ({"at_least": 6}, float("nan"), False),
    ],
)
def test_a_goal_is_reached_at_its_bound(bounds: dict[str, float], value: float, reached: bool) -> None:
    assert goal("it", [value], **bounds).reached is reached


def test_the_median_decides() -> None:
    assert goal("it", [0.1, 0.6, 9.0], at_most=0.6).reached
    assert not goal("it", [0.1, 0.7, 0.7], at_most=0.6).reached


def test_quartiles() -> None:
    """A single value is all three, and the order of the values does not matter."""
    assert spread([7.0]) == (7.0, 7.0, 7.0)
    assert spread([3.0, 1.0, 2.0]) == (1.0, 2.0, 3.0)


def test_shares_are_taken_round_by_round() -> None:
    assert share({"a": [1.0, 9.0], "b": [2.0, 3.0]}, "a", "b") == [0.5, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        share({"a": [1.0, 9.0], "b": [2.0]}, "a", "b")


@pytest.mark.parametrize(("value", "shown"), [(0.12345, "0.123"), (12.345, "12.3"), (12345.6, "12,346")])
def test_numbers_have_three_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_terminal_is_told_everything() -> None:
    said = text(
        answered(
            figures=tuple(BARS), goals=(goal("the ratio", [0.5], at_most=0.4),), skipped=("other (httpx)",)
        )
    )

    assert "by hand" in said
    assert "4 us (quartiles 2 to 6)" in said
    assert "the ratio: 0.5; at most 0.4: NOT REACHED" in said
    assert "skipped, not installed: other (httpx)" in said


def test_the_page_names_what_was_not_reached_and_who_was_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it is written from can be read again."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    goals = (goal("the ratio", [0.5], at_most=0.4), goal("the rate", [7.0], at_least=7))

    results.write([answered(goals=goals, skipped=("other (httpx)",), notes=("one more thing",))])

    lines = (tmp_path / "latest.md").read_text().splitlines()
    assert "| the ratio | 0.5 | at most 0.4 | **not reached** |" in lines
    assert "| the rate | 7 | at least 7 | reached |" in lines
    assert "| the ratio | 0.5 |  | at most 0.4: NOT REACHED |" in lines
    assert {"## How fast is it?", "- Skipped, not installed: other (httpx).", "- one more thing"} <= set(
        lines
    )
    assert results.read().answers[0].found.goals == goals
    assert json.loads((tmp_path / "latest.json").read_bytes())["machine"]["cores"] > 0


async def test_who_is_not_installed_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "made up", Kind("no_module", ("json", "no_such_package"), "nothing"))

    assert contending.missing(["made up", "tread_async"]) == {"made up": "no_such_package"}
    async with contending.contenders(["made up"], "no url") as found:
        assert found == {}


def test_charts_are_drawn_of_bars_and_lines(tmp_path: Path) -> None:
    """A file for the answer, with every contender and size in it; none without figures."""
    pytest.importorskip("matplotlib")

    assert charts.drawn(answered(), tmp_path) == []
    assert charts.drawn(answered(figures=(*BARS, *LINES)), tmp_path) == ["speed.svg"]

    drawn = (tmp_path / "speed.svg").read_text()
    assert all(
        said in drawn for said in ("time (us)", "time by size (us)", "tread_async", "by hand", "other")
    )


def test_without_a_question_all_are_listed() -> None:
    command = [sys.executable, "-W", "error", "-m", "benchmarks"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for name, module in {**questions.QUESTIONS, **questions.PROOFS}.items():
        assert f"  {name:14} {(module.__doc__ or '').splitlines()[0]}" in listed.splitlines()
