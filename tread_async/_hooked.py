"""Calls that are told to hooks. Without hooks there are none of these, and a call costs what it did."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tread_async._call import Call
from tread_async._calls import Calls
from tread_async._codec.replies import Reply
from tread_async._policy import Stop, Wait
from tread_async._telling import Story, Telling, in_a_word
from tread_async.errors import OutcomeUnknownError, TreadError
from tread_async.hooks import (
    AttemptEnded,
    AttemptSent,
    AttemptStarted,
    BudgetRefused,
    CallEnded,
    CallStarted,
    Retried,
    WriteUnknown,
)

__all__ = ["HookedCalls"]

T = TypeVar("T")


class _Attempt:
    """What has been told of one request."""

    def __init__(self, story: Story, tell: Telling, clock: Callable[[], float]) -> None:
        story.attempts += 1
        self._call, self._number = story.call, story.attempts
        self._tell = tell
        self._clock = clock
        self._began = clock()
        self._left_at: float | None = None
        tell(AttemptStarted(call=self._call, number=self._number))

    def leaves(self) -> None:
        """The request is about to be sent."""
        self._left_at = self._clock()
        waited_s = self._left_at - self._began
        self._tell(AttemptSent(call=self._call, number=self._number, waited_s=waited_s))

    def answered(self, reply: Reply) -> None:
        self._ended(None if 200 <= reply.status < 300 else f"HTTP {reply.status}", reply.status, reply.size)

    def failed(self, error: BaseException) -> None:
        self._ended(in_a_word(error), None, 0)

    def _ended(self, cause: str | None, status: int | None, received_bytes: int) -> None:
        now = self._clock()
        left_at = now if self._left_at is None else self._left_at
        ended = AttemptEnded(
            call=self._call,
            number=self._number,
            sent=self._left_at is not None,
            waited_s=left_at - self._began,
            took_s=now - left_at,
            status=status,
            cause=cause,
            received_bytes=received_bytes,
        )
        self._tell(ended)


class HookedCalls(Calls):
    """As `Calls`; *credential* is the name under which they are told."""

    def __init__(self, *arguments: Any, tell: Telling, credential: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._tell = tell
        self._credential = credential

    def carry_out(self, call: Call[T]) -> Awaitable[T]:
        return self._told(call, functools.partial(super().carry_out, call))

    async def go_on(self, call: Call[T], first: TreadError) -> T:
        answer = functools.partial(super().go_on, call, first)
        # One that ended with its first failure, and is gone on with later, is told as another call.
        return await (answer() if call.story is not None else self._told(call, answer))

    # A function, since what is cancelled before it begins would leave a coroutine that nobody awaits.
    async def _told(self, call: Call[T], answer: Callable[[], Awaitable[T]]) -> T:
        story = call.story = Story(_started(call, self._credential))
        began = self._clock()
        self._tell(story.call)
        cause, is_open = None, False
        try:
            return await answer()
        except BaseException as error:
            cause, is_open = in_a_word(error), _leaves_open(call, error)
            raise
        finally:
            call.story = None
            ended = CallEnded(
                call=story.call,
                took_s=self._clock() - began,
                attempts=story.attempts,
                cause=cause,
                budget_left=self._budget.left,
            )
            self._tell(ended)
            if is_open:
                self.left_open(call.request.endpoint.name)

    def left_open(self, endpoint: str) -> None:
        self._tell(WriteUnknown(credential=self._credential, endpoint=endpoint))

    async def _send(self, call: Call[T]) -> Reply:
        attempt = _Attempt(_story_of(call), self._tell, self._clock)
        call.leaving = attempt.leaves
        try:
            reply = await super()._send(call)
        except BaseException as error:
            attempt.failed(error)
            raise
        attempt.answered(reply)
        return reply

    def _decide(self, call: Call[T], error: TreadError, attempt: int) -> Wait | Stop:
        decision = super()._decide(call, error, attempt)
        started, cause = _story_of(call).call, in_a_word(error)
        if isinstance(decision, Wait):
            self._tell(Retried(call=started, attempt=attempt, cause=cause, wait_s=decision.seconds))
        elif error.budget_exhausted:
            self._tell(BudgetRefused(call=started, attempt=attempt, cause=cause))
        return decision


def _story_of(call: Call[Any]) -> Story:
    if call.story is None:
        raise RuntimeError("nothing has been told of this call")
    return call.story


def _leaves_open(call: Call[Any], error: BaseException) -> bool:
    if not call.request.endpoint.writes or call.read_back:
        return False
    return isinstance(error, OutcomeUnknownError) or (call.unknown and not isinstance(error, TreadError))


def _started(call: Call[Any], credential: str) -> CallStarted:
    endpoint = call.request.endpoint
    return CallStarted(
        endpoint=endpoint.name,
        method=endpoint.method,
        route=None if endpoint.name == "request" else endpoint.path,
        credential=credential,
        writes=endpoint.writes,
    )
