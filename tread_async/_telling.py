"""Telling hooks what happens; an error of theirs is logged once, and goes no further."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tread_async.errors import ApiError, UsageError
from tread_async.hooks import (
    AttemptEnded,
    AttemptSent,
    AttemptStarted,
    BudgetRefused,
    CallEnded,
    CallStarted,
    GateClosed,
    Hooks,
    PollingEnded,
    PollingStarted,
    Retried,
    RoundPolled,
    Told,
    WriteUnknown,
)

__all__ = ["Story", "Telling", "in_a_word", "telling"]

_LOG: Final = logging.getLogger("tread_async")
_HOOKS: Final[Mapping[type[Told], str]] = {
    CallStarted: "call_started",
    AttemptStarted: "attempt_started",
    AttemptSent: "attempt_sent",
    AttemptEnded: "attempt_ended",
    Retried: "retried",
    BudgetRefused: "budget_refused",
    CallEnded: "call_ended",
    WriteUnknown: "write_unknown",
    GateClosed: "gate_closed",
    PollingStarted: "polling_started",
    RoundPolled: "round_polled",
    PollingEnded: "polling_ended",
}


class Telling:
    """Tells all of *hooks*, in their order."""

    def __init__(self, hooks: Iterable[Hooks]) -> None:
        each = tuple(hooks)
        self._hooks: dict[type[Told], list[Callable[[Any], object]]] = {
            kind: [hook for one in each if (hook := getattr(one, name)) is not None]
            for kind, name in _HOOKS.items()
        }
        self._complained: set[tuple[type[Told], int]] = set()

    def __call__(self, happened: Told) -> None:
        for hook in self._hooks[type(happened)]:
            try:
                hook(happened)
            except (KeyboardInterrupt, SystemExit):
                raise
            # Nobody can have cancelled a plain function: the call goes on, and has its own outcome.
            except BaseException as error:
                self._complain(hook, type(happened), error)

    def _complain(self, hook: object, kind: type[Told], error: BaseException) -> None:
        if (kind, id(hook)) not in self._complained:
            self._complained.add((kind, id(hook)))
            _LOG.error("the hook %s raises; this is logged once", _HOOKS[kind], exc_info=error)


class Story:
    """What has been told of one call."""

    __slots__ = ("attempts", "call")

    def __init__(self, call: CallStarted) -> None:
        self.call: CallStarted = call
        self.attempts: int = 0


def telling(hooks: Hooks | Iterable[Hooks] | None) -> Telling | None:
    """What tells *hooks*; ``None`` where there are none. Raises `UsageError`."""
    if hooks is None:
        return None
    each = (hooks,) if isinstance(hooks, Hooks) or not isinstance(hooks, Iterable) else tuple(hooks)
    if not all(isinstance(one, Hooks) for one in each):
        raise UsageError("hooks are a Hooks, or a list of them")
    return Telling(each) if each else None


def in_a_word(error: BaseException) -> str:
    """``HTTP 500``, or the name of the error."""
    return f"HTTP {error.status}" if isinstance(error, ApiError) else type(error).__name__
