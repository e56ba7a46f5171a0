"""Answers as text, for a terminal and for a Markdown page."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from benchmarks.answers import Answer, Figure, Found, Goal

__all__ = ["INSTALLS", "markdown", "number", "spreads", "text", "titled"]

INSTALLS: Final = "pip install -e '.[bench]'"
_UNREACHED = "NOT REACHED"


def text(answer: Answer) -> str:
    """For a terminal."""
    found = answer.found
    lines = [answer.question, "", answer.meaning, "", found.conditions]
    width = max((len(_contender(one)) for one in found.figures), default=0)
    for what, group in groupby(found.figures, lambda one: one.what):
        lines += ["", what]
        lines += [f"  {_contender(one):{width}}  {_value(one)}{_in_words(one)}" for one in group]
    if found.goals:
        lines.append("")
    for wanted in found.goals:
        lines.append(f"goal: {wanted.what}: {number(wanted.median)}{_in_words(wanted)}; {_verdict(wanted)}")
    if notes := [*_absences(found), *found.notes]:
        lines += ["", *notes]
    return "\n".join(lines)


def markdown(answer: Answer) -> str:
    """A section of a page: a row for what was measured, a column for each contender."""
    found = answer.found
    lines = [f"## {answer.question}", "", answer.meaning, "", _own(found.conditions)]
    rows = [list(row) for _, row in groupby(found.figures, lambda one: (one.what, one.at))]
    for names, group in groupby(rows, lambda row: [one.contender for one in row]):
        lines += ["", f"| median (quartiles) | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
        lines += [f"| {_row(row[0])} | {' | '.join(map(_cell, row))} |" for row in group]
    if found.goals:
        lines += ["", "| goal | found | quartiles | to reach |", "| --- | ---: | --- | --- |"]
    for wanted in found.goals:
        lines.append(
            f"| {wanted.what} | {number(wanted.median)} | {_quartiles(wanted)} | {_verdict(wanted)} |"
        )
    if notes := [*_absences(found), *found.notes]:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Three digits that count, and no more than are there."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def titled(one: Figure) -> str:
    """What was measured, and in which unit."""
    return one.what if one.unit in one.what.split() else f"{one.what} ({one.unit})"


def spreads(one: Figure | Goal) -> bool:
    """Whether the quartiles differ in the digits that are shown."""
    return number(one.low) != number(one.high)


def _absences(found: Found) -> list[str]:
    """Who is missing, what that leaves open, and how to have them."""
    if not found.skipped:
        return []
    return [
        f"Skipped, each with the package that is not installed: {'; '.join(found.skipped)}.",
        f"Goals that need those were not measured. `{INSTALLS}` installs the packages.",
    ]


def _own(conditions: str) -> str:
    """Without the machine, which stands before the first semicolon, and at the head of the page."""
    own = conditions.partition("; ")[2] or conditions
    return own[:1].upper() + own[1:]


def _contender(one: Figure) -> str:
    return one.contender if one.at is None else f"{one.contender}, {one.at:,.0f}"


def _row(one: Figure) -> str:
    return titled(one) if one.at is None else f"{titled(one)}, {one.at:,.0f}"


def _cell(one: Figure) -> str:
    return f"{number(one.median)}<br>({_quartiles(one)})" if spreads(one) else number(one.median)


def _value(one: Figure) -> str:
    """A unit of one letter or two is no plural."""
    shown = number(one.median)
    return f"{shown} {one.unit.removesuffix('s') if shown == '1' and len(one.unit) > 2 else one.unit}"


def _in_words(one: Figure | Goal) -> str:
    return f" (quartiles {_quartiles(one)})" if spreads(one) else ""


def _quartiles(one: Figure | Goal) -> str:
    return f"{number(one.low)} to {number(one.high)}" if spreads(one) else ""


def _verdict(wanted: Goal) -> str:
    return f"{wanted.bound}: {'reached' if wanted.reached else _UNREACHED}"
