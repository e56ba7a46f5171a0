"""What could not be read, in words on stderr: standard output may be a file, and its form for machines."""

from __future__ import annotations

from collections.abc import Mapping

from tread_async.cli.ending import STALE
from tread_async.cli.streams import say
from tread_async.cli.watch_notes import troubles_of
from tread_async.cli.words import cause
from tread_async.errors import TreadError
from tread_async.outcomes import Snapshot

__all__ = ["say_of_snapshot", "say_unlisted"]


def say_unlisted(command: str, unlisted: Mapping[str, TreadError]) -> None:
    """A line for each token whose accounts could not be listed."""
    for name, error in unlisted.items():
        say(command, f"{name} could not be listed: {cause(error)}: {error.message}")


def say_of_snapshot(command: str, snapshot: Snapshot, code: int) -> None:
    """What makes it incomplete, and how many accounts; nothing where *code* says that it is complete."""
    if not code:
        return
    for trouble in troubles_of(snapshot):
        say(command, trouble)
    unread = [f"{count} {name}" for name, count in snapshot.counts.items() if count and name != "ok"]
    if unread:
        how = "stale" if code == STALE else "partial"
        say(command, f"{how}: {', '.join(unread)} of {len(snapshot.outcomes)}")
