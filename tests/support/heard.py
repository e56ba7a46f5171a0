"""What hooks have been told, and whether it makes sense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tread_async import Hooks
from tread_async.hooks import (
    AttemptEnded,
    AttemptSent,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Told,
)

__all__ = ["Heard", "kinds"]


class Heard(list[Any]):
    """Everything that was told, in order; ``hooks`` are to be given to a client."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks = Hooks(**dict.fromkeys(Hooks.__struct_fields__, self.append))

    def of(self, *kind: type[Told]) -> list[Any]:
        return [one for one in self if isinstance(one, kind)]

    @property
    def problems(self) -> list[str]:
        """What does not fit together, when nothing is under way any more."""
        return [
            problem
            for call in self.of(CallStarted)
            for problem in _of_call(
                [one for one in self if one is call or getattr(one, "call", None) is call]
            )
        ]


def kinds(told: Iterable[Told]) -> list[str]:
    """The names of what was told."""
    return [type(one).__name__ for one in told]


def _of_call(story: list[Any]) -> Iterator[str]:
    names = kinds(story)
    if names[0] != "CallStarted" or names[-1] != "CallEnded":
        yield f"it begins with {names[0]} and ends with {names[-1]}"
    if Counter(names)["CallStarted"] != 1 or Counter(names)["CallEnded"] != 1:
        yield f"it begins and ends once, not as {names}"
    started = [one.number for one in story if isinstance(one, AttemptStarted)]
    if started != list(range(1, len(started) + 1)):
        yield f"its requests are numbered {started}"
    ended = [one for one in story if isinstance(one, AttemptEnded)]
    if sorted(one.number for one in ended) != started:
        yield "not each of its requests ends once"
    sent = [one.number for one in story if isinstance(one, AttemptSent)]
    if sorted(sent) != sorted(one.number for one in ended if one.sent):
        yield "what is said to be sent is not what was"
    if isinstance(story[-1], CallEnded) and story[-1].attempts != len(started):
        yield "the end counts other requests"
