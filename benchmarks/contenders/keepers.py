"""Ways to keep the balances of a fleet; each has the job ``grown``."""

from __future__ import annotations

from typing import Final

from benchmarks.contenders.kind import Kind

__all__ = [
    "AGAIN",
    "DICTS",
    "KEEPERS",
    "MODELS",
    "SNAPSHOT",
    "STRUCTS",
]

SNAPSHOT: Final = "tread_async Snapshot"
AGAIN: Final = "tread_async, reading again"
DICTS: Final = "json.loads, dicts"
STRUCTS: Final = "msgspec, structs"
MODELS: Final = "pydantic, models"

_READS: Final = 10

KEEPERS: Final = {
    SNAPSHOT: Kind(
        "keeping",
        (),
        "checked structs with Decimal amounts, an outcome for each account",
        {"kept": "snapshot"},
    ),
    AGAIN: Kind(
        "keeping",
        (),
        f"the newest of {_READS} snapshots of one manager, and what it remembers: the text of each account,"
        " so that only what has changed is decoded",
        {"kept": "snapshot", "reads": _READS},
    ),
    DICTS: Kind("keeping", (), "dicts as sent, amounts are floats or text", {"kept": "dicts"}),
    STRUCTS: Kind("keeping", (), "our structs with Decimal amounts, unchecked", {"kept": "structs"}),
    MODELS: Kind("keeping", ("pydantic", "httpx"), "models with Decimal amounts", {"kept": "models"}),
}
