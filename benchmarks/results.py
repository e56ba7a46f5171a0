"""What ``all`` leaves behind: one JSON document, one Markdown page, and charts."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import charts
from benchmarks.answers import Answer
from benchmarks.measuring import packages
from benchmarks.showing import INSTALLS, markdown, number

__all__ = ["Machine", "Results", "announce", "read", "write"]

FOLDER: Final = Path(__file__).parent / "results"


class Machine(msgspec.Struct, frozen=True):
    """What it was measured on."""

    system: str
    processor: str
    cores: int
    python: str
    packages: dict[str, str] = {}  # results from before they were noted have none


class Results(msgspec.Struct, frozen=True):
    """All answers of one run."""

    taken_on: str
    machine: Machine
    answers: tuple[Answer, ...]


def announce() -> None:
    """Says where `write` will write, and what it will not."""
    print(
        f"in place of what is there, this writes latest.json, latest.md and charts to {FOLDER}",
        file=sys.stderr,
    )
    if not charts.can_draw():
        print(f"no charts: matplotlib is not installed; {INSTALLS}", file=sys.stderr)


def write(answers: Sequence[Answer]) -> None:
    """Writes the files anew. Charts of a run before go, since they would show other figures."""
    FOLDER.mkdir(exist_ok=True)
    results = Results(datetime.now(UTC).date().isoformat(), _machine(), tuple(answers))
    text = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (FOLDER / "latest.json").write_bytes(text + b"\n")
    for chart in FOLDER.glob("*.svg"):
        chart.unlink()
    drawn = {answer.name: charts.drawn(answer, FOLDER) for answer in answers}
    (FOLDER / "latest.md").write_text(_page(results, drawn))
    print(f"written: {FOLDER}")


def read() -> Results:
    """What was written last."""
    return msgspec.json.decode((FOLDER / "latest.json").read_bytes(), type=Results)


def _page(results: Results, drawn: dict[str, list[str]]) -> str:
    machine = results.machine
    versions = "".join(f", {name} {version}" for name, version in machine.packages.items())
    lines = [
        "# What it costs, side by side",
        "",
        f"Measured on {results.taken_on} by `python -m benchmarks all` on {machine.cores} cores of"
        f" {machine.processor}, {machine.system}, with Python {machine.python}{versions}.",
        "Medians over rounds in which contenders take turns, with quartiles where they differ.",
        "",
        "The machine has to be quiet: on a busy one holds take longer in wall time, and their goals are not",
        "reached. What is one thing *over* another is a ratio, so that 0.5 is half of it. Why goals are",
        "missed is in [missed.md](../missed.md), with profiles.",
        "",
        "| goal | found | to reach | |",
        "| --- | ---: | --- | --- |",
    ]
    for answer in results.answers:
        for goal in answer.found.goals:
            said = "reached" if goal.reached else "**not reached**"
            lines.append(f"| {goal.what} | {number(goal.median)} | {goal.bound} | {said} |")
    if lacking := {one for answer in results.answers for one in answer.found.skipped}:
        lines += ["", f"Not measured, nor goals that need them: {'; '.join(sorted(lacking))}."]
    for answer in results.answers:
        lines += ["", markdown(answer), *[f"![{answer.question}]({name})" for name in drawn[answer.name]]]
    return "\n".join(lines).rstrip() + "\n"


def _machine() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        packages=packages(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "an unknown processor"
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
