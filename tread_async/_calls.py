"""One call: the first attempt bare, its repeats as the policy says, and an honest error at the end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import anyio
import msgspec

from tread_async._codec.replies import error_of, parse
from tread_async._codec.requests import Request
from tread_async._identity import Identity
from tread_async._policy import POLICIES, RetryPolicy, Stop, Wait, cause_of, may_be_applied, next_step, repeat
from tread_async.errors import ApiError, OutcomeUnknownError, TreadError

if TYPE_CHECKING:
    from tread_async._transport import Transport

__all__ = ["Calls", "ClientStats"]

T = TypeVar("T")


class ClientStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one client since it was opened.

    Attributes:
        requests_sent: Attempts that were handed to a connection, repeats included.
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
        policy = self._retry or POLICIES[request.endpoint.name]
        try:
            return await self._attempt(request, policy, deadline)
        except TreadError as error:
            first = error
        return await self._recover(first, request, policy, deadline)

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
        return [answers[index] for index in range(len(requests))]

    async def _attempt(self, request: Request[T], policy: RetryPolicy, deadline: float) -> T:
        endpoint = request.endpoint
        reply = await self._transport.send(request, deadline=deadline, timeout_s=policy.attempt_timeout_s)
        if reply.status != 200:
            failure = error_of(endpoint, reply, (*request.secrets, *self._identity.secrets))
            if failure is not None:
                raise failure
        return parse(endpoint, reply)

    async def _recover(
        self, first: TreadError, request: Request[T], policy: RetryPolicy, deadline: float
    ) -> T:
        unknown = False

        def step(error: TreadError, attempt: int) -> Wait | Stop:
            nonlocal unknown
            error.attempts = attempt
            unknown = unknown or may_be_applied(error, request)
            decision = next_step(
                policy,
                cause_of(error, request.endpoint),
                attempt=attempt,
                remaining_s=deadline - self._clock(),
                asked_s=error.retry_after_s if isinstance(error, ApiError) else None,
                chance=self._chance(),
            )
            if isinstance(decision, Wait):
                self._retries[_label(error)] += 1
            elif decision.why:
                error.message = f"{error.message}; {decision.why}"
            return decision

        try:
            return await repeat(first, lambda: self._attempt(request, policy, deadline), step, self._sleep)
        except TreadError as error:
            last = error
        raise _unknown(last) if unknown else last


def _label(error: TreadError) -> str:
    return f"HTTP {error.status}" if isinstance(error, ApiError) else type(error).__name__


def _unknown(last: TreadError) -> OutcomeUnknownError:
    """*last*, said as what it means for a write of which an attempt may have been applied."""
    if isinstance(last, OutcomeUnknownError):
        return last
    failure = OutcomeUnknownError(
        f"it may or may not have been applied; read back. Last error: {_short(last)}"
    )
    failure.endpoint, failure.attempts, failure.cause = last.endpoint, last.attempts, last
    return failure


def _short(error: TreadError) -> str:
    return f"HTTP {error.status}: {error.message}" if isinstance(error, ApiError) else error.message
