"""The token of a client: checked, hidden, and fetched once where it comes from a function."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tread_async._identity import LATCH_S, Credential, Identity, TokenFunctionError
from tread_async.errors import AuthError, UsageError
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


async def test_what_is_said_while_the_latch_holds() -> None:
    """Until the last of the 30 s has passed, and not for longer."""
    identity = Identity("canary-1", "Token")
    assert (identity.latched, identity.may_try_again, identity.in_doubt) == (False, False, False)

    identity.refused(identity.token)
    with pytest.raises(AuthError) as caught:
        identity.check()
    latched = identity.latched
    identity._latched_until -= LATCH_S
    identity.check()

    assert caught.value.status == 401
    assert caught.value.message == (
        "the server refused this token; nothing is sent with it for another 30 s. "
        "Give another token, or a function that does"
    )
    assert (latched, identity.latched, identity.in_doubt) == (True, False, True)
    identity.check()
    identity.accepted()
    assert not identity.in_doubt


async def test_a_source_that_is_latched() -> None:
    """With a function, the first 401 lets the request go out once more, and a second one does not."""
    identity = Identity(Source("a", "b", "c"), "Token")
    tries = []
    for _ in range(2):
        await identity.fetch()
        identity.refused(identity.token)
        tries.append((identity.may_try_again, identity.latched))
    with pytest.raises(AuthError):
        await identity.fetch()
    assert identity.token is None
    identity._latched_until -= LATCH_S
    await identity.fetch()

    assert tries == [(True, False), (False, True)]
    assert identity.header() == "Token c"


async def test_the_same_token_is_not_sent_again() -> None:
    """It latches instead; when that is over it is sent, for the server may have changed its mind."""
    identity = Identity(Source("a", "a", "a"), "Token")
    await identity.fetch()
    identity.refused(identity.token)
    with pytest.raises(AuthError, match="another 30 s"):
        await identity.fetch()
    assert identity.token is None
    identity._latched_until -= LATCH_S
    await identity.fetch()

    assert identity.header() == "Token a"


async def test_a_token_is_fetched_once_for_all_who_wait() -> None:
    """Those who come while the function is being asked do not ask it, too."""
    asked = 0

    async def source() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return f"canary-{asked}"

    identity = Identity(source, "Token")
    await asyncio.gather(*[identity.fetch() for _ in range(5)])

    assert (asked, identity.header()) == (1, "Token canary-1")


async def test_an_error_of_the_function_is_carried() -> None:
    """As it is, within one that nobody takes for theirs; the next who needs a token asks again."""
    bug = KeyError("k")

    def source() -> str:
        raise bug

    identity = Identity(source, "Token")
    for _ in range(2):
        with pytest.raises(TokenFunctionError) as caught:
            await identity.fetch()
        assert caught.value.error is bug
        assert caught.value.args == ()
        assert caught.value.__context__ is None


def test_no_header_without_a_token() -> None:
    with pytest.raises(RuntimeError, match=r"^a request was sent before its token was fetched$"):
        Identity(Source("a"), "Token").header()


def test_what_is_printed() -> None:
    assert repr(Identity("canary-1", "Bearer")) == "<Identity Bearer>"
    assert repr(Credential("canary-1", proxy="https://canary@proxy.example")) == "<Credential>"


def test_a_credential_hides_what_it_holds() -> None:
    """A token and a proxy are wrapped; a function stays the function."""
    source = Source("canary-1")
    plain, asked = Credential("canary-1", proxy="https://canary@proxy.example"), Credential(source)

    assert (plain.token, plain.proxy) == (Secret("canary-1"), Secret("https://canary@proxy.example"))
    assert (asked.token, asked.proxy, source.asked) == (source, None, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"token": 7}, "a token is a Secret or a str, not int"),
        ({"token": ""}, "the token is empty"),
        ({"token": "t", "proxy": 7}, "proxy is a Secret or a str, not int"),
    ],
)
def test_what_a_credential_refuses(given: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Credential(**given)

    assert caught.value.message == said


def test_no_frame_holds_a_token_in_clear() -> None:
    """A tool that shows the locals of a traceback shows no token beside a proxy that is refused."""
    with pytest.raises(UsageError) as caught:
        Credential("canary-1", proxy=7)  # type: ignore[arg-type]
    inner = [entry.frame.f_locals for entry in caught.traceback if entry.path.name == "_identity.py"]

    assert inner
    assert "canary" not in repr(inner)
