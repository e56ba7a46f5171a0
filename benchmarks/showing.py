"""Answers as text, for a terminal and for a Markdown page."""

from __future__ import annotations

from itertools import groupby

from benchmarks.answers import Answer, Figure, Goal

__all__ = ["markdown", "number", "text"]

_UNREACHED = "NOT REACHED"


def text(answer: Answer) -> str:
    """For a terminal."""
    found = answer.found
    lines = [answer.question, found.conditions]
    for what, group in groupby(found.figures, lambda one: one.what):
        lines += ["", what]
        for one in group:
            lines.append(f"  {_contender(one):42} {_value(one)}{_in_words(one)}")
    if found.goals:
        lines.append("")
    for wanted in found.goals:
        lines.append(f"{wanted.what}: {number(wanted.median)}{_in_words(wanted)}; {_verdict(wanted)}")
    lines += [f"skipped, not installed: {name}" for name in found.skipped]
    lines += found.notes
    return "\n".join(lines)


def markdown(answer: Answer) -> str:
    """A section of a page."""
    found = answer.found
    lines = [f"## {answer.question}", "", answer.meaning, "", found.conditions, ""]
    if found.figures:
        lines += ["| measured | contender | median | quartiles |", "| --- | --- | ---: | --- |"]
    for one in found.figures:
        lines.append(f"| {one.what} | {_contender(one)} | {_value(one)} | {_quartiles(one)} |")
    if found.goals:
        lines += ["", "| goal | found | quartiles | to reach |", "| --- | ---: | --- | --- |"]
    for wanted in found.goals:
        lines.append(
            f"| {wanted.what} | {number(wanted.median)} | {_quartiles(wanted)} | {_verdict(wanted)} |"
        )
    notes = [*(f"Skipped, not installed: {name}." for name in found.skipped), *found.notes]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]).rstrip() + "\n"


def number(value: float) -> str:
    """Three digits that count, and no more than are there."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _contender(one: Figure) -> str:
    return one.contender if one.at is None else f"{one.contender}, {one.at:,.0f}"


def _value(one: Figure) -> str:
    return f"{number(one.median)} {one.unit}"


def _in_words(one: Figure | Goal) -> str:
    return f" (quartiles {_quartiles(one)})" if _quartiles(one) else ""


def _quartiles(one: Figure | Goal) -> str:
    """Nothing where there was but one value."""
    return "" if one.low == one.high else f"{number(one.low)} to {number(one.high)}"


def _verdict(wanted: Goal) -> str:
    return f"{wanted.bound}: {'reached' if wanted.reached else _UNREACHED}"
