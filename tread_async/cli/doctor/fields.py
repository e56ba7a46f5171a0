"""Whether answers have the fields that the library knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from tread_async.cli.doctor.drift import Drift, Kind, drifts
from tread_async.cli.doctor.findings import Finding, Verdict, not_checked
from tread_async.cli.doctor.patient import Answer

__all__ = ["known"]

_MOST_SHOWN: Final = 10
_TODO: Final = (
    "the API has changed: look for a newer tread-async. A field that is unknown is left out and does no "
    "harm; where one is missing it is `None`, or its account does not decode"
)


def known(endpoint: str, answers: Sequence[Answer]) -> Finding:
    """What differs in all *answers* of *endpoint*, each field once."""
    check = f"fields {endpoint}"
    if not answers:
        return not_checked(check, "there was no answer to look at")
    found: dict[str, Drift] = {}
    for answer in answers:
        found = drifts(endpoint, answer.json) | found
    counted = Counter(drift.kind for drift in found.values())
    if not found:
        return Finding(check=check, verdict=Verdict.OK, said="all are known, and none is missing")
    return Finding(
        check=check,
        verdict=Verdict.WARNING,
        said=f"{counted[Kind.UNKNOWN]} unknown, {counted[Kind.MISSING]} missing",
        details=tuple(_shown(found)),
        todo=_TODO,
        figures={f"{kind}_fields": counted[kind] for kind in Kind},
    )


def _shown(found: Mapping[str, Drift]) -> list[str]:
    shown = [f"{name}, as at {drift.path}" for name, drift in sorted(found.items())]
    if (more := len(shown) - _MOST_SHOWN) > 0:
        shown[_MOST_SHOWN:] = [f"and {more} more"]
    return shown
