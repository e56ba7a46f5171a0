"""One value for some accounts of one token: in batches, split where they are refused."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from tread_async._call import Call, in_short
from tread_async._codec.requests import Request
from tread_async._fleet.isolation import Isolation, halves, timeout_of_a_part_s
from tread_async._fleet.lines import Line, Tally
from tread_async._intents import Intent, Key
from tread_async._policy import RetryPolicy
from tread_async._together import together
from tread_async.errors import NotSentError, OutcomeUnknownError, TreadError, UnprocessableError
from tread_async.keys import AccountKey
from tread_async.reports import Applied, NotApplied, Unknown, WriteOutcome

__all__ = ["Target", "Writing"]

_SAMPLE: Final = 3


class Target:
    """One account to write to, and what the attempts at it have left open.

    Attributes:
        shared: A request for it and others has left, whose answer does not say of which it speaks.
        unknown: An attempt that had it in it may have been applied.
        lost: One of those could still be on its way.
        outcome: What became of it, once that is settled.
    """

    __slots__ = ("account_id", "intent_key", "key", "lost", "outcome", "shared", "unknown")

    def __init__(self, key: AccountKey, account_id: str, intent_key: Key) -> None:
        self.key = key
        self.account_id = account_id
        self.intent_key = intent_key
        self.shared = False
        self.unknown = False
        self.lost = False
        self.outcome: WriteOutcome | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may have been applied, as far as is known."""
        return self.unknown if self.outcome is None else isinstance(self.outcome, Unknown)


class Writing:
    """Writes to *targets*, and settles each of them."""

    def __init__(
        self,
        line: Line,
        targets: list[Target],
        request: Callable[[list[str]], Request[None]],
        intent: Intent,
        settled: Callable[[Target, WriteOutcome], None],
        *,
        batch: int,
        deadline: float,
    ) -> None:
        self.tally = Tally()
        self._line = line
        self._batches = [targets[at : at + batch] for at in range(0, len(targets), batch)]
        self._request = request
        self._intent = intent
        self._settled = settled
        self._deadline = deadline
        self._applied = 0
        self._has_split = False
        self._refused: list[tuple[Target, Call[None], TreadError]] = []

    async def run(self) -> None:
        """Settles every target."""
        isolation = Isolation(self._ask, self._give_up, self._split, self._left_s)
        await isolation.run_all(self._batches)
        await self._ask_the_refused_again()

    def _left_s(self) -> float:
        return self._line.calls.left_s(self._deadline)

    def _split(self, batch: list[Target], finely: bool) -> list[list[Target]]:
        self._has_split = True
        return halves(batch, finely)

    def _policy(self, request: Request[None], size: int) -> RetryPolicy:
        policy = self._line.calls.policy(request.endpoint.name)
        if not self._has_split:
            return policy
        timeout_s = timeout_of_a_part_s(policy.attempt_timeout_s, self._left_s(), size)
        return msgspec.structs.replace(policy, attempt_timeout_s=timeout_s)

    async def _ask(self, batch: list[Target]) -> None:
        current = [target for target in batch if not self._gives_way(target)]
        if not current:
            return
        request = self._request([target.account_id for target in current])
        call = self._line.call(
            request, self._deadline, policy=self._policy(request, len(current)), patient=False
        )
        call.intent = self._intent.part(request.keys)
        call.read_back = True
        await self._line.pace.turn()
        try:
            await self._noted(current, call, self._line.carry_out(call, self.tally))
        except TreadError as error:
            failure = error.with_traceback(None)
        else:
            self._apply(current)
            return
        if call.intent.superseded:
            await self._ask(current)  # without those of which a newer call has taken charge
        elif len(current) == 1 and isinstance(failure, UnprocessableError):
            self._refused.append((current[0], call, failure))
        else:
            raise failure

    def _gives_way(self, target: Target) -> bool:
        if not self._intent.gives_way(target.intent_key):
            return False
        failure = NotSentError("a newer call sets the same; this one is not sent any more")
        failure.permanent = True
        self._fail(target, failure)
        return True

    async def _noted(self, targets: list[Target], call: Call[None], answer: Awaitable[None]) -> None:
        """Waits for *answer*, and notes what the attempts of *call* leave open."""
        try:
            await answer
        finally:
            for target in targets:
                target.shared = target.shared or (len(targets) > 1 and call.requests_sent > 0)
                target.unknown = target.unknown or call.unknown
                target.lost = target.lost or call.lost

    def _apply(self, targets: list[Target]) -> None:
        self._applied += len(targets)
        for target in targets:
            self._settled(target, Applied(had_unknown_attempts=target.lost))

    async def _ask_the_refused_again(self) -> None:
        """The exchange may change its mind about single accounts. Not if it refuses most of them."""
        refused = self._refused
        few = len(refused) <= max(_SAMPLE, self._applied)
        sample = refused if few else refused[:_SAMPLE]
        rest = refused[len(sample) :]
        applied = self._applied
        await self._repeat(sample)
        if self._applied > applied:
            await self._repeat(rest)
        else:
            for target, _, error in rest:
                self._fail(target, error)

    async def _repeat(self, refused: list[tuple[Target, Call[None], TreadError]]) -> None:
        if refused:
            await together([functools.partial(self._go_on, *one) for one in refused])

    async def _go_on(self, target: Target, call: Call[None], error: TreadError) -> None:
        try:
            await self._noted([target], call, self._line.go_on(call, error, self.tally))
        except TreadError as last:
            if not self._gives_way(target):
                self._fail(target, last)
        else:
            self._apply([target])

    def _give_up(self, batch: list[Target], error: TreadError) -> None:
        for target in batch:
            self._fail(target, error)

    def _fail(self, target: Target, error: TreadError) -> None:
        if isinstance(error, OutcomeUnknownError):
            self._settled(target, Unknown(error=error))
        elif target.unknown:
            failure = OutcomeUnknownError(
                "an earlier attempt, alone or with others, may have been applied; read back. "
                f"Last error: {in_short(error)}"
            )
            failure.endpoint, failure.attempts, failure.cause = error.endpoint, error.attempts, error
            self._settled(target, Unknown(error=failure))
        else:
            self._settled(target, NotApplied(error=error))
