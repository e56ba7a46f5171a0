"""Creating, archiving and unlisted writes: sent once whatever happens, and never a false "not applied"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.samples import (
    ARCHIVED,
    DONE,
    LISTED,
    METHODS,
    ONCE,
    create,
    write_script,
)
from tests.support.wire import TOKEN, Step, Wire, cut, hang_up, reply, reset, stall
from tread_async import (
    Account,
    ApiError,
    NameConflictError,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    TreadClient,
)
from tread_async.simulator import Simulator

HURRIED = RetryPolicy(attempts=5, attempt_timeout_s=0.1, base_s=0.001, throttled_base_s=0.001, cap_s=0.001)
BOTH = ("create_account", "archive_account")

AMBIGUOUS: dict[str, Step] = {
    "500": reply({"message": "Something went wrong..."}, 500),
    "502": reply(b"<html>", 502, Content_Type="text/html"),
    "503": reply(status=503),
    "503 with a hint": reply(status=503, Retry_After="0"),
    "429": reply(status=429, Retry_After="0"),
    "422": reply({"message": "no"}, 422),
    "hang up": hang_up,
    "reset": reset,
    "time out": stall,
    "cut in the head": cut(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in the body": cut(reply(DONE, length=99)),
    "not HTTP": cut(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "redirect": reply(status=307, Location="/api/accounts/"),
}
ODD_SUCCESS: dict[str, Step] = {
    "half an object": reply(b'{"message"'),
    "a list": reply([]),
    "a web page": reply(b"<html>ok</html>", Content_Type="text/html"),
    "nothing": reply(b""),
    "null": reply(b"null"),
    "202": reply(DONE, 202),
    "204": reply(b"", 204),
    "999": reply(DONE, 999),
    "too large": reply(b" " * 70_000 + b"{}"),
}


@pytest.mark.fault("I1", "I2", "I4")
@pytest.mark.trap(7)
@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("failure", AMBIGUOUS)
async def test_unknown(name: str, failure: str) -> None:
    """Whatever goes wrong after sending, the write went out once and its outcome is unknown."""
    async with (
        Wire(write_script(name, AMBIGUOUS[failure])) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=HURRIED) as client,
    ):
        with pytest.raises(OutcomeUnknownError) as caught:
            await ONCE[name](client)

    assert wire.count(METHODS[name]) == 1
    assert caught.value.attempts == 1
    assert caught.value.endpoint is not None
    assert caught.value.endpoint.startswith(METHODS[name])
    assert client.stats.retries == {}


@pytest.mark.fault("F24", "F25", "I1", "I2")
@pytest.mark.trap(8, 40)
@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("answer", ODD_SUCCESS)
async def test_odd_success(name: str, answer: str) -> None:
    """A success that is not the documented one may have been one: sent once, outcome unknown."""
    async with (
        Wire(write_script(name, ODD_SUCCESS[answer])) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=HURRIED) as client,
    ):
        with pytest.raises(OutcomeUnknownError) as caught:
            await ONCE[name](client)

    assert wire.count(METHODS[name]) == 1
    assert caught.value.cause is not None


@pytest.mark.fault("F09", "F18", "I1", "I2", "I4")
@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415])
async def test_refused(name: str, status: int) -> None:
    """A refusal before acting is raised as itself: not applied. Sent once."""
    async with (
        Wire(write_script(name, reply({"message": "no"}, status))) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=HURRIED) as client,
    ):
        with pytest.raises(ApiError) as caught:
            await ONCE[name](client)

    assert (caught.value.status, caught.value.message) == (status, "no")
    assert wire.count(METHODS[name]) == 1


@pytest.mark.fault("I1", "I2")
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 500, "apply": "all"},
        {"status": 503, "apply": "all"},
        {"drop": "before"},
        {"drop": "after"},
        {"drop": "after", "apply": "all"},
        {"body": b"{"},
        {"truncate_bytes": 3},
        {"delay_s": 60.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", BOTH)
async def test_applied_or_not(sim: Simulator, name: str, fault: dict[str, Any]) -> None:
    """Applied behind the failure: it is found by listing. Not applied: unknown. Sent once either way."""
    sim.fail(endpoint=name, **fault)
    account = sim.accounts()[0]
    async with TreadClient(sim.tokens[0], base_url=sim.url, retry=HURRIED) as client:
        ask = create(client) if name == "create_account" else client.archive_account(account.name)
        try:
            found: Account | None = await ask
        except OutcomeUnknownError:
            found = None

    assert sim.journal.count(name) == 1
    assert (found is not None) == (len(sim.journal.changes) == 1)
    if found is not None:
        assert found.id == (sim.accounts()[-1].id if name == "create_account" else account.id)


@pytest.mark.trap(9)
@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    "listing", [reply(status=500), reply(status=401), hang_up, reply([LISTED]), reply(b"[")], ids=range(5)
)
async def test_listing_fails_after_it(name: str, listing: Step) -> None:
    """An acknowledged write that the listing does not confirm is unknown, never the listing's error."""
    before = [] if name == "create_account" else [reply([LISTED])]
    script = write_script(name, reply(DONE)) | {"GET": [*before, listing]}
    async with (
        Wire(script) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=HURRIED) as client,
    ):
        with pytest.raises(OutcomeUnknownError, match="the server said that it is done"):
            await ONCE[name](client)

    assert wire.count(METHODS[name]) == 1


