"""A circuit breaker: nothing is sent for a while to a server that has stopped answering. Off by default.

It opens after five failures in a row, or when at least half of ten or more attempts within thirty seconds
failed. It stays open for five seconds, and twice as long each time it opens again, up to a minute; then one
attempt, and only one, finds out whether the server is back.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from tread_async._codec.replies import Reply
from tread_async.errors import ClientClosedError, NotSentError, TransportError

__all__ = ["Breaker"]

_IN_A_ROW: Final = 5
_SHARE: Final = 0.5
_FEWEST: Final = 10
_WINDOW_S: Final = 30.0
_OPEN_S: Final = 5.0
_LONGEST_OPEN_S: Final = 60.0
_SPREAD: Final = 0.2


class Breaker:
    """What is known of one server. *clock* is in seconds; *chance* is drawn from 0 to 1."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._ended: deque[tuple[float, bool]] = deque()  # when an attempt ended, and whether it failed
        self._failures = 0  # among those
        self._in_a_row = 0
        self._opened = 0  # times in a row, without an answer between
        self._open_until = 0.0
        self._probing = False

    def check(self) -> None:
        """Refuses to send while it is open. Raises `NotSentError`."""
        if not self._opened:
            return
        left_s = self._open_until - self._clock()
        if left_s > 0 or self._probing:
            failure = NotSentError("the server fails call after call, so nothing is sent to it for a while")
            failure.permanent, failure.retry_after_s = True, max(left_s, 0.0)
            raise failure

    async def watch(self, attempt: Callable[[], Awaitable[Reply]]) -> Reply:
        """What *attempt* gives, if it is let through. Raises `NotSentError` while the breaker is open."""
        self.check()
        probe = self._probing = bool(self._opened)
        failed: bool | None = None
        try:
            reply = await attempt()
            failed = reply.status >= 500 or reply.status == 429
            return reply
        except TransportError as error:
            # A certificate that does not fit, or closing, says nothing of the server's health.
            local = isinstance(error, ClientClosedError) or (
                isinstance(error, NotSentError) and error.permanent
            )
            failed = None if local else True
            raise
        finally:
            self._note(probe, failed)

    def _note(self, probe: bool, failed: bool | None) -> None:
        """How an attempt ended; ``None`` where nothing was learned, as when its caller left."""
        if probe:
            self._probing = False
            if failed:
                self._open()
            elif failed is False:
                self._opened = self._in_a_row = 0
                self._ended.clear()
                self._failures = 0
        elif failed is not None and not self._opened:  # what was under way when it opened changes nothing
            self._in_a_row = self._in_a_row + 1 if failed else 0
            self._count(failed)
            if self._in_a_row >= _IN_A_ROW or self._most_fail():
                self._open()

    def _most_fail(self) -> bool:
        attempts = len(self._ended)
        return attempts >= _FEWEST and self._failures >= _SHARE * attempts

    def _count(self, failed: bool) -> None:
        now = self._clock()
        self._ended.append((now, failed))
        self._failures += failed
        while self._ended[0][0] < now - _WINDOW_S:
            self._failures -= self._ended.popleft()[1]

    def _open(self) -> None:
        seconds = min(_LONGEST_OPEN_S, _OPEN_S * 2.0**self._opened)
        self._opened += 1
        # Many processes see the same outage: they do not come back at the same moment.
        self._open_until = self._clock() + seconds * (1 + _SPREAD * (2 * self._chance() - 1))
