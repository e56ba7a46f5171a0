"""What the benchmarks say of what they have measured: goals, quartiles, pages and charts."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import charts, contending, measuring, questions, results
from benchmarks.answers import Answer, Found, figure, figures, goal, share, spread
from benchmarks.contenders import KINDS, Kind
from benchmarks.legends import legend
from benchmarks.showing import markdown, number, text
from tread_async import __version__

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "benchmarks"]

BARS = figures("time", "us", {"tread_async": [1.0, 2.0, 3.0], "by hand": [2.0, 4.0, 6.0]})
LINES = [
    figure("time by size", name, "us", [1.0, 2.0], at) for at in (10, 1000) for name in ("ours", "other")
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

    assert {"How fast is it?", "It means this.", "on a machine"} <= set(said.splitlines())
    assert "  tread_async  2 us (quartiles 1 to 3)" in said
    assert "  by hand      4 us (quartiles 2 to 6)" in said
    assert "goal: the ratio: 0.5; at most 0.4: NOT REACHED" in said
    assert "not installed: other (httpx).\nGoals that need those were not measured." in said
    assert "pip install -e '.[bench]'" in said


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(1, "requests", "1 request"), (2, "requests", "2 requests"), (1, "us", "1 us"), (1, "s", "1 s")],
)
def test_one_is_no_plural(value: float, unit: str, shown: str) -> None:
    said = text(answered(figures=(figure("it", "who", unit, [value]),)))

    assert said.endswith(f"\n  who  {shown}")


def test_quartiles_that_look_the_same_are_not_shown() -> None:
    assert "quartiles" not in text(answered(figures=(figure("it", "who", "MB", [26.0, 26.01, 26.02]),)))


def test_a_page_has_a_row_for_what_was_measured_and_a_column_for_each_contender() -> None:
    """As long as the contenders are the same; a size has a row of its own."""
    alone = figures("memory", "MB", {"tread_async": [7.0]})

    rows = [line for line in markdown(answered(figures=(*BARS, *alone, *LINES))).splitlines() if "|" in line]

    assert rows == [
        *("| median (quartiles) | tread_async | by hand |", "| --- | ---: | ---: |"),
        "| time (us) | 2<br>(1 to 3) | 4<br>(2 to 6) |",
        *("| median (quartiles) | tread_async |", "| --- | ---: |", "| memory (MB) | 7 |"),
        *("| median (quartiles) | ours | other |", "| --- | ---: | ---: |"),
        *(
            f"| time by size (us), {at} | 1.5<br>(0.75 to 2.25) | 1.5<br>(0.75 to 2.25) |"
            for at in ("10", "1,000")
        ),
    ]


def test_the_page_names_what_was_not_reached_and_who_was_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it is written from can be read again."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    (tmp_path / "old.svg").write_text("a chart of a run before")
    goals = (goal("the ratio", [0.5], at_most=0.4), goal("the rate", [7.0], at_least=7))

    results.write([answered(goals=goals, skipped=("other (httpx)",), notes=("one more thing",))])

    lines = (tmp_path / "latest.md").read_text().splitlines()
    assert "| the ratio | 0.5 | at most 0.4 | **not reached** |" in lines
    assert "| the rate | 7 | at least 7 | reached |" in lines
    assert "| the ratio | 0.5 |  | at most 0.4: NOT REACHED |" in lines
    assert "Not measured, nor goals that need them: other (httpx)." in lines
    assert {"## How fast is it?", "- one more thing"} <= set(lines)
    assert any(f"tread_async {__version__}, aiohttp" in line for line in lines)
    assert not (tmp_path / "old.svg").exists()
    assert results.read().answers[0].found.goals == goals
    machine = json.loads((tmp_path / "latest.json").read_bytes())["machine"]
    assert machine["cores"] > 0
    assert machine["packages"] == measuring.packages()


def test_before_all_is_measured_it_is_said_where_it_goes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that there will be no charts, where there will be none."""
    monkeypatch.setattr(charts, "can_draw", lambda: False)

    results.announce()

    said = capsys.readouterr().err
    assert str(results.FOLDER) in said
    assert "no charts: matplotlib is not installed; pip install -e '.[bench]'" in said


