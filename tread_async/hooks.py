"""What a client or manager tells of its work while it works: `Hooks`, and what each of them is called with.

Nothing here holds a token, a key, a body, or what a server said. Names of credentials are in all of it, and a
snapshot is in `RoundPolled`; names of accounts are nowhere else. That snapshot is the one that readers get:
what a hook changed in it would be changed for them.

A cause is ``HTTP 500`` or the name of an error, such as ``DeadlineExceededError``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tread_async.errors import UsageError

if TYPE_CHECKING:
    from tread_async.outcomes import Snapshot

__all__ = [
    "AttemptEnded",
    "AttemptSent",
    "AttemptStarted",
    "BudgetRefused",
    "CallEnded",
    "CallStarted",
    "GateClosed",
    "Hooks",
    "PollingEnded",
    "PollingStarted",
    "Retried",
    "RoundPolled",
    "Told",
    "WriteUnknown",
]


class _Happened(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    pass


class CallStarted(_Happened, frozen=True, kw_only=True, eq=False):
    """A call begins, in the task of whoever waits for it. All that is told of it has this very object.

    Attributes:
        endpoint: ``balances``, ``set_leverage`` and so on; ``request`` for what is not modelled.
        route: The path, without the query. ``None`` for what is not modelled: that path may hold anything.
        credential: The name that a manager has for the token; ``token`` for that of a client.
        writes: Whether it changes something on the server.
    """

    endpoint: str
    method: str
    route: str | None
    credential: str
    writes: bool


class AttemptStarted(_Happened, frozen=True, kw_only=True, eq=False):
    """A request of a call waits for its turn. *number* counts the call's requests from 1."""

    call: CallStarted
    number: int


class AttemptSent(_Happened, frozen=True, kw_only=True, eq=False):
    """It has its turn, and is about to leave, after so many seconds."""

    call: CallStarted
    number: int
    waited_s: float


class AttemptEnded(_Happened, frozen=True, kw_only=True, eq=False):
    """The request is over, however it ended. Its answer may still turn out not to decode.

    Attributes:
        sent: Whether it had its turn; there was an `AttemptSent` then.
        waited_s: Until its turn, or until it gave up.
        took_s: From then until the last byte of the answer.
        status: Of the answer; ``None`` where none came.
        cause: ``None`` where the status is a success.
        received_bytes: Of the answer's body, after decompression.
    """

    call: CallStarted
    number: int
    sent: bool
    waited_s: float
    took_s: float
    status: int | None
    cause: str | None
    received_bytes: int


class Retried(_Happened, frozen=True, kw_only=True, eq=False):
    """An attempt failed for *cause*, and is made again after *wait_s*. *attempt* is the one that failed."""

    call: CallStarted
    attempt: int
    cause: str
    wait_s: float


class BudgetRefused(_Happened, frozen=True, kw_only=True, eq=False):
    """An attempt failed for *cause*, and is not made again: too many repeats have failed before."""

    call: CallStarted
    attempt: int
    cause: str


class CallEnded(_Happened, frozen=True, kw_only=True, eq=False):
    """The call is over.

    Attributes:
        took_s: With all attempts and waits.
        attempts: Requests begun, those that never left included.
        cause: ``None`` where it has an answer. ``OutcomeUnknownError`` is a write that may be applied.
        budget_left: What is left to pay for repeats, of 100; over all calls of the client or manager.
    """

    call: CallStarted
    took_s: float
    attempts: int
    cause: str | None
    budget_left: int


class WriteUnknown(_Happened, frozen=True, kw_only=True, eq=False):
    """Whoever wrote does not learn whether it was applied, also by reading back where that is done.

    They got an `OutcomeUnknownError`, or an `Unknown` in a report (this is told for each account then), or
    cancelled it when it had left.
    """

    credential: str
    endpoint: str


class GateClosed(_Happened, frozen=True, kw_only=True, eq=False):
    """The server asked the token to wait (429), and nothing of it is sent for so many seconds from now.

    It is told of the client whose request was answered so; others of the token wait, too.
    """

    credential: str
    closed_s: float


class PollingStarted(_Happened, frozen=True, kw_only=True, eq=False):
    """A watch or feed begins to poll. All that is told of it has this very object."""

    credentials: tuple[str, ...]
    interval_s: float
    source: str


class RoundPolled(_Happened, frozen=True, kw_only=True, eq=False):
    """A round is over, before anybody reads it. What is not said here is as in `Update`.

    Attributes:
        changes: How many accounts differ from the round before.
        read: Accounts in the answers since the round before.
        decoded: Those of them that had to be decoded: the others are what they were.
        ended: Tokens that are not polled any more, with the cause.
    """

    polling: PollingStarted
    number: int
    snapshot: Snapshot
    changes: int
    read: int
    decoded: int
    started_at: float
    late_s: float
    ended: Mapping[str, str]
    overdue: Mapping[str, float]


class PollingEnded(_Happened, frozen=True, kw_only=True, eq=False):
    """Nothing is polled any more. *cause* is ``ClientClosedError`` also where nobody reads any more."""

    polling: PollingStarted
    cause: str


Told: TypeAlias = (
    CallStarted
    | AttemptStarted
    | AttemptSent
    | AttemptEnded
    | Retried
    | BudgetRefused
    | CallEnded
    | WriteUnknown
    | GateClosed
    | PollingStarted
    | RoundPolled
    | PollingEnded
)
"""Whatever a hook may be called with."""


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Functions to call when something happens; each may be left out.

    They are called on the event loop, in the task that works, and must return at once. One that raises
    changes nothing for the call: its error is logged, the first time, by the logger ``tread_async``. Only
    `KeyboardInterrupt` and `SystemExit` pass, which are to end the process.

    Raises:
        UsageError: one is no plain function: nobody would await a coroutine.
    """

    call_started: Callable[[CallStarted], object] | None = None
    attempt_started: Callable[[AttemptStarted], object] | None = None
    attempt_sent: Callable[[AttemptSent], object] | None = None
    attempt_ended: Callable[[AttemptEnded], object] | None = None
    retried: Callable[[Retried], object] | None = None
    budget_refused: Callable[[BudgetRefused], object] | None = None
    call_ended: Callable[[CallEnded], object] | None = None
    write_unknown: Callable[[WriteUnknown], object] | None = None
    gate_closed: Callable[[GateClosed], object] | None = None
    polling_started: Callable[[PollingStarted], object] | None = None
    round_polled: Callable[[RoundPolled], object] | None = None
    polling_ended: Callable[[PollingEnded], object] | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            hook = getattr(self, name)
            if hook is not None and (not callable(hook) or _is_awaited(hook)):
                raise UsageError(f"the hook {name} is a plain function, not one to await")


def _is_awaited(hook: Callable[..., object]) -> bool:
    return any(map(inspect.iscoroutinefunction, (hook, type(hook).__call__)))
