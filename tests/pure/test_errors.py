"""The error tree: one root, drawn as it is, and errors that travel whole."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

import tread_async
from tread_async import errors
from tread_async.errors import (
    ApiError,
    ClientClosedError,
    ClosedAfterSendingError,
    DecodeError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TreadError,
    UsageError,
)
from tread_async.reports import PlanReport

CLASSES: list[type[TreadError]] = [getattr(errors, name) for name in errors.__all__]


def made(kind: type[TreadError]) -> TreadError:
    """An error of *kind* with every attribute set to something that is not its default."""
    error: TreadError
    if issubclass(kind, ApiError):
        error = kind(418, "said this", errors=("one", "two"), retry_after_s=2.5)
    else:
        error = kind("said this")
    error.endpoint, error.attempts = "GET /api/x", 3
    if isinstance(error, OutcomeUnknownError):
        error.cause = ServerError(503, "inner", retry_after_s=1.0)
    if isinstance(error, NotSentError):
        error.permanent, error.retry_after_s = True, 7.5
    if isinstance(error, ClientClosedError):
        error.report = PlanReport(reports=())
    if isinstance(error, ProtocolError):
        error.broken = error.too_large = True
    if isinstance(error, DecodeError):
        error.malformed = True
    error.message += "; and more"  # as the policy's word on why it stopped
    return error


def drawn() -> dict[str, str | None]:
    """The tree of the module's docstring: name to the name of its parent."""
    parents: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"( {4,})([A-Z]\w+Error)\b", line):
            indent, name = len(found[1]), found[2]
            above = [entry for entry in above if entry[0] < indent]
            parents[name] = above[-1][1] if above else None
            above.append((indent, name))
    return parents


def test_the_tree_drawn_is_the_tree_built() -> None:
    """Every class stands in the docstring once, under the class that it derives from."""
    built = {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES}
    built["TreadError"] = None  # type: ignore[assignment]

    assert drawn() == built


def test_every_error_has_the_one_root() -> None:
    """``except TreadError`` misses none of the errors, and all that is exported is an error."""
    assert [name for name in errors.__all__ if not issubclass(getattr(errors, name), TreadError)] == []
    assert sorted(errors.__all__) == errors.__all__


def test_every_error_is_public() -> None:
    """Each error class of the module can be imported from the package."""
    defined = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }

    assert defined == set(errors.__all__)
    assert all(getattr(tread_async, name) is getattr(errors, name) for name in defined)


def test_only_a_refusal_on_this_side_is_a_value_error() -> None:
    """Code that catches ``ValueError`` gets mistakes of the caller, never an answer of the server."""
    assert [kind for kind in CLASSES if issubclass(kind, ValueError)] == [UsageError]
    assert not any(issubclass(kind, OSError | RuntimeError | TimeoutError) for kind in CLASSES)


def test_a_write_cut_off_by_closing_is_both() -> None:
    """Whoever catches what closing ends, and whoever catches what is not known, gets it."""
    with pytest.raises(ClientClosedError):
        raise made(ClosedAfterSendingError)
    with pytest.raises(OutcomeUnknownError) as caught:
        raise made(ClosedAfterSendingError)

    assert caught.value.cause is not None


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_is_whole(way: str, kind: type[TreadError]) -> None:
    """An error sent to another process keeps its type, its text and everything it knows."""
    error = made(kind)
    twin = COPIES[way](error)

    assert type(twin) is kind
    assert twin is not error
    assert (str(twin), twin.args) == (str(error), error.args)
    assert {name: repr(value) for name, value in vars(twin).items()} == {
        name: repr(value) for name, value in vars(error).items()
    }


def test_a_pickled_unknown_outcome_keeps_its_cause() -> None:
    """The last error seen travels inside the error that says the outcome is not known."""
    twin = pickle.loads(pickle.dumps(made(OutcomeUnknownError)))

    assert isinstance(twin.cause, ServerError)
    assert (twin.cause.status, twin.cause.retry_after_s) == (503, 1.0)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_fresh_error_knows_nothing(kind: type[TreadError]) -> None:
    """Before a request was built there is no endpoint and no attempt, and the text is the message alone."""
    error = kind(404, "gone") if issubclass(kind, ApiError) else kind("gone")

    assert (error.endpoint, error.attempts, error.message) == (None, 0, "gone")
    assert str(error) == ("HTTP 404: gone" if isinstance(error, ApiError) else "gone")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_text_is_one_sentence(kind: type[TreadError]) -> None:
    """The text says where, what and how often, in one line."""
    text = str(made(kind))

    assert text.startswith("GET /api/x: ")
    assert "said this; and more" in text
    assert text.endswith(" (3 attempts)")
    assert "\n" not in text


@pytest.mark.parametrize("attempts", [0, 1])
def test_a_single_attempt_is_not_counted_in_the_text(attempts: int) -> None:
    """Only repeats are worth a word."""
    error, answered = TreadError("x"), ApiError(400, "x", attempts=attempts)
    error.attempts = attempts

    assert "attempt" not in f"{error}{answered}"


@pytest.mark.parametrize(
    ("seconds", "words"), [(2.0, "2 s"), (0.0, "0 s"), (1.5, "1.5 s"), (999_999.0, "999999 s")]
)
def test_an_asked_wait_is_in_the_text(seconds: float, words: str) -> None:
    """What the server asked for is said in seconds, zero included; else nothing is said."""
    assert f"HTTP 429: slow down; asked to wait {words}" == str(
        RateLimitedError(429, "slow down", retry_after_s=seconds)
    )
    assert str(RateLimitedError(429, "slow down")) == "HTTP 429: slow down"
