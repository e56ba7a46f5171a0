"""One call: the first attempt bare, its repeats as the policy says, and an honest error at the end."""

from __future__ import annotations

import asyncio
import functools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tread_async._budget import COSTS, RetryBudget
from tread_async._call import Call
from tread_async._codec.endpoints import Repeat
from tread_async._codec.replies import Reply, error_of, parse, parsing
from tread_async._codec.requests import Request
from tread_async._creates import Creates
from tread_async._hedging import Hedging
from tread_async._identity import Identity, TokenFunctionError, said_by_name
from tread_async._intents import Intent, Intents
from tread_async._pacing import IN_ONE_GO_BYTES, Pace
from tread_async._policy import POLICIES, Cause, RetryPolicy, Stop, Wait, next_step
from tread_async._repeating import repeat
from tread_async._stats import ClientStats
from tread_async._telling import in_a_word
from tread_async._together import together
from tread_async.errors import ApiError, NotSentError, TreadError

if TYPE_CHECKING:
    from tread_async._transport import Transport
    from tread_async.secret import Secret

__all__ = ["Calls"]

T = TypeVar("T")


class Calls:
    """Runs the calls of one client over one transport.

    Attributes:
        creates: What its calls that create accounts have made, or may have.
    """

    def __init__(
        self,
        transport: Transport,
        identity: Identity,
        *,
        clock: Callable[[], float],
        retry: RetryPolicy | None,
        deadline_s: float | None,
        sleep: Callable[[float], Awaitable[None]],
        intents: Intents | None = None,
        pace: Pace | None = None,
        budget: RetryBudget | None = None,
        hedging: Hedging | None = None,
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
        self._intents = Intents() if intents is None else intents
        self._pace = Pace() if pace is None else pace
        self._budget = RetryBudget() if budget is None else budget
        self._hedging = hedging
        self.creates: Creates = Creates()

    def stats(self) -> ClientStats:
        return ClientStats(
            requests_sent=self._transport.requests_sent,
            bytes_received=self._transport.bytes_received,
            retries=dict(self._retries),
            connections_opened=self._transport.connections_opened,
        )

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What a server's text must not show."""
        return self._identity.secrets

    async def close(self) -> None:
        await self._transport.close()

    def policy(self, name: str) -> RetryPolicy:
        return self._retry or POLICIES[name]

    def deadline(self, name: str, deadline_s: float | None) -> float:
        """The moment, on the loop's clock, by which a call of the endpoint *name* ends."""
        if deadline_s is None:
            deadline_s = self._deadline_s or self.policy(name).deadline_s
        return self._clock() + deadline_s

    def left_s(self, deadline: float) -> float:
        """Seconds until *deadline*."""
        return deadline - self._clock()

    def call(self, request: Request[T], deadline: float) -> Call[T]:
        """A call with its endpoint's policy, not carried out yet."""
        return Call(request, self.policy(request.endpoint.name), deadline)

    def left_open(self, endpoint: str) -> None:
        """Whoever wrote does not learn whether it was applied. Nobody is told where there are no hooks."""

    async def pause(self, seconds: float) -> None:
        """Waits between two calls. Raises `ClientClosedError` when the client is closed meanwhile."""
        await self._sleep(seconds)

    # Some give what others return and do not wait for it: every call would pay for a coroutine more.

    def run(self, request: Request[T], deadline: float) -> Awaitable[T]:
        """The decoded answer to *request*. Raises as `carry_out`."""
        return self.carry_out(self.call(request, deadline))

    async def run_all(self, requests: Sequence[Request[T]], deadline: float) -> list[T]:
        """The answers in the order of *requests*, which run at once. The first failure ends all."""
        if len(requests) == 1:
            return [await self.run(requests[0], deadline)]
        return await together([functools.partial(self.run, request, deadline) for request in requests])

    def carry_out(self, call: Call[T]) -> Awaitable[T]:
        """The decoded answer to *call*.

        Raises: TreadError, as `errors` says; never one that belongs to aiohttp or tenacity.
        """
        if call.intent is not None or not call.request.keys:
            return self._run(call)
        return self._declared(call)

    async def _declared(self, call: Call[T]) -> T:
        with self._intents.declared(call.request.keys) as intent:
            call.intent = intent
            return await self._run(call)

    async def _run(self, call: Call[T]) -> T:
        problem = None
        try:
            answer = await self._attempt(call)
        except TreadError as error:
            first = error.with_traceback(None)  # its frames hold the answer
            first.attempts, first.endpoint = 1, call.request.endpoint.label
        except TokenFunctionError as error:
            problem = _of_token(call, error.error)
        else:
            self._budget.succeeded_at_once()
            return answer
        if problem is not None:
            raise problem  # here, or its context would show what the function had raised
        return await self.go_on(call, first)

    def _attempt(self, call: Call[T]) -> Awaitable[T]:
        if call.intent is not None:
            return self._in_turn(call, call.intent)
        if self._hedging is not None and call.request.endpoint.hedged:
            return self._hedged(call, self._hedging)
        return self._exchange(call)

    async def _in_turn(self, call: Call[T], intent: Intent) -> T:
        async def wait(turn: Awaitable[None]) -> None:
            late = NotSentError("another write of the same is still under way")
            await self._transport.wait(call.deadline, turn, late)

        async with intent.turn(wait):
            return await self._exchange(call)

    async def _hedged(self, call: Call[T], hedging: Hedging) -> T:
        """One attempt, of which a slow first request may be followed by a second."""
        parts: list[Call[T]] = []

        async def ask() -> tuple[T, Reply | None]:
            part = Call(call.request, call.policy, call.deadline)
            part.story = call.story
            parts.append(part)
            try:
                return await self._exchange(part), part.reply
            finally:
                call.requests_sent += part.requests_sent

        answer, call.reply = await hedging.first_of(ask, has_left=lambda: parts[0].requests_sent > 0)
        if call.reply is not None:
            hedging.took(call.reply.received_at - call.reply.sent_at)
        return answer

    async def _exchange(self, call: Call[T]) -> T:
        endpoint = call.request.endpoint
        reply = await self._send(call)
        if reply.status == 401 and endpoint.repeat is not Repeat.NEVER and self._identity.may_try_again:
            reply = await self._send(call)
        if reply.status != 200:
            failure = error_of(endpoint, reply, (*call.request.secrets, *self._identity.secrets))
            if failure is not None:
                raise failure
        if endpoint.steps is not None and (reply.more or len(reply.body) > IN_ONE_GO_BYTES):
            answer = await self._pace.through(parsing(endpoint, endpoint.steps, reply))
        else:
            answer = parse(endpoint, reply)
        call.reply = reply
        return answer

    async def _send(self, call: Call[T]) -> Reply:
        before = call.requests_sent
        try:
            return await self._transport.send(
                call.request,
                deadline=call.deadline,
                timeout_s=call.policy.attempt_timeout_s,
                leaves=call.leaves,
            )
        except NotSentError:
            call.requests_sent = before
            raise
        except asyncio.CancelledError:
            if call.requests_sent > before:
                call.abandoned()
            raise

    async def go_on(self, call: Call[T], first: TreadError) -> T:
        """Repeats *call* after its first failure, as far as its policy allows. Raises as `carry_out`."""
        endpoint = call.request.endpoint
        call.failed(first)
        if call.cause_of(first) is Cause.FINAL:
            raise call.outcome(first)
        attempts = 1

        def step(error: TreadError, attempt: int) -> Wait | Stop:
            nonlocal attempts
            error.attempts = attempts = attempt
            call.failed(error)
            decision = self._decide(call, error, attempt)
            if isinstance(decision, Wait):
                self._retries[in_a_word(error)] += 1
            elif decision.why:
                error.message = f"{error.message}; {decision.why}"
            return decision

        problem = None
        try:
            answer = await repeat(first, lambda: self._attempt(call), step, self._sleep)
        except TreadError as error:
            last = error.with_traceback(None)
        except TokenFunctionError as error:
            problem = _of_token(call, error.error)
            last = NotSentError(f"the token function raised {type(error.error).__name__}")
        else:
            self._budget.succeeded_after(call.paid)
            return answer
        if problem is not None and not call.unknown:
            raise problem
        last.attempts, last.endpoint = attempts, endpoint.label
        raise call.outcome(last)

    def _decide(self, call: Call[T], error: TreadError, attempt: int) -> Wait | Stop:
        cause = call.cause_of(error)
        decision = next_step(
            call.policy,
            cause,
            attempt=attempt,
            remaining_s=self.left_s(call.deadline),
            asked_s=error.retry_after_s if isinstance(error, ApiError) else None,
            chance=self._chance(),
        )
        if isinstance(decision, Stop):
            return decision
        if call.intent is not None and call.intent.superseded:
            return Stop("a newer call sets the same")
        if not self._budget.pay(cause):
            error.budget_exhausted = True
            return Stop("too many calls fail, so it is not repeated")
        call.paid = COSTS[cause]
        return decision


def _of_token(call: Call[Any], problem: BaseException) -> BaseException:
    """What the token function raised, as *call* says it."""
    return problem if call.credential is None else said_by_name(call.credential, problem)
