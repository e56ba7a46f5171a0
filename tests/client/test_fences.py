"""What must not get past the client, in either direction."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import anyio
import pytest

import tread_async
from tests.support.samples import ABSOLUTE, FAST, PAIR, READS, create
from tests.support.wire import TOKEN, Wire, reply, stall
from tread_async import (
    DeadlineExceededError,
    OutcomeUnknownError,
    RejectedError,
    Secret,
    ServerError,
    TreadClient,
    UsageError,
)
from tread_async._codec import requests
from tread_async.simulator import Simulator

MASK = "*" * 20
PACKAGE = str(Path(tread_async.__file__).parent)


def locals_of_ours(error: BaseException) -> list[str]:
    """What a traceback with locals shows of the frames of the package; there is at least one."""
    stack = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    ours = [str(frame.locals) for frame in stack if frame.filename.startswith(PACKAGE)]
    assert ours
    return ours


@pytest.mark.fault("I9")
async def test_a_request_that_leaves_its_origin_carries_no_token() -> None:
    """The token is put on where the origin is checked: another one gets nothing at all."""
    async with (
        Wire(reply([])) as ours,
        Wire(reply([])) as other,
        TreadClient(TOKEN, base_url=ours.url) as client,
    ):
        assert client._calls is not None
        transport = client._calls._transport
        for session in (transport._reads, transport._writes):
            with pytest.raises(RuntimeError, match="origin"):
                await session.get(f"{other.url}/api/accounts/")

    assert (other.heard_bytes, ours.heard_bytes) == (0, 0)


@pytest.mark.fault("F24")
@pytest.mark.trap(8)
@pytest.mark.parametrize(
    "said",
    [
        {"error": "Internal server error"},
        {"errors": ["unknown account"]},
        {"detail": "no"},
        {"request_created": True, "request_id": 7},
        {"message": "ok", "errors": [{"id": "a"}]},
    ],
)
async def test_a_success_that_speaks_of_an_error_is_unknown(said: dict[str, Any]) -> None:
    """A 200 with an error or a pending approval in it is not taken for done, and not sent again."""
    async with Wire(reply(said)) as wire, TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
        for ask in (*ABSOLUTE.values(), create):
            with pytest.raises(OutcomeUnknownError):
                await ask(client)

    assert wire.count("POST") == 2
    assert wire.count("PUT") == 1


@pytest.mark.trap(31)
@pytest.mark.parametrize("mask", [MASK, Secret(MASK)], ids=["text", "secret"])
async def test_a_mask_is_never_sent_back(client: TreadClient, sim: Simulator, mask: Any) -> None:
    """What the list shows in place of a secret is refused wherever a secret can be given."""
    with pytest.raises(UsageError, match="mask"):
        await create(client, api_secret=mask)
    with pytest.raises(UsageError, match="mask"):
        await create(client, password=mask)
    with pytest.raises(UsageError, match="mask"):
        await create(client, extra={"passphrase": mask})
    with pytest.raises(UsageError, match="mask"):
        await client.update_account("id-1", extra={"api_secret": mask})

    assert sim.journal.requests == []


async def test_a_secret_in_extra_is_sent_and_not_shown() -> None:
    """A Secret among the extra fields goes out in clear and is blacked out where it is echoed."""
    async with (
        Wire(reply({"message": "bad canary-extra"}, 400)) as wire,
        TreadClient(TOKEN, base_url=wire.url) as client,
    ):
        with pytest.raises(RejectedError, match=r"bad \*\*\*"):
            await client.update_account("id-1", extra={"passphrase": Secret("canary-extra")})

    assert wire.requests[0].json()["passphrase"] == "canary-extra"


@pytest.mark.fault("F43")
async def test_wrong_kinds_of_argument_are_refused(client: TreadClient, sim: Simulator) -> None:
    """What is no mapping, no flag and no escape is a UsageError, and nothing is sent."""
    wrong = [
        lambda: client.request("GET", "/api/x", params="a=b"),  # type: ignore[arg-type]
        lambda: client.request("GET", "/api/x", params=[("a", "b")]),  # type: ignore[arg-type]
        lambda: client.request("GET", "/api/%zz"),
        lambda: client.update_account("id-1", extra=["ab"]),  # type: ignore[arg-type]
        lambda: client.update_account("id-1", extra=5),  # type: ignore[arg-type]
        lambda: client.accounts(include_archived="false"),  # type: ignore[arg-type]
    ]
    for call in wrong:
        with pytest.raises(UsageError):
            await call()

    assert sim.journal.requests == []
    for headers in (["a"], "ab"):
        with pytest.raises(UsageError):
            TreadClient(TOKEN, headers=headers)  # type: ignore[arg-type]
    for base_url in ("https://a..b", f"https://{'a' * 64}.fi"):
        with pytest.raises(UsageError):
            TreadClient(TOKEN, base_url=base_url)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: TreadClient("canary 1"),
        lambda: TreadClient(Secret("canary 1")),
        lambda: TreadClient("canary-1", base_url="http://example.com"),
        lambda: TreadClient("ok", proxy="http://user:canary@proxy:1"),
    ],
    ids=["token", "secret token", "base URL", "proxy"],
)
def test_a_client_that_was_refused_shows_no_secret(refused: Any) -> None:
    """A traceback with locals of a refused constructor renders, and holds the secret in no frame of ours."""
    with pytest.raises(UsageError) as caught:
        refused()

    assert not [text for text in locals_of_ours(caught.value) if "canary" in text]


@pytest.mark.fault("F43", "I13")
@pytest.mark.parametrize(
    "changes",
    [
        {"extra": {"x": object()}},
        {"api_key": ""},
        {"api_secret": "canary\x00"},
        {"password": "canary\n"},
        {"name": ""},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_refused_create_shows_no_secret(client: TreadClient, changes: dict[str, Any]) -> None:
    """Whatever argument is refused, no frame of the library holds one of the secrets in clear."""
    with pytest.raises(UsageError) as caught:
        await create(client, **changes)

    assert not [text for text in locals_of_ours(caught.value) if "canary" in text]


async def test_a_passed_deadline_sends_nothing() -> None:
    """Also over a kept connection, where a request would leave in the same step."""
    async with Wire(reply([])) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        await client.accounts()
        assert client._calls is not None
        with pytest.raises(DeadlineExceededError, match="no time left"):
            await client._calls.run(
                requests.accounts(include_archived=False), asyncio.get_running_loop().time() - 1
            )

    assert len(wire.requests) == 1


async def test_a_deadline_that_passes_in_this_millisecond_sends_nothing() -> None:
    """Nobody answers so soon, and to uvloop's clock, in whole ones, it may as well have passed."""
    async with Wire(reply([])) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        await client.accounts()
        assert client._calls is not None
        deadline = asyncio.get_running_loop().time() + 0.0002
        with pytest.raises(DeadlineExceededError, match="no time left"):
            await client._calls.run(requests.accounts(include_archived=False), deadline)

    assert len(wire.requests) == 1


