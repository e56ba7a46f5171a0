"""How a command ends: the exit codes, and signals."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, Final

from tread_async.errors import AuthError, NotSentError, RateLimitedError, TreadError, UsageError
from tread_async.outcomes import Failed, Snapshot

__all__ = ["code_of", "code_of_snapshot", "until_signal"]

_OTHER: Final = 1
_PARTIAL: Final = 3
_STALE: Final = 4
_LIMITED: Final = 6
_CODES: Final = ((UsageError, 2), (AuthError, 5), (RateLimitedError, _LIMITED))


def code_of(error: TreadError) -> int:
    """2 for usage, 5 for a token that is refused, 6 for too many requests, 1 for anything else."""
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
    return _STALE if only_ages and not loose_ends else _PARTIAL


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
        return await task
    except asyncio.CancelledError:
        if not caught:
            raise
        return 128 + caught[0]
