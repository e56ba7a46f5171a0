"""Nothing is written to the server before somebody has said yes: at the terminal, or with ``--yes``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TextIO

from tread_async._codec.redaction import sanitised
from tread_async.cli.background import in_background
from tread_async.cli.streams import tell
from tread_async.errors import UsageError

__all__ = ["Consent", "is_attended", "nothing_sent"]

_LONGEST_ANSWER: Final = 1024


def is_attended() -> bool:
    """Whether there is a terminal on which somebody could be asked, and would see the question."""
    return _is_terminal(sys.stdin) and (_is_terminal(sys.stderr) or _is_terminal(sys.stdout))


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


@contextlib.contextmanager
def nothing_sent() -> Iterator[None]:
    """Whoever interrupts what comes before a write is told that there was none."""
    try:
        yield
    except (asyncio.CancelledError, KeyboardInterrupt):
        tell("\nNothing was sent.")
        raise


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
        asks = not (self.yes or self.dry_run)
        # Who has sent the words elsewhere still has to see what they agree to.
        screen = sys.stdout if asks and not _is_terminal(sys.stderr) else sys.stderr
        for sentence in (intent, *left_out):
            tell(sanitised(sentence), on=screen)
        if self.dry_run:
            tell("This is a dry run: no write was sent.")
            return False
        if self.yes or await _agreed(screen):
            return True
        tell("Nothing was sent.", on=screen)
        return False


async def _agreed(screen: TextIO) -> bool:
    _forget_typed()
    tell("Go on? [y/N] ", end="", on=screen)
    descriptor = sys.stdin.fileno()
    answer = await in_background(lambda: os.read(descriptor, _LONGEST_ANSWER))
    return answer.decode(errors="replace").strip().casefold() in ("y", "yes")


def _forget_typed() -> None:
    """What was typed before the question is no answer to it."""
    with contextlib.suppress(ImportError):  # Windows has no termios
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
