"""A secret gives its text to `reveal` alone."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from tread_async.secret import Secret

CANARY = "canary-7f3a"
SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "format with a spec": lambda secret: f"{secret:>60}",
    "f-string repr": lambda secret: f"{secret!r} {secret!s} {secret!a}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - logging formats so
    "in a container": lambda secret: repr({"token": [secret, (secret,)]}),
    "in a struct": lambda secret: repr(msgspec.defstruct("Holder", ["token"])(secret)),
    "in an exception": lambda secret: repr(ValueError(secret)) + str(ValueError(secret)),
    "log record": lambda secret: logging.LogRecord(
        "n", 10, "p", 1, "%s %r", (secret, secret), None
    ).getMessage(),
    "rich": lambda secret: pretty_repr([secret]),
    "dir": lambda secret: repr(dir(secret)),
}
TAKEN: dict[str, Callable[[Secret], object]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy of a holder": lambda secret: copy.deepcopy({"token": secret}),
    **{
        f"pickle {protocol}": lambda secret, protocol=protocol: pickle.dumps(secret, protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "vars": vars,
    "iteration": lambda secret: list(secret),  # type: ignore[call-overload]
    "addition": lambda secret: "Token " + secret,  # type: ignore[operator]
}


@pytest.mark.parametrize("way", SHOWN)
def test_a_secret_does_not_show_itself(way: str) -> None:
    """However it is printed, alone or inside something, the text is not in it."""
    assert CANARY not in SHOWN[way](Secret(CANARY))


@pytest.mark.parametrize("way", TAKEN)
def test_a_secret_is_not_carried_away(way: str) -> None:
    """Copying, pickling and encoding are refused, by an error that does not hold the text."""
    with pytest.raises(TypeError) as caught:
        TAKEN[way](Secret(CANARY))

    assert CANARY not in str(caught.value)


@given(st.text(), st.text())
@example("\ud800", "\ud800")
@example("é", "e\u0301")
def test_secrets_are_equal_if_their_texts_are(one: str, other: str) -> None:
    """Equality and hash go by the text, surrogates included, and emptiness shows as falsehood."""
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert len({Secret(one), Secret(other)}) == len({one, other})
    assert bool(Secret(one)) == bool(one)
    assert Secret(one).reveal() == one


def test_a_secret_is_not_equal_to_its_text() -> None:
    """A comparison with a plain text is False, so that a mix-up does not work by chance."""
    assert Secret(CANARY) != CANARY
    assert hash(Secret(CANARY)) != hash(CANARY)


def test_wrapping_twice_is_wrapping_once() -> None:
    """`Secret.of` wraps a text and leaves a secret the object it is."""
    secret = Secret.of(CANARY)

    assert secret.reveal() == CANARY
    assert Secret.of(secret) is secret


@pytest.mark.parametrize(
    "value", [None, 7, CANARY.encode(), [CANARY], Secret(CANARY)], ids=lambda v: type(v).__name__
)
def test_only_a_text_is_a_secret(value: Any) -> None:
    """Bytes, numbers and secrets themselves are refused by their type, not by their value."""
    with pytest.raises(TypeError) as caught:
        Secret(value)

    assert "canary" not in str(caught.value)


def test_a_secret_cannot_grow_attributes() -> None:
    """There is no dictionary in which the text, or a copy of it, would be listed."""
    with pytest.raises(AttributeError):
        Secret(CANARY).note = "x"  # type: ignore[attr-defined]
