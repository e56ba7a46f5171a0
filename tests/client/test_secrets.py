"""Canaries: a token, key, secret and password that must not show anywhere in an error."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.echoes import FAILURES, QUICK, check, echo
from tests.support.samples import (
    ABSOLUTE,
    API_KEY,
    API_SECRET,
    EVERY,
    FAST,
    ONE_TRY,
    PASSWORD,
    READS,
    SECRETS,
    create,
    shown,
    spellings,
)
from tests.support.wire import TOKEN, Exchange, Wire, reply, stall
from tread_async import (
    AuthError,
    Credential,
    Secret,
    ServerError,
    SessionManager,
    TreadClient,
    TreadError,
    UsageError,
)


@pytest.mark.fault("F45", "I13")
@pytest.mark.trap(31)
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("failure", FAILURES)
async def test_canaries(name: str, failure: str) -> None:
    """Whatever the server says or does, no error of any call shows a secret, also with locals and pickled."""
    async with (
        Wire(FAILURES[failure]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=QUICK) as client,
    ):
        try:
            await EVERY[name](client)
        except TreadError as error:
            check(error)
        else:  # any JSON is an answer to a path that is not known
            assert (name.partition(" ")[0], failure) == ("request", "200 with all")


@pytest.mark.fault("I13")
@pytest.mark.parametrize("name", EVERY)
async def test_refused_connection(name: str, unused_tcp_port: int) -> None:
    """Neither does the error of a connection that was refused."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with TreadClient(TOKEN, base_url=url, retry=QUICK) as client:
        with pytest.raises(TreadError) as caught:
            await EVERY[name](client)

    check(caught.value)


@pytest.mark.fault("I13")
async def test_closed(connect: Callable[..., Any]) -> None:
    """Nor the errors of calls that closing ends."""
    async with Wire(stall) as wire:
        client = await connect(wire)
        calls = [asyncio.create_task(ask(client)) for ask in (*READS.values(), create)]
        await wire.until(requests=5)
        await client.close()
        errors = await asyncio.gather(*calls, return_exceptions=True)

    for error in errors:
        check(error)


@pytest.mark.parametrize("name", EVERY)
async def test_cancelled(name: str) -> None:
    """Nor the locals of any frame, aiohttp's included, through which a cancellation passes."""
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        call = asyncio.ensure_future(EVERY[name](client))
        await wire.until(requests=1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call

    assert "aiohttp/" in shown(caught.value)
    assert not [secret for secret in SECRETS for form in spellings(secret) if form in shown(caught.value)]


@pytest.mark.parametrize("name", EVERY)
async def test_token_function(name: str) -> None:
    """What a token function gives shows in no error, also when it is no token at all."""
    for given in (TOKEN, Secret(TOKEN), f"{TOKEN} ", TOKEN.encode(), [TOKEN]):
        token = itertools.repeat(given).__next__  # without a frame of its own, which would be the caller's
        async with (
            Wire(reply(status=401)) as wire,
            TreadClient(token, base_url=wire.url, retry=QUICK) as client,
        ):
            with pytest.raises(TreadError) as caught:
                await EVERY[name](client)
        check(caught.value)


WRONG = [TOKEN.encode(), [TOKEN], {"token": TOKEN}, (TOKEN,)]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "make",
    [
        TreadClient,
        Credential,
        lambda value: TreadClient(TOKEN, proxy=value),
        lambda value: Credential(TOKEN, proxy=value),
        lambda value: SessionManager({"a": value}),
        lambda value: SessionManager({"a": TOKEN, "b": Credential(value)}),
    ],
    ids=["client", "credential", "proxy", "credential's proxy", "manager", "manager's credential"],
)
def test_secret_of_the_wrong_kind(make: Callable[[Any], Any], wrong: Any) -> None:
    """What is no text at all is refused by its type, and shows in no frame either."""
    with pytest.raises(UsageError, match=f"is a Secret or a str, not {type(wrong).__name__}") as caught:
        make(wrong)

    check(caught.value)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("field", ["api_key", "api_secret", "password"])
async def test_key_of_the_wrong_kind(client: TreadClient, sim: Any, field: str, wrong: Any) -> None:
    """Neither do keys and passwords."""
    with pytest.raises(
        UsageError, match=f"{field} is a Secret or a str, not {type(wrong).__name__}"
    ) as caught:
        await create(client, **{field: wrong})

    check(caught.value)
    assert sim.journal.requests == []


PROXIES = [
    "http://user:{}@10.0.0.1:3128",
    "http://{}@10.0.0.1:3128",
    "http://10.0.0.1:3128/{}",
    "http://10.0.0.1:3128?key={}",
    "http://10.0.0.1:3128/#{}",
    "socks5://{}@10.0.0.1",
    "{}",
]


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("kind", [str, Secret])
def test_proxy_with_credentials(proxy: str, kind: Callable[[str], Any]) -> None:
    """A proxy is a host and a port: aiohttp shows its URL, so that nothing secret may stand in it."""
    for make in (
        lambda value: TreadClient(TOKEN, proxy=value),
        lambda value: SessionManager({"a": Credential(TOKEN, proxy=value)}),
    ):
        with pytest.raises(UsageError, match="proxy") as caught:
            make(kind(proxy.format(PASSWORD)))
        check(caught.value)


