"""An outcome that was unknown, asked about again later."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.listings import OTHER, at, listing, made, resolved
from tests.support.samples import (
    API_KEY,
    API_SECRET,
    ARCHIVED,
    DONE,
    LISTED,
    METHODS,
    create,
    shown,
    spellings,
)
from tests.support.wire import Exchange, hang_up, reply, stall
from tread_async import (
    Applied,
    ClientClosedError,
    ClosedAfterSendingError,
    DeadlineExceededError,
    NameConflictError,
    NotApplied,
    OutcomeUnknownError,
    Unknown,
    UsageError,
)
from tread_async._codec.requests import Request


@pytest.mark.parametrize("name", ["create_account", "archive_account"])
async def test_resolved_later(served: Callable[..., Any], name: str) -> None:
    """First nothing shows it, then a listing does: applied, with what it shows."""
    creates = name == "create_account"
    shows = [listing(OTHER)] * (3 if creates else 4) + [listing(OTHER)]
    shows.append(listing(OTHER, made()) if creates else listing(ARCHIVED))
    client, wire = await served({METHODS[name]: hang_up, "GET": shows})
    with pytest.raises(OutcomeUnknownError) as caught:
        await (create(client) if creates else client.archive_account("old"))
    still, applied = await resolved(caught.value), await resolved(caught.value)

    assert isinstance(still, Unknown)
    assert "may still arrive" in still.error.message
    assert applied == Applied(seen="id-9" if creates else "old_archived_x")
    assert wire.count(METHODS[name]) == 1


async def test_what_was_resolved_as_not_applied_is_no_rival(served: Callable[..., Any]) -> None:
    """A later create finds its account: the earlier one cannot have made it."""
    client, wire = await served({"POST": hang_up, "GET": reply({}, 500)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    older = made(id="id-1", created_at=at(-4000))
    wire.script = {"POST": hang_up, "GET": listing(older)}
    assert isinstance(await resolved(caught.value), NotApplied)
    wire.script = {"POST": hang_up, "GET": listing(older | {"name": "gone", "archived": True}, made())}

    assert (await create(client)).id == "id-9"


async def test_resolving_what_could_be_asked_again(served: Callable[..., Any]) -> None:
    """An outcome that is still unknown has an error that can be asked again."""
    shows = [listing(OTHER)] * 4 + [listing(OTHER, made())]
    client, _ = await served({"POST": hang_up, "GET": shows})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    still = await resolved(caught.value)

    assert isinstance(still, Unknown)
    assert isinstance(still.error, OutcomeUnknownError)
    assert await resolved(still.error) == Applied(seen="id-9")


@pytest.mark.fault("I2")
@pytest.mark.parametrize("name", ["create_account", "archive_account"])
async def test_absence_proves_nothing(served: Callable[..., Any], name: str) -> None:
    """However often it is asked: it may be on its way, or done and undone."""
    client, _ = await served({METHODS[name]: hang_up, "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await (create(client) if name == "create_account" else client.archive_account("old"))

    assert all([isinstance(await resolved(caught.value), Unknown) for _ in range(3)])


async def test_acknowledged_is_never_not_applied(served: Callable[..., Any]) -> None:
    """What was acknowledged and never shows is unknown for ever."""
    client, _ = await served({"POST": reply(DONE), "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError, match="the server said that it is done") as caught:
        await create(client)

    assert isinstance(await resolved(caught.value), Unknown)


async def test_another_margin_mode_proves_nothing(served: Callable[..., Any]) -> None:
    """It may have been set, and set otherwise since."""
    shows = [listing(LISTED | {"margin_mode": "CASH"})] * 5 + [listing(LISTED | {"margin_mode": "CROSS"})]
    client, _ = await served({"PUT": hang_up, "GET": shows})
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.update_account("id-1", margin_mode="CROSS")

    assert isinstance(await resolved(caught.value), Unknown)
    assert isinstance(await resolved(caught.value), Unknown)
    assert await resolved(caught.value) == Applied(seen="CROSS")


async def test_fields_that_do_not_show(served: Callable[..., Any]) -> None:
    """An update of other fields is not looked up, and cannot be resolved."""
    client, wire = await served({"PUT": hang_up, "GET": listing(LISTED | {"margin_mode": "CROSS"})})
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.update_account("id-1", margin_mode="CROSS", extra={"vcefi_enabled": True})
    with pytest.raises(UsageError, match="cannot be read back"):
        await caught.value.resolve()

    assert wire.count("GET") == 0


async def test_resolving_fails(served: Callable[..., Any]) -> None:
    """A listing that fails is no outcome: still unknown, with the reason."""
    client, _ = await served({"POST": hang_up, "GET": [listing(OTHER)] * 3 + [reply(status=500)]})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    still = await resolved(caught.value)

    assert isinstance(still, Unknown)
    assert still.error.cause is not None  # type: ignore[attr-defined]


async def test_resolving_in_a_time_of_its_own(served: Callable[..., Any]) -> None:
    """Its own deadline takes the place of the client's: in time it is still unknown, with the reason."""
    shows = [listing(OTHER)] * 3 + [stall, listing(OTHER, made())]
    client, wire = await served({"POST": hang_up, "GET": shows}, deadline_s=60.0)
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    async with asyncio.timeout(5.0):
        still = await caught.value.resolve(deadline_s=0.3)

    assert isinstance(still, Unknown)
    assert isinstance(still.error, OutcomeUnknownError)
    assert isinstance(still.error.cause, DeadlineExceededError)
    assert wire.count("GET") == 4
    assert await still.error.resolve(deadline_s=5) == Applied(seen="id-9")