def test_who_is_measured_is_named_with_a_version() -> None:
    needed = {
        name.replace("taas_api", "taas-api-client") for kind in KINDS.values() for name in kind.packages
    }

    assert needed <= {*measuring.PACKAGES}
    assert measuring.packages()["tread_async"] == __version__
    assert ("httpx" in measuring.packages()) is (importlib.util.find_spec("httpx") is not None)


async def test_who_is_not_installed_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "made up", Kind("no_module", ("json", "no_such_package"), "nothing"))

    assert contending.missing(["made up", "tread_async"]) == {"made up": "no_such_package"}
    async with contending.contenders(["made up"], "no url") as found:
        assert found == {}


def test_only_who_can_run_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what another loop is, once, where one of those on it can run."""
    monkeypatch.setitem(KINDS, "made up", Kind("no_module", ("no_such_package",), "nothing"))
    monkeypatch.setitem(KINDS, "here", Kind("no_module", (), "something"))

    assert legend(["made up", "here", "made up on uvloop"]) == ("here: something",)
    if importlib.util.find_spec("uvloop") is not None:
        first, *others = legend(["here", "here on uvloop"])
        assert first == "here: something"
        assert [line.partition(":")[0] for line in others] == ["... on uvloop"]


def test_charts_are_drawn_of_bars_and_lines(tmp_path: Path) -> None:
    """A file for the answer, with every contender and size in it; none without figures."""
    pytest.importorskip("matplotlib")

    assert charts.drawn(answered(), tmp_path) == []
    assert charts.drawn(answered(figures=(*BARS, *LINES)), tmp_path) == ["speed.svg"]

    drawn = (tmp_path / "speed.svg").read_text()
    assert all(
        said in drawn for said in ("time (us)", "time by size (us)", "tread_async", "by hand", "other")
    )


def test_our_bars_are_blue_and_large_differences_are_on_a_logarithmic_scale(tmp_path: Path) -> None:
    """A panel without a bar does not stretch to a figure that nobody measured."""
    pytest.importorskip("matplotlib")

    def chart(medians: dict[str, float]) -> str:
        shown = figures("it", "us", {name: [one] for name, one in medians.items()})
        charts.drawn(answered(figures=tuple(shown)), tmp_path)
        return (tmp_path / "speed.svg").read_text()

    assert charts.OURS in chart({"import tread_async": 1})
    assert charts.OURS not in chart({"others in threads": 1})
    assert "logarithmic scale" in chart({"a": 1, "b": 10.1})
    assert "logarithmic scale" not in chart({"a": 1, "b": 10})
    assert "logarithmic scale" not in chart({"a": 0, "b": 10})
    assert ">1.0</text>" in chart({"a": 1})
    assert ">1.0</text>" not in chart({"a": 0})


@pytest.mark.parametrize("asked", [[], ["--help"]])
def test_all_questions_are_listed(asked: list[str]) -> None:
    listed = subprocess.run([*COMMAND, *asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for name, module in {**questions.QUESTIONS, **questions.PROOFS}.items():
        assert f"  {name:14} {(module.__doc__ or '').splitlines()[0]}" in listed.splitlines()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["nosuch"], "no question is called 'nosuch'; there are all, calls, decode, "),
        (["--requests", "0", "soak"], "at least 2,000, got '0'"),
        (["--requests", "many", "soak"], "at least 2,000, got 'many'"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: list[str], said: str) -> None:
    refused = subprocess.run([*COMMAND, *asked], cwd=ROOT, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert said in refused.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_who_interrupts_is_told_in_a_line() -> None:
    """In the middle of it, with a server that has to be ended."""
    command = [sys.executable, "-u", *COMMAND[1:], "--requests", "2000", "soak"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        conditions, progress = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.stderr.read() == "interrupted\n"
    assert "2,000 requests by" in conditions
    assert " requests: " in progress
    assert process.returncode == 128 + signal.SIGINT


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_who_stops_reading_is_told_nothing() -> None:
    read, write = os.pipe()
    os.close(read)

    ended = subprocess.run(COMMAND, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)

    assert ended.stderr == b""
    assert ended.returncode == 128 + signal.SIGPIPE
