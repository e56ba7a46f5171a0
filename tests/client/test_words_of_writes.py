"""What the errors of a write that was looked up say, word for word: a person decides by them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.listings import OTHER, at, listing, made, resolved
from tests.support.samples import API_SECRET, ARCHIVED, DONE, LISTED, create
from tests.support.wire import TOKEN, Wire, hang_up, reply, stall
from tread_async import (
    ClosedAfterSendingError,
    NameConflictError,
    NotApplied,
    NotSentError,
    OutcomeUnknownError,
    RejectedError,
    ServerError,
    TreadClient,
    Unknown,
    UsageError,
)

LOST = "it was sent, but no answer came: the connection was lost; read back"
DONE_SAID = "the server said that it is done"
UNSHOWN = f"{DONE_SAID}; no listing shows it"
NO_ACCOUNT = "no account 'new' is listed"
NOT_ARCHIVED = "the account id-1 is listed, and not as archived"
ARRIVES = "; it may still arrive"
DOWN = reply({"message": "down"}, 500)
CREATE, ARCHIVE, UPDATE = "POST /api/accounts/", "DELETE /api/accounts/", "PUT /api/accounts/"

ASK: dict[str, Callable[[TreadClient], Any]] = {
    CREATE: lambda client: create(client, resend=True),
    ARCHIVE: lambda client: client.archive_account("old"),
    UPDATE: lambda client: client.update_account("id-1", margin_mode="CROSS"),
}


@pytest.mark.parametrize(
    ("label", "answers", "lists", "said", "later"),
    [
        (
            CREATE,
            reply(DONE),
            [listing(OTHER)],
            f"{UNSHOWN}; {NO_ACCOUNT}",
            f"{DONE_SAID}; {NO_ACCOUNT}{ARRIVES}",
        ),
        (CREATE, [hang_up, hang_up], [listing(OTHER)], f"{LOST}; {NO_ACCOUNT}", NO_ACCOUNT + ARRIVES),
        (
            CREATE,
            [hang_up, reply({"message": "taken"}, 409)],
            [listing(OTHER)],
            f"{LOST}; {NO_ACCOUNT}. Sent again, it was answered HTTP 409; {NO_ACCOUNT}",
            NO_ACCOUNT + ARRIVES,
        ),
        (
            CREATE,
            hang_up,
            [listing(made(api_key="another"))],
            f"{LOST}; an account 'new' is listed, but not with the same API key",
            "an account 'new' is listed, but not with the same API key",
        ),
        (ARCHIVE, hang_up, [listing(LISTED)], f"{LOST}; {NOT_ARCHIVED}", NOT_ARCHIVED + ARRIVES),
        (
            ARCHIVE,
            hang_up,
            [listing(LISTED), listing()],
            f"{LOST}; the account id-1 is not listed at all",
            "the account id-1 is not listed at all",
        ),
        (UPDATE, hang_up, [listing(LISTED)], LOST, "it does not show" + ARRIVES),
        (UPDATE, hang_up, [*[listing(LISTED)] * 3, DOWN], LOST, "the accounts could not be listed"),
        (ARCHIVE, hang_up, [listing(LISTED), DOWN], LOST, "the accounts could not be listed"),
    ],
)
async def test_unknown(
    served: Callable[..., Any], label: str, answers: Any, lists: list[Any], said: str, later: str
) -> None:
    """The error of the write, what the last listing showed, and what a later one shows."""
    client, _ = await served({label.split()[0]: answers, "GET": lists})
    with pytest.raises(OutcomeUnknownError) as caught:
        await ASK[label](client)
    still = await resolved(caught.value)

    assert (caught.value.message, caught.value.endpoint) == (said, label)
    assert isinstance(still, Unknown)
    assert isinstance(still.error, OutcomeUnknownError)
    assert (still.error.message, still.error.endpoint) == (later, label)
    assert still.error.read_back is not None


@pytest.mark.parametrize(
    ("holders", "options", "said"),
    [
        ([], {}, "no accounts hold the name 'old'"),
        ([ARCHIVED | {"name": "old"}], {}, "no accounts hold the name 'old'"),
        ([LISTED, LISTED | {"id": "id-2"}], {}, "2 accounts hold the name 'old'"),
        ([LISTED], {"expect_id": "id-7"}, "the name 'old' is held by id-1, not id-7"),
    ],
)
async def test_a_name_that_is_not_the_one(
    served: Callable[..., Any], holders: list[Any], options: dict[str, str], said: str
) -> None:
    client, wire = await served({"GET": listing(*holders)})
    with pytest.raises(NameConflictError) as caught:
        await client.archive_account("old", **options)

    assert caught.value.message == f"{said}; nothing was sent"
    assert wire.count("DELETE") == 0


async def test_the_account_that_is_expected(served: Callable[..., Any]) -> None:
    client, wire = await served({"DELETE": reply(DONE), "GET": [listing(LISTED), listing(ARCHIVED)]})

    assert (await client.archive_account("old", expect_id="id-1")).archived
    assert [request.target for request in wire.requests[::2]] == [
        "/api/accounts/",
        "/api/accounts/?include_archived=true",
    ]


async def test_a_conflict(served: Callable[..., Any]) -> None:
    """At once and later, the same words."""
    older = made(created_at=at(-9000))
    said = "an account 'new' was there before; nothing was applied"
    client, _ = await served({"POST": hang_up, "GET": [*[listing(OTHER)] * 3, listing(older)]})
    with pytest.raises(OutcomeUnknownError) as unknown:
        await create(client)
    with pytest.raises(NameConflictError) as conflict:
        await create(client)
    outcome = await resolved(unknown.value)

    assert (conflict.value.message, conflict.value.endpoint) == (said, CREATE)
    assert isinstance(outcome, NotApplied)
    assert isinstance(outcome.error, NameConflictError)
    assert (outcome.error.message, outcome.error.endpoint) == (said, CREATE)


@pytest.mark.parametrize("answer", [hang_up, reply(DONE)], ids=["lost", "acknowledged"])
async def test_the_first_listing_that_fails_is_the_cause(served: Callable[..., Any], answer: Any) -> None:
    """What came of looking is kept on the error; a listing before it still counts."""
    client, wire = await served({"POST": answer, "GET": [listing(OTHER), DOWN, hang_up]})
    with pytest.raises(OutcomeUnknownError, match=f"; {NO_ACCOUNT}$") as caught:
        await create(client, resend=True)

    assert isinstance(caught.value.cause, ServerError)
    assert caught.value.cause.__traceback__ is None
    assert (wire.count("POST"), wire.count("GET")) == (1, 3)


async def test_the_refusal_of_the_second_is_the_cause(served: Callable[..., Any]) -> None:
    """A server that went away between the two adds no words of its own."""
    for second, cause in ((reply({"message": "no"}, 409), RejectedError), (hang_up, type(None))):
        client, _ = await served({"POST": [hang_up, second], "GET": listing(OTHER)})
        with pytest.raises(OutcomeUnknownError) as caught:
            await create(client, resend=True)

        assert type(caught.value.cause) is cause


async def test_a_connection_that_is_refused_when_sent_again(served: Callable[..., Any]) -> None:
    """What never left the second time leaves the first as unknown as it was."""
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    wait = client._calls.pause
    looked = 0

    async def pause(seconds: float) -> None:
        nonlocal looked
        looked += 1
        if looked == 2:
            wire.refuse()
        await wait(seconds)

    client._calls.pause = pause
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client, resend=True)

    assert wire.count("POST") == 1
    assert isinstance(caught.value.cause, NotSentError)
    assert caught.value.message == f"{LOST}; {NO_ACCOUNT}"


@pytest.mark.parametrize(
    ("posts", "requests", "said"),
    [
        ([reply(DONE)], 2, f"{DONE_SAID}; the client was closed before it was read back"),
        ([hang_up, stall], 5, None),
    ],
    ids=["while looking", "while sending again"],
)
async def test_closed(served: Callable[..., Any], posts: list[Any], requests: int, said: str | None) -> None:
    """Closing says that the write had left, and the error leads to a later look."""
    lists = stall if requests == 2 else listing(OTHER)
    client, wire = await served({"POST": posts, "GET": lists})
    task = asyncio.create_task(create(client, resend=True))
    await wire.until(requests=requests)
    await client.close()
    with pytest.raises(ClosedAfterSendingError) as caught:
        await task

    assert caught.value.endpoint == CREATE
    if said is not None:
        assert caught.value.message == said
        assert caught.value.read_back is not None


async def test_closed_between_the_two(served: Callable[..., Any]) -> None:
    """Closed after the last look and before the second is sent."""
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    carry_out = client._calls.carry_out

    async def closing(call: Any) -> Any:
        if wire.count("GET") == 3:
            await client.close()
        return await carry_out(call)

    client._calls.carry_out = closing
    with pytest.raises(ClosedAfterSendingError) as caught:
        await create(client, resend=True)

    assert caught.value.message == (
        "the client was closed after an attempt that may have been applied; read back"
    )
    assert caught.value.endpoint == CREATE
    assert wire.count("POST") == 1


async def test_a_token_function_that_breaks() -> None:
    """A bug of the function is the cause, and there is a way to look again."""
    tokens: list[Any] = [TOKEN, KeyError("k"), "another"]

    def token() -> str:
        if isinstance(given := tokens.pop(0), Exception):
            raise given
        return str(given)

    script = {"POST": reply(DONE), "GET": [reply({}, 401), listing(OTHER)]}
    async with Wire(script) as wire, TreadClient(token, base_url=wire.url) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await create(client)
        still = await resolved(caught.value)

    assert caught.value.message == f"{DONE_SAID}; it may have been applied, and could not be read back"
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(still, Unknown)
    assert isinstance(still.error, OutcomeUnknownError)
    assert still.error.message == f"{DONE_SAID}; {NO_ACCOUNT}{ARRIVES}"


async def test_elsewhere(served: Callable[..., Any]) -> None:
    client, _ = await served({"POST": hang_up, "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    with pytest.raises(UsageError) as refused:
        await asyncio.to_thread(asyncio.run, caught.value.resolve())  # type: ignore[arg-type]

    assert refused.value.message == "resolve() works in the process and on the event loop of its client"


async def test_a_listing_that_repeats_a_secret(served: Callable[..., Any]) -> None:
    """The server has had the secrets of the write: no account and no error may show them."""
    for echo in (listing(made(exchange=API_SECRET)), reply({"message": f"bad {API_SECRET}"}, 400)):
        client, _ = await served({"POST": hang_up, "GET": echo})
        with pytest.raises(OutcomeUnknownError) as caught:
            await create(client)
        still = await resolved(caught.value)
        texts = [str(error) for told in (caught.value, still.error) for error in (told, told.cause) if error]

        assert any("***" in text for text in texts)
        assert not [text for text in texts if API_SECRET in text]


async def test_no_time_to_look(served: Callable[..., Any]) -> None:
    """What was not looked for is not known to be absent, and not sent again."""
    client, wire = await served({"POST": stall, "GET": listing(OTHER)})
    sent: list[str] = []
    carry_out = client._calls.carry_out

    async def noting(call: Any) -> Any:
        sent.append(call.request.endpoint.label)
        return await carry_out(call)

    client._calls.carry_out = noting
    with pytest.raises(OutcomeUnknownError):
        await create(client, resend=True, deadline_s=0.2)

    assert (sent, wire.count("GET")) == ([CREATE], 0)
