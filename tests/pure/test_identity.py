"""The token of a client: checked, hidden, and fetched once where it comes from a function."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from tread_async._identity import Identity
from tread_async.errors import UsageError
from tread_async.secret import Secret


def finished(work: Coroutine[Any, Any, Any]) -> None:
    """Runs *work*, which never waits, without a loop."""
    with pytest.raises(StopIteration):
        work.send(None)


class Source:
    """A coroutine function that hands out tokens, and counts how often it is asked."""

    def __init__(self, *tokens: Any) -> None:
        self.tokens = list(tokens)
        self.asked = 0

    async def __call__(self) -> Any:
        self.asked += 1
        return self.tokens.pop(0)


@pytest.mark.parametrize("token", ["canary-1", Secret("canary-1")], ids=["text", "secret"])
@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_a_token_goes_behind_its_scheme(token: Any, scheme: str) -> None:
    """The header is the scheme and the token; the token is known as a secret and not shown."""
    identity = Identity(token, scheme)

    assert identity.header() == f"{scheme} canary-1"
    assert identity.secrets == (Secret("canary-1"),)
    assert "canary" not in repr(identity)


@pytest.mark.parametrize("token", ["", "can ary", 7])
def test_a_token_is_checked(token: Any) -> None:
    """What cannot stand in a header is refused when it is given, not when it is sent."""
    with pytest.raises(UsageError) as caught:
        Identity(token, "Token")

    assert "ary" not in str(caught.value)


def test_a_function_is_asked_when_a_token_is_first_needed() -> None:
    """Nothing is fetched before, and only one token is fetched for any number of needs."""
    source = Source("canary-1", "canary-2")
    identity = Identity(source, "Token")

    assert (source.asked, identity.secrets) == (0, ())
    for _ in range(3):
        finished(identity.fetch())
    assert source.asked == 1
    assert identity.header() == "Token canary-1"
    assert "canary" not in repr(identity)


def test_there_is_no_header_without_a_token() -> None:
    """A request that was about to leave before its token was fetched would name none."""
    with pytest.raises(RuntimeError, match="before its token was fetched"):
        Identity(Source("canary-1"), "Token").header()


def test_a_refused_token_is_fetched_anew() -> None:
    """After a 401 the function is asked again, and what it gave before stays a secret."""
    source = Source("canary-1", Secret("canary-2"))
    identity = Identity(source, "Token")
    finished(identity.fetch())
    identity.refused(identity.token)
    secrets_between = identity.secrets
    finished(identity.fetch())

    assert (source.asked, identity.header()) == (2, "Token canary-2")
    assert secrets_between == (Secret("canary-1"),)
    assert identity.secrets == (Secret("canary-2"), Secret("canary-1"))


def test_only_the_token_in_use_can_be_refused() -> None:
    """A 401 for a token that was replaced, or for none, changes nothing."""
    identity = Identity(Source("canary-1", "canary-2"), "Token")
    finished(identity.fetch())
    old = identity.token
    identity.refused(old)
    finished(identity.fetch())
    for token in (old, None, Secret("canary-3")):
        identity.refused(token)

    assert identity.header() == "Token canary-2"
    assert identity.may_try_again


def test_a_token_from_a_plain_function() -> None:
    """A function that gives the token at once, and one that gives an awaitable, are both understood."""
    plain, later = Identity(lambda: Secret("canary-1"), "Token"), Identity(lambda: given(), "Token")

    async def given() -> str:
        return "canary-2"

    for identity in (plain, later):
        finished(identity.fetch())

    assert [plain.header(), later.header()] == ["Token canary-1", "Token canary-2"]


def test_old_tokens_are_not_kept_for_ever() -> None:
    """Of the tokens that were refused the last eight are remembered, for answers that come late."""
    identity = Identity(Source(*[f"canary-{n}" for n in range(20)]), "Token")
    for _ in range(19):
        finished(identity.fetch())
        identity.refused(identity.token)
        identity.accepted()
    finished(identity.fetch())

    assert identity.secrets == tuple(Secret(f"canary-{n}") for n in (19, *range(11, 19)))


@pytest.mark.parametrize("token", ["canary\n", "", None, 7], ids=repr)
def test_a_fetched_token_is_checked_too(token: Any) -> None:
    """A function that hands out something else than a token is told so, and nothing is kept of it."""
    identity = Identity(Source(token, "good"), "Token")

    with pytest.raises(UsageError) as caught:
        identity.fetch().send(None)
    assert "canary" not in str(caught.value)
    finished(identity.fetch())
    assert identity.header() == "Token good"