@pytest.mark.parametrize("name", BOTH)
async def test_listing_is_repeated(sim: Simulator, client: TreadClient, name: str) -> None:
    """The listing after a write is a read like any other: it is repeated, the write is not."""
    sim.fail(endpoint="accounts", nth=1 if name == "create_account" else 2, status=503)
    archived = sim.accounts()[0].name
    await (create(client) if name == "create_account" else client.archive_account(archived))

    assert sim.journal.count(name) == 1
    assert client.stats.retries == {"HTTP 503": 1}


@pytest.mark.fault("I1")
async def test_refused_connection_is_repeated(unused_tcp_port: int) -> None:
    """What never left may be sent again: a server that comes up meanwhile gets it, once."""
    script = write_script("create_account", reply(DONE)) | {"GET": reply([LISTED | {"name": "new"}])}
    wire = Wire(script, port=unused_tcp_port)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(TreadClient(TOKEN, base_url=wire.url, retry=HURRIED))

        async def server_comes_up(_: float) -> None:
            await stack.enter_async_context(wire)

        client._calls._sleep = server_comes_up
        made = await create(client)

    assert made.name == "new"
    assert wire.count("POST") == 1
    assert client.stats.retries == {"NotSentError": 1}


async def test_refused_for_good(unused_tcp_port: int) -> None:
    """A host that refuses every connection leaves no doubt: not sent, and not counted as sent."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with TreadClient(TOKEN, base_url=url, retry=HURRIED) as client:
        with pytest.raises(NotSentError) as caught:
            await create(client)

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert not caught.value.permanent
    assert client.stats.requests_sent == 0


@pytest.mark.trap(6)
@pytest.mark.parametrize(
    "held", [[], [LISTED, LISTED | {"id": "id-2"}], [LISTED | {"name": "OLD"}], [ARCHIVED]]
)
async def test_archive_needs_one_holder(held: list[Any]) -> None:
    """Where not exactly one live account holds the name, nothing is sent."""
    async with Wire(reply(held)) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        with pytest.raises(NameConflictError, match="nothing was sent"):
            await client.archive_account("old")

    assert wire.count("DELETE") == 0


@pytest.mark.trap(6)
async def test_archive_checks_the_id(sim: Simulator, client: TreadClient) -> None:
    """A name held by another account than expected is a conflict, and nothing is sent."""
    name, other = sim.accounts()[0].name, sim.accounts()[1].id
    with pytest.raises(NameConflictError, match="nothing was sent"):
        await client.archive_account(name, expect_id=other)

    assert sim.journal.count("archive_account") == 0
    assert sim.journal.changes == []


@pytest.mark.trap(7)
async def test_name_used_again(sim: Simulator, client: TreadClient) -> None:
    """The account returned is the one archived, not a new one of its name, and not an older one."""
    first = sim.accounts()[0]
    await client.archive_account(first.name)
    await create(client, name=first.name)
    gone = await client.archive_account(first.name)

    assert gone.id == sim.accounts()[-1].id != first.id
    assert [account.archived for account in sim.accounts() if account.id == first.id] == [True]


@pytest.mark.fault("F09")
async def test_name_taken(sim: Simulator, client: TreadClient) -> None:
    """Creating under a name that is taken is the server's refusal, and changes nothing."""
    with pytest.raises(ApiError) as caught:
        await create(client, name=sim.accounts()[0].name)

    assert caught.value.status == 400
    assert "already exists" in caught.value.message
    assert sim.journal.changes == []


async def test_created_at_once(sim: Simulator, connect: Callable[..., Any]) -> None:
    """Accounts created at once are each sent once and each found by its own name."""
    client = await connect(sim)
    names = [f"new-{number}" for number in range(12)]
    made = await asyncio.gather(*[create(client, name=name) for name in names])

    assert [account.name for account in made] == names
    assert sim.journal.count("create_account") == 12
