"""What a question was answered: figures of contenders, and goals that were reached or not."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

__all__ = ["Answer", "Figure", "Found", "Goal", "figure", "figures", "goal", "percentile", "share", "spread"]

Name = TypeVar("Name")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one contender: the quartiles over the rounds, at a size where *at* names one."""

    what: str
    contender: str
    unit: str
    low: float
    median: float
    high: float
    at: float | None = None


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that has a bound; its median decides."""

    what: str
    low: float
    median: float
    high: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words."""
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"

    @property
    def reached(self) -> bool:
        """Whether the median is within the bound."""
        if self.at_most is not None:
            return self.median <= self.at_most
        return self.at_least is not None and self.median >= self.at_least


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a question found. *skipped* names contenders that are not installed."""

    conditions: str
    figures: tuple[Figure, ...]
    goals: tuple[Goal, ...] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A question, what was found, and what the figures mean and do not mean."""

    name: str
    question: str
    meaning: str
    found: Found


def figure(what: str, contender: str, unit: str, values: Sequence[float], at: float | None = None) -> Figure:
    """The quartiles of *values*."""
    low, median, high = spread(values)
    return Figure(what=what, contender=contender, unit=unit, low=low, median=median, high=high, at=at)


def figures(what: str, unit: str, taken: Mapping[str, Sequence[float]]) -> list[Figure]:
    """One figure for each contender."""
    return [figure(what, contender, unit, values) for contender, values in taken.items()]


def goal(
    what: str, values: Sequence[float], *, at_most: float | None = None, at_least: float | None = None
) -> Goal:
    """The quartiles of *values*, whose median must be within one of the bounds."""
    low, median, high = spread(values)
    return Goal(what=what, low=low, median=median, high=high, at_most=at_most, at_least=at_least)


def share(taken: Mapping[Name, Sequence[float]], name: Name, base: Name) -> list[float]:
    """*name* over *base*, round by round."""
    return [a / b for a, b in zip(taken[name], taken[base], strict=True)]


def percentile(values: Sequence[float], part: float) -> float:
    """The value under which *part* of *values* lie."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The quartiles: lower, median, upper. A single value is all three."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4)
    return low, middle, high
