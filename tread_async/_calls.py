"""One call: the first attempt bare, its repeats as the policy says, and an honest error at the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import msgspec

from tread_async._codec.replies import error_of, parse
from tread_async._codec.requests import Request
from tread_async._identity import Identity, TokenFunctionError
from tread_async._intents import Intent, Intents
from tread_async._policy import (
    POLICIES,
    Cause,
    RetryPolicy,
    Stop,
    Wait,
    cause_of,
    may_be_applied,
    next_step,
    repeat,
)
from tread_async.errors import ApiError, NotSentError, OutcomeUnknownError, TreadError

if TYPE_CHECKING:
    from tread_async._transport import Transport

__all__ = ["Calls", "ClientStats"]

T = TypeVar("T")


class ClientStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one client since it was opened.

    Attributes:
        requests_sent: Requests handed to the connection pool, repeats included, less those that are
            known never to have left.
        bytes_received: Bodies, after decompression.
        retries: Repeats by what caused them: ``HTTP 500``, or the name of the error.
    """

    requests_sent: int
    bytes_received: int
    retries: Mapping[str, int]


class Calls:
    """Runs the calls of one client over one transport."""

    def __init__(
        self,
        transport: Transport,
        identity: Identity,
        *,
        clock: Callable[[], float],
        retry: RetryPolicy | None,
        deadline_s: float | None,
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._identity = identity
        self._clock = clock
        self._retry = retry
        self._deadline_s = deadline_s
        self._sleep = sleep
        self._chance = chance
        self._retries: Counter[str] = Counter()
        self._intents = Intents()

    def stats(self) -> ClientStats:
        return ClientStats(
            requests_sent=self._transport.requests_sent,
            bytes_received=self._transport.bytes_received,
            retries=dict(self._retries),
        )

    def policy(self, name: str) -> RetryPolicy:
        return self._retry or POLICIES[name]

    def deadline(self, name: str, deadline_s: float | None) -> float:
        """The moment, on the loop's clock, by which a call of the endpoint *name* ends."""
        if deadline_s is None:
            deadline_s = self._deadline_s or self.policy(name).deadline_s
        return self._clock() + deadline_s

    async def run(self, request: Request[T], deadline: float) -> T:
        """The decoded answer to *request*.

        Raises: TreadError, as `errors` says; never one that belongs to aiohttp or tenacity.
        """
        if not request.keys:
            return await self._run(request, deadline, None)
        with self._intents.declared(request.keys) as intent:
            return await self._run(request, deadline, intent)

    async def _run(self, request: Request[T], deadline: float, intent: Intent | None) -> T:
        policy = self.policy(request.endpoint.name)
        try:
            return await self._attempt(request, policy, deadline, intent)
        except TreadError as error:
            first = error
            first.attempts, first.endpoint = 1, request.endpoint.label
        except TokenFunctionError as error:
            raise error.error from None
        if cause_of(first, request.endpoint) is not Cause.FINAL:
            return await self._recover(first, request, policy, deadline, intent)
        raise _unknown(first, request) if may_be_applied(first, request) else first

    async def run_all(self, requests: Sequence[Request[T]], deadline: float) -> list[T]:
        """The answers in the order of *requests*, which run at once. The first failure ends all."""
        if len(requests) == 1:
            return [await self.run(requests[0], deadline)]
        answers: dict[int, T] = {}
        failures: list[Exception] = []

        async def one(index: int, request: Request[T]) -> None:
            try:
                answers[index] = await self.run(request, deadline)
            except Exception as error:  # also what a token function raises: never as a group
                failures.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for index, request in enumerate(requests):
                group.start_soon(one, index, request)
        if failures:
            raise failures[0]
        if len(answers) < len(requests):  # a token function was cancelled: groups drop that silently
            raise asyncio.CancelledError
        return [answers[index] for index in range(len(requests))]

    async def _attempt(
        self, request: Request[T], policy: RetryPolicy, deadline: float, intent: Intent | None
    ) -> T:
        if intent is None:
            return await self._exchange(request, policy, deadline)

        async def wait(turn: Awaitable[None]) -> None:
            late = NotSentError("another write of the same is still under way")
            await self._transport.wait(deadline, turn, late)

        async with intent.turn(wait):
            return await self._exchange(request, policy, deadline)

    async def _exchange(self, request: Request[T], policy: RetryPolicy, deadline: float) -> T:
        endpoint = request.endpoint
        reply = await self._transport.send(request, deadline=deadline, timeout_s=policy.attempt_timeout_s)
        if reply.status != 200:
            failure = error_of(endpoint, reply, (*request.secrets, *self._identity.secrets))
            if failure is not None:
                raise failure
        return parse(endpoint, reply)

    async def _recover(
        self,
        first: TreadError,
        request: Request[T],
        policy: RetryPolicy,
        deadline: float,
        intent: Intent | None,
    ) -> T:
        unknown = False
        attempts = 0

        def step(error: TreadError, attempt: int) -> Wait | Stop:
            nonlocal unknown, attempts
            error.attempts = attempts = attempt
            unknown = unknown or may_be_applied(error, request)
            decision = next_step(
                policy,
                cause_of(error, request.endpoint),
                attempt=attempt,
                remaining_s=deadline - self._clock(),
                asked_s=error.retry_after_s if isinstance(error, ApiError) else None,
                chance=self._chance(),
            )
            if isinstance(decision, Wait) and intent is not None and intent.superseded:
                decision = Stop("a newer call sets the same")
            if isinstance(decision, Wait):
                self._retries[_label(error)] += 1
            elif decision.why:
                error.message = f"{error.message}; {decision.why}"
            return decision

        try:
            return await repeat(
                first, lambda: self._attempt(request, policy, deadline, intent), step, self._sleep
            )
        except TreadError as error:
            last = error
        except TokenFunctionError as error:
            if not unknown:
                raise error.error from None
            last = error.error
        last.attempts, last.endpoint = attempts, request.endpoint.label
        raise _unknown(last, request) if unknown else last


def _label(error: TreadError) -> str:
    return f"HTTP {error.status}" if isinstance(error, ApiError) else type(error).__name__


def _unknown(last: TreadError, request: Request[Any]) -> OutcomeUnknownError:
    """*last*, said as what it means for a write of which an attempt may have been applied."""
    if isinstance(last, OutcomeUnknownError):
        return last
    failure = OutcomeUnknownError(
        f"it may or may not have been applied; read back. Last error: {_short(last)}"
    )
    failure.endpoint, failure.attempts, failure.cause = request.endpoint.label, last.attempts, last
    return failure


def _short(error: TreadError) -> str:
    return f"HTTP {error.status}: {error.message}" if isinstance(error, ApiError) else error.message
