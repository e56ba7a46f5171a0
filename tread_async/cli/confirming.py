"""Nothing is written to the server before somebody has said yes: at the terminal, or with ``--yes``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

from tread_async._codec.redaction import sanitised
from tread_async.cli.background import in_background
from tread_async.errors import UsageError

__all__ = ["Consent", "is_attended"]

_LONGEST_ANSWER: Final = 1024


def is_attended() -> bool:
    """Whether there is a terminal on which somebody could be asked, and would see the question."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


class Consent(NamedTuple):
    """What ``--yes`` and ``--dry-run`` say about a write."""

    yes: bool = False
    dry_run: bool = False

    def check(self) -> None:
        """Raises `UsageError` where nobody could be asked, before anything is sent."""
        if not (self.yes or self.dry_run or is_attended()):
            raise UsageError("nobody can confirm this without a terminal; say --yes; nothing was sent")

    async def given(self, intent: str, left_out: Iterable[str] = ()) -> bool:
        """Says on stderr what is to be done, and whether it may be; never with ``--dry-run``.

        Args:
            left_out: A sentence for each token of whose accounts nothing is known.
        """
        for sentence in (intent, *left_out):
            print(sanitised(sentence), file=sys.stderr)  # noqa: T201
        if self.dry_run:
            print("This is a dry run: no write was sent.", file=sys.stderr)  # noqa: T201
            return False
        if self.yes or await _agreed():
            return True
        print("Nothing was sent.", file=sys.stderr)  # noqa: T201
        return False


async def _agreed() -> bool:
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    descriptor = sys.stdin.fileno()
    try:
        answer = await in_background(lambda: os.read(descriptor, _LONGEST_ANSWER))
    except asyncio.CancelledError:
        print("\nNothing was sent.", file=sys.stderr)  # noqa: T201
        raise
    return answer.decode(errors="replace").strip().casefold() in ("y", "yes")
