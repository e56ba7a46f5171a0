"""A write whose answer was lost: found by listing, or unknown, and never a false "not applied"."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.listings import OTHER, at, listing, made
from tests.support.samples import ABSOLUTE, ARCHIVED, DONE, FAST, LISTED, METHODS, create
from tests.support.wire import TOKEN, Exchange, Step, Wire, hang_up, reply
from tread_async import (
    NameConflictError,
    OutcomeUnknownError,
    RetryPolicy,
    TreadClient,
    Unknown,
    UsageError,
)
from tread_async.simulator import Simulator

LOST: dict[str, Step] = {
    "closed": hang_up,
    "500": reply({"message": "no"}, 500),
    "503": reply(status=503),
    "429": reply(status=429, Retry_After="0"),
    "422": reply({"message": "no"}, 422),
    "a web page": reply(b"<html>", Content_Type="text/html"),
    "nothing": reply(b""),
    "a redirect": reply(status=307, Location="/api/accounts/"),
}


@pytest.mark.fault("F05", "F08", "F24", "I2")
@pytest.mark.parametrize("how", LOST)
async def test_a_created_account_is_found(served: Callable[..., Any], how: str) -> None:
    """Whatever was answered: an account of that name, exchange and key, made since, is the one."""
    client, wire = await served({"POST": LOST[how], "GET": listing(LISTED, made())})
    found = await create(client)

    assert found.id == "id-9"
    assert (wire.count("POST"), wire.count("GET")) == (1, 1)
    assert wire.requests[-1].target == "/api/accounts/?include_archived=true"


@pytest.mark.fault("F03", "F11", "I1")
@pytest.mark.parametrize("how", LOST)
async def test_an_archived_account_is_found(served: Callable[..., Any], how: str) -> None:
    """Whatever was answered: the account of that id is archived now. There is never a second DELETE."""
    script = {"DELETE": LOST[how], "GET": [listing(LISTED), listing(ARCHIVED)]}
    client, wire = await served(script)
    gone = await client.archive_account("old")

    assert (gone.id, gone.archived) == ("id-1", True)
    assert (wire.count("DELETE"), wire.count("GET")) == (1, 2)


@pytest.mark.parametrize("how", sorted(LOST.keys() - {"429"}))  # which says that nothing was done
async def test_a_margin_mode_is_found(served: Callable[..., Any], how: str) -> None:
    """Whatever was answered: the account has the margin mode now."""
    client, wire = await served({"PUT": LOST[how], "GET": listing(LISTED | {"margin_mode": "CROSS"})})
    await client.update_account("id-1", margin_mode="CROSS")

    assert (wire.count("PUT"), wire.count("GET")) == (1, 1)


@pytest.mark.fault("F12")
async def test_the_name_was_used_again(served: Callable[..., Any]) -> None:
    """The archived account is found by its id; the new one of its name is none of our business."""
    again = LISTED | {"id": "id-2"}
    client, wire = await served({"DELETE": hang_up, "GET": [listing(LISTED), listing(again, ARCHIVED)]})
    gone = await client.archive_account("old")

    assert gone.id == "id-1"
    assert wire.count("DELETE") == 1


@pytest.mark.fault("F07")
@pytest.mark.parametrize("after", [1, 2])
async def test_it_shows_a_moment_later(served: Callable[..., Any], after: int) -> None:
    """What arrives late is found by the second or third listing."""
    lists = [listing(LISTED)] * after + [listing(LISTED, made())]
    client, wire = await served({"POST": hang_up, "GET": lists})
    found = await create(client)

    assert found.id == "id-9"
    assert wire.count("GET") == after + 1


@pytest.mark.fault("F06", "F03", "I1")
@pytest.mark.parametrize("name", ["create_account", "archive_account"])
async def test_the_times_of_looking(
    served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Three listings: at once, after one second, and after three."""
    monkeypatch.undo()
    client, wire = await served({METHODS[name]: hang_up, "GET": listing(LISTED)})
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    client._calls._sleep = note
    with pytest.raises(OutcomeUnknownError) as caught:
        await (create(client) if name == "create_account" else client.archive_account("old"))

    assert waits == [1.0, 2.0]
    assert wire.count("GET") == (3 if name == "create_account" else 4)
    assert (wire.count(METHODS[name]), caught.value.attempts) == (1, 1)


