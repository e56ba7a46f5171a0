"""What ``all`` leaves behind: one JSON document, one Markdown page, and charts."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import charts
from benchmarks.answers import Answer
from benchmarks.showing import markdown

__all__ = ["Machine", "Results", "read", "write"]

FOLDER: Final = Path(__file__).parent / "results"


class Machine(msgspec.Struct, frozen=True):
    """What it was measured on."""

    system: str
    processor: str
    cores: int
    python: str


class Results(msgspec.Struct, frozen=True):
    """All answers of one run."""

    taken_on: str
    machine: Machine
    answers: tuple[Answer, ...]


def write(answers: Sequence[Answer]) -> None:
    """Writes the files anew."""
    FOLDER.mkdir(exist_ok=True)
    results = Results(datetime.now(UTC).date().isoformat(), _machine(), tuple(answers))
    text = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (FOLDER / "latest.json").write_bytes(text + b"\n")
    drawn = {answer.name: charts.drawn(answer, FOLDER) for answer in answers}
    (FOLDER / "latest.md").write_text(_page(results, drawn))
    print(f"written: {FOLDER}")


def read() -> Results:
    """What was written last."""
    return msgspec.json.decode((FOLDER / "latest.json").read_bytes(), type=Results)


def _page(results: Results, drawn: dict[str, list[str]]) -> str:
    machine = results.machine
    lines = [
        "# What it costs, side by side",
        "",
        f"Measured on {results.taken_on} by `python -m benchmarks all` on {machine.cores} cores of"
        f" {machine.processor}, {machine.system}, Python {machine.python}.",
        "Medians over rounds in which contenders take turns, with quartiles.",
        "",
        "| goal | found | to reach | |",
        "| --- | ---: | --- | --- |",
    ]
    for answer in results.answers:
        for goal in answer.found.goals:
            said = "reached" if goal.reached else "**not reached**"
            lines.append(f"| {goal.what} | {goal.median:.3g} | {goal.bound} | {said} |")
    for answer in results.answers:
        lines += ["", markdown(answer), *[f"![{answer.question}]({name})" for name in drawn[answer.name]]]
    return "\n".join(lines).rstrip() + "\n"


def _machine() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "an unknown processor"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