AWKWARD = 'canary"quoted\\password\u00e9'


@pytest.mark.fault("F45", "I13")
@pytest.mark.parametrize(
    "shape",
    [
        lambda fields: {"message": fields["password"]},
        lambda fields: {"message": {"password": fields["password"]}},
        lambda fields: {"errors": [{"field": fields["password"]}]},
        lambda fields: {"password": {"given": [fields["password"]]}},
        lambda fields: str(fields).encode(),
        lambda fields: b"while parsing " + bytes(__import__("json").dumps(fields), "ascii"),
    ],
    ids=["text", "object", "list", "field", "repr", "JSON in text"],
)
async def test_awkward_secret(shape: Callable[[Any], Any]) -> None:
    """A secret with quotes and backslashes is found in an echo that escapes them, too."""
    async with (
        Wire(echo(400, shape)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        with pytest.raises(TreadError) as caught:
            await create(client, password=AWKWARD)

    assert "canary" not in shown(caught.value).replace("canary-", "")


@pytest.mark.parametrize("names", [None, ["a"]])
async def test_echo_among_the_errors_of_the_cached_call(names: list[str] | None) -> None:
    """What the cached call lists as not read shows no secret and no control character either."""
    said = {"message": f"\x1b[31mno answer for {TOKEN}", "code": 7}
    answer = reply({"balances": [], "errors": [said]})
    async with Wire(answer) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        cached = await client.cached_balances(names)

    assert cached.errors == ({"message": " no answer for ***", "code": 7},)


@pytest.mark.fault("I13")
async def test_echo_while_the_token_is_replaced() -> None:
    """A token that another call found refused meanwhile is still kept out of an echo."""

    async def first_and_third_refused(exchange: Exchange) -> None:
        place = len(wire.requests)
        if place == 2:
            await wire.until(requests=3)
            await exchange.send(reply({"message": exchange.request.header("authorization")[0]}, 500))
        else:
            await wire.until(requests=2)
            await exchange.send(reply(status=401))

    tokens = iter([TOKEN, "another-canary"])
    async with (
        Wire(first_and_third_refused) as wire,
        TreadClient(lambda: next(tokens), base_url=wire.url, retry=ONE_TRY) as client,
    ):
        refused, echoed = await asyncio.gather(client.accounts(), client.accounts(), return_exceptions=True)

    assert {type(refused), type(echoed)} == {AuthError, ServerError}
    for error in (refused, echoed):
        assert TOKEN not in str(error)


async def test_retry_state_keeps_nothing(sim: Any, client: TreadClient) -> None:
    """The error after repeats has the last attempt's frames, unchained, and no secret."""
    sim.fail(status=500)
    with pytest.raises(ServerError) as caught:
        await client.accounts()

    assert caught.value.attempts == 3
    check(caught.value, (sim.tokens[0],))


@pytest.mark.fault("F43", "I13")
@pytest.mark.parametrize("secret", [API_SECRET + "\n", "\x00" + API_SECRET, Secret(API_SECRET + "\x7f")])
async def test_refused_secret(client: TreadClient, sim: Any, secret: Any) -> None:
    """A key with a control character is refused here, without repeating it."""
    for field in ("api_key", "api_secret", "password"):
        with pytest.raises(UsageError) as caught:
            await create(client, **{field: secret})
        assert API_SECRET not in f"{caught.value!r} {caught.value}"

    assert sim.journal.requests == []


def test_refused_token() -> None:
    """A token that cannot stand in a header is refused without repeating it."""
    for token in (f"{TOKEN}\r\nX: y", f"{TOKEN} ", f" {TOKEN}", f"{TOKEN}\x00", f"{TOKEN}é", ""):
        with pytest.raises(UsageError) as caught:
            TreadClient(token)
        assert TOKEN not in f"{caught.value!r} {caught.value}"


async def test_reprs(client: TreadClient, sim: Any) -> None:
    """Neither the client nor what it returns shows a token or key."""
    listed = await client.accounts()
    text = f"{client!r} {vars(client)!r} {listed!r} {client._calls!r} {vars(client._calls)!r}"

    assert sim.tokens[0] not in text
    assert not [account.api_key for account in sim.accounts() if account.api_key in text]


async def test_create_keeps_no_secret(client: TreadClient) -> None:
    """What is returned by creating shows neither key nor password."""
    made = await create(client)

    assert not [secret for secret in (API_KEY, API_SECRET, PASSWORD) if secret in repr(made)]


async def test_absolute_writes_never_carry_a_mask() -> None:
    """No write but creating carries a key, secret or password."""
    async with Wire(reply()) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        for ask in ABSOLUTE.values():
            await ask(client)

    keys = {key for request in wire.requests for key in request.json()}
    assert keys == {"id", "margin_mode", "leverage", "pair", "account_ids"}