@pytest.mark.parametrize("name", ["accounts", "set_leverage"])
async def test_an_error_of_the_token_function_is_its_own(name: str) -> None:
    """Also one of our kind: it is not taken for an answer, nor the function asked again."""
    asked = []

    async def token() -> str:
        asked.append(1)
        raise ServerError(500, "the vault is down")

    async with Wire(reply([])) as wire, TreadClient(token, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(ServerError, match="vault"):
            await (READS | ABSOLUTE)[name](client)

    assert (len(asked), len(wire.requests)) == (1, 0)


async def test_a_cancelled_token_function_cancels_a_split_call() -> None:
    """Where the token's future was cancelled, a call of many requests ends like one of one request."""

    async def token() -> str:
        raise asyncio.CancelledError

    async with Wire(reply({})) as wire, TreadClient(token, base_url=wire.url) as client:
        for names in (["a"], [f"{'n' * 900}-{n}" for n in range(9)]):
            with pytest.raises(asyncio.CancelledError):
                await client.balances(names)

    assert wire.requests == []


async def test_leaving_the_block_under_a_cancelled_scope_closes_everything() -> None:
    """anyio cancels every await of a cancelled scope: closing goes on all the same."""
    async with Wire(stall) as wire:
        with anyio.move_on_after(0.02):
            async with TreadClient(TOKEN, base_url=wire.url) as client, anyio.create_task_group() as group:
                group.start_soon(client.accounts)
                group.start_soon(ABSOLUTE["set_leverage"], client)
                await wire.until(requests=2)
                await anyio.sleep_forever()
        assert client._calls is not None
        sessions = [vars(client._calls._transport)[name] for name in ("_reads", "_writes")]

        assert [session.closed for session in sessions] == [True, True]


async def test_more_than_a_hundred_in_flight() -> None:
    """max_in_flight is the only limit: the pool has none of its own."""
    everyone, calls = asyncio.Event(), 120

    async def together(exchange: Any) -> None:
        if len(wire.requests) == calls:
            everyone.set()
        await everyone.wait()
        await exchange.send(reply([]))

    async with Wire(together) as wire, TreadClient(TOKEN, base_url=wire.url, max_in_flight=calls) as client:
        await asyncio.gather(*[client.accounts(deadline_s=10) for _ in range(calls)])

    assert len(wire.requests) == calls


def test_pair_is_what_a_key_is_made_of() -> None:
    """Leverage of one account in two pairs are two things."""
    one, two = (requests.set_leverage(leverage="5", pair=pair, account_ids=["a"]) for pair in (PAIR, "B-C"))
    assert set(one.keys).isdisjoint(two.keys)


@pytest.mark.parametrize("name", [*ABSOLUTE, "create_account"])
async def test_a_write_that_closing_cut_off_says_so(name: str) -> None:
    """It was sent, by one attempt, to this endpoint, and it was the closing that ended it."""
    ask = (ABSOLUTE | {"create_account": create})[name]
    async with Wire(stall) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        task = asyncio.create_task(ask(client))  # type: ignore[arg-type]
        await wire.until(requests=1)
        await client.close()
        with pytest.raises(OutcomeUnknownError, match="closed") as caught:
            await task

    assert caught.value.attempts == 1
    assert (caught.value.endpoint or "").endswith(wire.requests[0].target)
