"""How a command ends: the exit codes, what is said of errors, and signals."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Final

from tread_async.cli.streams import NOBODY_READS, OutputError, say, unwritten
from tread_async.cli.words import has_it
from tread_async.errors import (
    AuthError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    TreadError,
    UsageError,
)
from tread_async.outcomes import Failed, Snapshot
from tread_async.reports import NotApplied, Unknown, WriteOutcome

__all__ = [
    "INTERRUPTED",
    "PARTIAL",
    "STALE",
    "code_of",
    "code_of_snapshot",
    "code_of_writes",
    "ended",
    "failed",
    "reported",
    "until_signal",
]

_OTHER: Final = 1
PARTIAL: Final = 3
STALE: Final = 4
_LIMITED: Final = 6
_UNKNOWN: Final = 7
INTERRUPTED: Final = 128 + signal.SIGINT
_CODES: Final = (
    (UsageError, 2),
    (AuthError, 5),
    (RateLimitedError, _LIMITED),
    (OutcomeUnknownError, _UNKNOWN),
)


def code_of(error: TreadError) -> int:
    """2 for usage, 5 for a token that is refused, 6 for too many requests, 7 for a write of which it is not
    known whether it was applied, 1 for anything else.
    """
    if isinstance(error, NotSentError) and error.retry_after_s is not None:  # what is left of a 429's wait
        return _LIMITED
    return next((code for kind, code in _CODES if isinstance(error, kind)), _OTHER)


def code_of_snapshot(snapshot: Snapshot) -> int:
    """0 for a complete one, 4 where only ages are wrong, else 3; where nothing was read, by `code_of`."""
    if snapshot.complete:
        return 0
    counts = snapshot.counts
    failed = [outcome.error for outcome in snapshot.outcomes.values() if isinstance(outcome, Failed)]
    codes = {code_of(error) for error in (*failed, *snapshot.unlisted.values())}
    if not counts["ok"] and not counts["stale"] and len(codes) == 1:
        return codes.pop()
    only_ages = counts["ok"] + counts["stale"] == len(snapshot.outcomes)
    loose_ends = snapshot.unlisted or snapshot.errors or (snapshot.of_all and snapshot.unexpected)
    return STALE if only_ages and not loose_ends else PARTIAL


def code_of_writes(outcomes: Iterable[WriteOutcome], unlisted: Mapping[str, TreadError]) -> int:
    """0 where every account has the value, 7 where one is unknown, else 3; where none has it, by `code_of`.

    One that was refused, and has the value all the same as reading back shows, is as was wanted.
    """
    outcomes = list(outcomes)
    if any(isinstance(outcome, Unknown) for outcome in outcomes):
        return _UNKNOWN
    failed = [one.error for one in outcomes if isinstance(one, NotApplied) and not has_it(one)]
    codes = {code_of(error) for error in (*failed, *unlisted.values())}
    if len(failed) == len(outcomes) and len(codes) == 1:
        return codes.pop()
    return PARTIAL if codes else 0


async def ended(command: str, work: Coroutine[Any, Any, int]) -> int:
    """The exit code with which *command* ends: what *work* returns, or that of its error.

    An error is a sentence on stderr. The code is ``128 + SIGPIPE`` where whoever read standard output is
    gone, and 128 and the signal's number after SIGINT or SIGTERM.
    """
    return await until_signal(_worded(command, work))


def failed(command: str, error: TreadError) -> int:
    """Says *error*, and returns its exit code."""
    say(command, str(error))
    return code_of(error)


async def reported(command: str, showing: Coroutine[Any, Any, None], came_to: str, code: int) -> int:
    """The exit code *code* after *showing* what a write *came_to*.

    Where that cannot be shown stderr says it in few words, and the code is never that of success.
    """
    try:
        await showing
    except OutputError as error:
        say(command, f"{came_to}; the report could not be written: {error.why}")
        return NOBODY_READS if error.code == NOBODY_READS else code or error.code
    return code


async def _worded(command: str, work: Coroutine[Any, Any, int]) -> int:
    try:
        return await work
    except TreadError as error:
        return failed(command, error)
    except OutputError as error:
        return unwritten(command, error)
    except OSError as error:
        say(command, f"it failed: {error.strerror or error}")
        return _OTHER


async def until_signal(work: Coroutine[Any, Any, int]) -> int:
    """The exit code that *work* returns. SIGINT or SIGTERM cancels it; then 128 and the signal's number.

    That is how shells write it, so that a loop in a script ends with the Ctrl-C that ends its command.
    """
    task = asyncio.ensure_future(work)
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        code = await task
    except asyncio.CancelledError:
        if not caught:
            raise
        return 128 + caught[0]
    return 128 + caught[0] if caught else code  # a write, say, ends in order
