"""Whether answers have the fields that the library knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tread_async.cli.doctor.drift import Drift, Kind, drifts, kinds, seen
from tread_async.cli.doctor.findings import Finding, Verdict, not_checked
from tread_async.cli.doctor.patient import Answer
from tread_async.models import Account, Asset, CachedAsset

__all__ = ["known"]

_MOST_SHOWN: Final = 10
_ROWS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "accounts": Account,
    "balances": Asset,
    "cached_balances": CachedAsset,
}
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
    objects: Counter[type[msgspec.Struct]] = Counter()
    for answer in answers:
        found = drifts(endpoint, answer.json) | found
        objects += seen(endpoint, answer.json)
    counted = Counter(drift.kind for drift in found.values())
    if not found and not objects[_ROWS[endpoint]]:
        return not_checked(check, _of_kinds(endpoint, objects))
    if not found:
        said = f"all are known, and none is missing; {_of_kinds(endpoint, objects)}"
        return Finding(check=check, verdict=Verdict.OK, said=said)
    counts = f"{counted[Kind.UNKNOWN]} unknown, {counted[Kind.MISSING]} missing"
    return Finding(
        check=check,
        verdict=Verdict.WARNING,
        said=f"{counts}; {_of_kinds(endpoint, objects)}",
        details=tuple(_shown(found)),
        todo=_TODO,
        figures={f"{kind}_fields": counted[kind] for kind in Kind},
    )


def _of_kinds(endpoint: str, objects: Counter[type[msgspec.Struct]]) -> str:
    """Which kinds of object were there, and which not."""
    there = [f"{objects[kind]} {kind.__name__}" for kind in kinds(endpoint) if objects[kind]]
    lacking = [f"no {kind.__name__} was there to look at" for kind in kinds(endpoint) if not objects[kind]]
    return ", ".join(([f"looked at {', '.join(there)}"] if there else []) + lacking)


def _shown(found: Mapping[str, Drift]) -> list[str]:
    shown = [f"{name}, as at {drift.path}" for name, drift in sorted(found.items())]
    if (more := len(shown) - _MOST_SHOWN) > 0:
        shown[_MOST_SHOWN:] = [f"and {more} more"]
    return shown