async def test_no_time_to_look_again(served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that would pass the deadline is not begun."""
    monkeypatch.undo()
    client, wire = await served({"POST": hang_up, "GET": listing(LISTED)})
    began = time.monotonic()
    with pytest.raises(OutcomeUnknownError):
        await create(client, deadline_s=0.9)

    assert time.monotonic() - began < 0.9
    assert wire.count("GET") == 1


@pytest.mark.parametrize("answer", [reply(status=500), reply(status=401), hang_up, reply(b"[")], ids=range(4))
async def test_listings_that_fail(served: Callable[..., Any], answer: Step) -> None:
    """What could not be listed says nothing: unknown, as the error of the write."""
    client, wire = await served({"POST": hang_up, "GET": answer})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)

    assert caught.value.endpoint == "POST /api/accounts/"
    assert wire.count("POST") == 1


@pytest.mark.fault("I2")
@pytest.mark.parametrize(
    "account",
    [
        made(created_at=None),
        made(created_at="yesterday"),
        made(api_key="another"),
        made(exchange="Gate"),
        made(name="new_archived_x", archived=True),
        made(name="renamed"),
    ],
    ids=range(6),
)
async def test_what_proves_nothing(served: Callable[..., Any], account: dict[str, Any]) -> None:
    """An account that may be the one, or the one archived meanwhile: unknown, then and ever."""
    client, _ = await served({"POST": hang_up, "GET": listing(account)})
    with pytest.raises(OutcomeUnknownError) as caught:
        await create(client)

    assert isinstance(await caught.value.resolve(), Unknown)


@pytest.mark.fault("I2")
@pytest.mark.parametrize("hidden", [None, "****", "abc***xyz"])
async def test_a_key_that_is_not_shown(served: Callable[..., Any], hidden: str | None) -> None:
    """Name, exchange and time alone may be those of somebody else's account: unknown."""
    client, _ = await served({"POST": hang_up, "GET": listing(made(api_key=hidden))})
    with pytest.raises(OutcomeUnknownError, match="not with the same API key"):
        await create(client)


@pytest.mark.fault("F09", "I2")
@pytest.mark.parametrize("ahead_s", [0.0, 9000.0, -9000.0])
async def test_an_older_account_has_the_name(served: Callable[..., Any], ahead_s: float) -> None:
    """By the server's own clock the account was there before: ours was not made, and will not be."""
    older = made(created_at=at(ahead_s - 3700))
    client, wire = await served({"POST": hang_up, "GET": listing(older, ahead_s=ahead_s)})
    with pytest.raises(NameConflictError, match="was there before; nothing was applied"):
        await create(client)

    assert wire.count("POST") == 1


@pytest.mark.parametrize("ahead_s", [0.0, 9000.0, -9000.0])
async def test_clocks_differ_a_little(served: Callable[..., Any], ahead_s: float) -> None:
    """Two clocks of the server may be two minutes apart."""
    young = made(created_at=at(ahead_s - 110))
    client, _ = await served({"POST": hang_up, "GET": listing(young, ahead_s=ahead_s)})

    assert (await create(client)).id == "id-9"


@pytest.mark.fault("I2")
@pytest.mark.parametrize("seconds", [130, 3500])
async def test_clocks_that_may_differ(served: Callable[..., Any], seconds: float) -> None:
    """An account that seems to be older by minutes is neither the one nor a proof against it."""
    client, _ = await served({"POST": hang_up, "GET": listing(made(created_at=at(-seconds)))})
    with pytest.raises(OutcomeUnknownError, match="by clocks that may differ") as caught:
        await create(client)

    assert isinstance(await caught.value.resolve(), Unknown)


@pytest.mark.fault("I2")
async def test_a_machine_that_slept(served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stood still meanwhile does not make our own account an older one."""
    slept_s = 9000.0

    async def fall_asleep(exchange: Exchange) -> None:
        asleep = SimpleNamespace(monotonic=time.monotonic, time=lambda: time.time() + slept_s)
        monkeypatch.setattr("tread_async._lifecycle.time", asleep)
        exchange.close()

    client, _ = await served({"POST": fall_asleep, "GET": listing(made(), ahead_s=slept_s)})

    assert (await create(client)).id == "id-9"


async def test_a_clock_that_was_set_back(served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock here that is mended meanwhile does not make our own account an older one."""

    async def set_back(exchange: Exchange) -> None:
        mended = SimpleNamespace(monotonic=time.monotonic, time=lambda: time.time() - 9000.0)
        monkeypatch.setattr("tread_async._lifecycle.time", mended)
        exchange.close()

    client, _ = await served({"POST": set_back, "GET": listing(made())})

    assert (await create(client)).id == "id-9"


@pytest.mark.fault("I2")
@pytest.mark.parametrize("answer", [hang_up, reply(DONE)], ids=["lost", "acknowledged"])
async def test_several_of_the_name(served: Callable[..., Any], answer: Step) -> None:
    """An older account of the name does not hide the one that was made, whichever is listed first."""
    both = [OTHER | {"name": "new"}, made()]
    for accounts in (both, both[::-1]):
        client, _ = await served({"POST": answer, "GET": listing(*accounts)})
        assert (await create(client)).id == "id-9"


@pytest.mark.fault("I2")
@pytest.mark.parametrize("answer", [hang_up, reply(DONE)], ids=["lost", "acknowledged"])
async def test_several_that_may_be_it(served: Callable[..., Any], answer: Step) -> None:
    client, _ = await served({"POST": answer, "GET": listing(made(), made(id="id-10"))})
    with pytest.raises(OutcomeUnknownError, match="2 accounts 'new' are listed"):
        await create(client)


@pytest.mark.fault("I1")
@pytest.mark.parametrize(
    "lists",
    [reply(status=500), listing(made(name="new_x", archived=True)), listing(made(api_key="another"))],
    ids=["not listed", "archived meanwhile", "the name is listed"],
)
async def test_not_sent_again_unless_it_is_absent(served: Callable[..., Any], lists: bytes) -> None:
    """Resending needs a listing that shows that there is no such account."""
    client, wire = await served({"POST": hang_up, "GET": lists})
    with pytest.raises(OutcomeUnknownError):
        await create(client, resend=True)

    assert wire.count("POST") == 1


@pytest.mark.fault("I2")
async def test_what_was_acknowledged_is_no_conflict(served: Callable[..., Any]) -> None:
    """A success and an account of the name: it is the one, however old the server says it is."""
    client, _ = await served({"POST": reply(DONE), "GET": listing(made(created_at=at(-9000)))})

    assert (await create(client)).id == "id-9"


@pytest.mark.fault("I2")
@pytest.mark.parametrize("error", [KeyError("k"), TimeoutError()], ids=repr)
@pytest.mark.parametrize("name", ["create_account", "set_leverage"])
async def test_a_token_function_that_fails_afterwards(name: str, error: Exception) -> None:
    """A write has left, and then the function raises: unknown, and not an error that says "not applied"."""
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise error
        return TOKEN

    ask = create if name == "create_account" else ABSOLUTE[name]
    script = {"POST": [reply(status=500), reply(status=401)], "GET": reply(status=401)}
    async with Wire(script) as wire, TreadClient(token, base_url=wire.url, retry=FAST) as client:
        with pytest.raises(OutcomeUnknownError):
            await ask(client)

    assert asked == 2


async def test_a_server_that_does_not_say_its_time(served: Callable[..., Any]) -> None:
    """Without a date of the server no account is known to be older."""
    client, _ = await served({"POST": hang_up, "GET": reply([made(created_at=at(-9000))])})
    with pytest.raises(OutcomeUnknownError, match="not whether it was there before"):
        await create(client)


async def test_the_first_refusal_is_believed(served: Callable[..., Any]) -> None:
    """A name that is taken is refused with a 400 at once: not applied, and nothing is listed."""
    client, wire = await served({"POST": reply({"message": "name taken"}, 400), "GET": listing(made())})
    with pytest.raises(Exception, match="name taken") as caught:
        await create(client)

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert [request.method for request in wire.requests] == ["POST"]


@pytest.mark.fault("F06")
async def test_sent_again(served: Callable[..., Any]) -> None:
    """With resend, an account that no listing shows is asked for once more."""
    script = {"POST": [hang_up, reply(DONE)], "GET": [listing(LISTED)] * 3 + [listing(LISTED, made())]}
    client, wire = await served(script)
    found = await create(client, resend=True)

    assert found.id == "id-9"
    assert wire.count("POST") == 2


@pytest.mark.fault("F10", "I2")
@pytest.mark.parametrize("status", [400, 409, 500])
async def test_sent_again_and_refused(served: Callable[..., Any], status: int) -> None:
    """A refusal of the second may be for what the first has done: looked up, not believed."""
    script = {
        "POST": [hang_up, reply({"message": "name taken"}, status)],
        "GET": [listing(LISTED)] * 3 + [listing(LISTED, made())],
    }
    client, wire = await served(script)

    assert (await create(client, resend=True)).id == "id-9"
    assert wire.count("POST") == 2


@pytest.mark.fault("F06", "I1")
@pytest.mark.parametrize("second", [reply({"message": "no"}, 400), hang_up], ids=["refused", "lost"])
async def test_sent_again_in_vain(served: Callable[..., Any], second: Step) -> None:
    """Two are sent at most, and what no listing shows stays unknown."""
    client, wire = await served({"POST": [hang_up, second], "GET": listing(LISTED)})
    with pytest.raises(OutcomeUnknownError):
        await create(client, resend=True)

    assert (wire.count("POST"), wire.count("GET")) == (2, 6)


@pytest.mark.parametrize("answer", [reply(DONE), reply({}, 400)], ids=["acknowledged", "refused"])
async def test_not_sent_again(served: Callable[..., Any], answer: Step) -> None:
    """What was answered is not sent again, whether a listing shows it or not."""
    client, wire = await served({"POST": answer, "GET": listing(LISTED)})
    with pytest.raises(Exception, match=r"not listed|no listing shows|HTTP 400"):
        await create(client, resend=True)

    assert wire.count("POST") == 1


async def test_resend_is_a_flag(served: Callable[..., Any]) -> None:
    client, wire = await served({})
    with pytest.raises(UsageError, match="resend"):
        await create(client, resend=1)

    assert wire.requests == []


async def test_applied_late(sim: Simulator) -> None:
    """A simulator that acts and does not answer: the account is found, and there is one."""
    sim.fail(endpoint="create_account", drop="after", apply="all")
    async with TreadClient(sim.tokens[0], base_url=sim.url) as client:
        found = await create(client)

    assert [account.id for account in sim.accounts() if account.name == "new"] == [found.id]


@pytest.mark.fault("F07")
async def test_slow_to_apply(served: Callable[..., Any]) -> None:
    """A server that makes the account while it is being looked for, after its connection died."""
    accounts = [LISTED]
    asked = asyncio.Event()

    async def create_later(exchange: Exchange) -> None:
        exchange.close()
        await asked.wait()
        accounts.append(made())

    async def listed(exchange: Exchange) -> None:
        await exchange.send(listing(*accounts))
        asked.set()

    client, wire = await served({"POST": create_later, "GET": listed}, retry=RetryPolicy(attempts=1))

    assert (await create(client)).id == "id-9"
    assert wire.count("POST") == 1