async def test_resolving_with_more_time_than_the_client_gives(served: Callable[..., Any]) -> None:
    """What took too long for the client's deadline is found with a longer one."""

    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.2)
        await exchange.send(listing(OTHER, made()))

    client, _ = await served({"POST": hang_up, "GET": [listing(OTHER)] * 3 + [slow]}, deadline_s=0.1)
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client, deadline_s=30)

    assert isinstance(await resolved(caught.value), Unknown)
    assert await caught.value.resolve(deadline_s=5) == Applied(seen="id-9")


@pytest.mark.parametrize("deadline_s", [0, -1, float("nan"), float("inf"), True, "1", 86_400])
async def test_resolving_with_a_bad_deadline(served: Callable[..., Any], deadline_s: Any) -> None:
    """A deadline that is none is refused, and nothing is listed."""
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    with pytest.raises(UsageError, match="deadline_s"):
        await caught.value.resolve(deadline_s=deadline_s)

    assert wire.count("GET") == 3


async def test_resolving_after_closing(served: Callable[..., Any]) -> None:
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    await client.close()

    assert isinstance(await resolved(caught.value), Unknown)
    assert wire.count("GET") == 3


async def test_closed_while_looking(served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends the wait between two listings: closed, and what was sent is unknown."""
    monkeypatch.undo()
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    task = asyncio.create_task(create(client))
    await wire.until(requests=2)
    await asyncio.sleep(0.02)
    await client.close()
    with pytest.raises(ClosedAfterSendingError):
        await task


async def test_closed_while_listing(served: Callable[..., Any]) -> None:
    client, wire = await served({"POST": reply(DONE), "GET": stall})
    task = asyncio.create_task(create(client))
    await wire.until(requests=2)
    await client.close()
    with pytest.raises(ClientClosedError) as caught:
        await task

    assert isinstance(caught.value, OutcomeUnknownError)


async def test_cancelled_while_looking(served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who leaves is let go, and nothing is listed after it."""
    monkeypatch.undo()
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    task = asyncio.create_task(create(client))
    await wire.until(requests=2)
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(wire.requests) == 2


@pytest.mark.fault("I13")
async def test_the_error_keeps_no_secret(served: Callable[..., Any]) -> None:
    """The way to resolve is not shown, pickled or copied."""
    client, _ = await served({"POST": hang_up, "GET": listing(LISTED, made(created_at=None))})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    error = caught.value
    copies = [pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)]

    assert not any(text in shown(error) for text in spellings(API_KEY))
    for other in copies:
        assert (other.message, other.attempts, other.endpoint) == (error.message, 1, error.endpoint)
        with pytest.raises(UsageError):
            await other.resolve()


async def test_another_had_the_name_all_along(served: Callable[..., Any]) -> None:
    """A later listing shows an account that was there before: not applied."""
    older = made(created_at=at(-9000))
    client, _ = await served({"POST": hang_up, "GET": [listing(OTHER)] * 3 + [listing(older)]})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    outcome = await resolved(caught.value)

    assert isinstance(outcome, NotApplied)
    assert isinstance(outcome.error, NameConflictError)
    assert outcome.error.endpoint == "POST /api/accounts/"


async def test_an_account_that_is_not_listed_at_all(served: Callable[..., Any]) -> None:
    """Archived or not, a list that leaves it out does not tell, ever."""
    client, _ = await served({"DELETE": hang_up, "GET": [listing(OTHER), listing()]})
    with pytest.raises(OutcomeUnknownError, match="not listed at all") as caught:
        await client.archive_account("old")

    assert isinstance(await resolved(caught.value), Unknown)


async def test_closed_before_it_is_sent_again(served: Callable[..., Any]) -> None:
    """The second is not sent, and of the first it is not known."""
    client, wire = await served({"POST": [hang_up, stall], "GET": listing(OTHER)})
    task = asyncio.create_task(create(client, resend=True))
    await wire.until(requests=5)
    await client.close()
    with pytest.raises(ClosedAfterSendingError):
        await task

    assert wire.count("POST") == 2


async def test_resolving_elsewhere(served: Callable[..., Any]) -> None:
    """Another event loop cannot use the client's connections."""
    client, wire = await served({"POST": hang_up, "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    with pytest.raises(UsageError, match="on the event loop of its client"):
        await asyncio.to_thread(asyncio.run, caught.value.resolve())

    assert wire.count("GET") == 3


@pytest.mark.fault("I13")
async def test_the_way_back_keeps_no_body(served: Callable[..., Any]) -> None:
    """What an error leads to holds neither the request nor a secret in clear."""
    client, _ = await served({"POST": hang_up, "GET": listing(OTHER)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)
    kept = vars(caught.value.read_back.__self__)  # type: ignore[union-attr]

    assert not any(isinstance(value, Request | bytes) for value in kept.values())
    assert not any(text in repr(kept) for text in spellings(API_SECRET))
