"""Ways to follow the balances of a fleet; each has the job ``rounds``, or is left with ``leave``."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.contenders.kind import Kind

__all__ = [
    "BUSY",
    "BUSY_FORGETFUL",
    "FORGETFUL",
    "LEAVING_HALF",
    "LEAVING_SILENT",
    "LOOP",
    "MANY_READERS",
    "STILL",
    "WATCH",
    "WATCHERS",
]

WATCH: Final = "tread_async watch"
FORGETFUL: Final = "watch without its memory"
LOOP: Final = "balances in a loop"
STILL: Final = "tread_async watch, stamps stand still"
MANY_READERS: Final = "tread_async watch, 100 readers"
BUSY: Final = "tread_async watch, busy"
BUSY_FORGETFUL: Final = "busy watch without its memory"
LEAVING_SILENT: Final = "tread_async, nothing has come"
LEAVING_HALF: Final = "tread_async, half of it has come"

_QUIET: Final[dict[str, Any]] = {"kind": "quiet", "tokens": 10}
_BUSY: Final[dict[str, Any]] = {"kind": "busy", "tokens": 2}

WATCHERS: Final = {
    WATCH: Kind("watching", (), "one account in a hundred is priced anew each time", _QUIET),
    FORGETFUL: Kind(
        "watching", (), "decodes every account, and else does the same", {**_QUIET, "memory": False}
    ),
    LOOP: Kind(
        "looping",
        (),
        "reads all without a pause, remembers too, and compares each snapshot with the one before",
        _QUIET,
    ),
    STILL: Kind("watching", (), "the time stamps do not move", {**_QUIET, "kind": "stamps stand"}),
    MANY_READERS: Kind(
        "watching", (), "half read 50 accounts each, half all with changes_only", {**_QUIET, "readers": 100}
    ),
    BUSY: Kind(
        "watching", (), "all accounts are priced anew each time, so that a memory is of no use", _BUSY
    ),
    BUSY_FORGETFUL: Kind("watching", (), "the same, and decodes every account", {**_BUSY, "memory": False}),
    LEAVING_SILENT: Kind("watching", (), "left while the server is silent", {"kind": "silent", "tokens": 4}),
    LEAVING_HALF: Kind("watching", (), "left in the middle of an answer", {"kind": "half", "tokens": 4}),
}
