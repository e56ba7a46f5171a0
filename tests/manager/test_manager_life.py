"""When and where a manager may be used, what closing it does, and what it refuses unsent."""

from __future__ import annotations

import asyncio
import datetime
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import anyio
import pytest

from tests.support.desks import NOTHING, desk, kinds, left_behind
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.leaks import no_leaks
from tests.support.samples import DONE, PAIR, shown, spellings
from tests.support.wire import TOKEN, Exchange, Wire, reply, stall
from tread_async import (
    ALL,
    AccountKey,
    ClientClosedError,
    Credential,
    LeveragePlan,
    Secret,
    SessionManager,
    TreadClient,
    UsageError,
)

EMPTY_PLAN: Final = LeveragePlan(entries=(), made_at=datetime.datetime.now(datetime.UTC), max_age_s=900.0)
CALLS: Final[dict[str, Callable[[SessionManager], Coroutine[Any, Any, Any]]]] = {
    "accounts": lambda manager: manager.accounts(),
    "balances": lambda manager: manager.balances(),
    "balance": lambda manager: manager.balance("a/x"),
    "set_leverage": lambda manager: manager.set_leverage(5, pair=PAIR, accounts=ALL),
    "update_margin_mode": lambda manager: manager.update_margin_mode("CROSS", accounts=["a/x"]),
    "plan_leverage": lambda manager: manager.plan_leverage({PAIR: {"a/x": 5}}),
    "apply": lambda manager: manager.apply(EMPTY_PLAN),
}


def two_users(**held: Any) -> list[User]:
    return [User(token=f"canary-{place}", accounts=[Held(name="x", **held)]) for place in range(2)]


def lever(manager: SessionManager, **changes: Any) -> Coroutine[Any, Any, Any]:
    given: dict[str, Any] = {"leverage": 5, "pair": PAIR, "accounts": ["a/x"]} | changes
    return manager.set_leverage(given.pop("leverage"), **given)


def never_waits(coroutine: Coroutine[Any, Any, Any]) -> str:
    """The sentence of the `UsageError` with which the coroutine ends at its first step."""
    with pytest.raises(UsageError) as caught:
        coroutine.send(None)
    return str(caught.value)


def in_a_thread(run: Callable[[], Any]) -> BaseException | None:
    """What *run* raises in another thread."""
    raised: list[BaseException] = []

    def body() -> None:
        try:
            run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@pytest.mark.fault("F44")
@pytest.mark.parametrize("name", CALLS)
async def test_before_opening(name: str) -> None:
    """Without ``async with`` every method refuses before it waits for anything, and says how to open it."""
    async with FleetServer(*two_users()) as server:
        manager = desk(server)
        said = never_waits(CALLS[name](manager))
        with pytest.raises(UsageError, match="not open"):
            _ = manager.stats
        await manager.close()

        assert "async with SessionManager" in said
        assert server.connections == 0


@pytest.mark.fault("F44")
@pytest.mark.parametrize("name", CALLS)
async def test_after_closing(name: str) -> None:
    """Closed, every method refuses; the counters can still be read."""
    async with FleetServer(*two_users()) as server:
        async with desk(server) as manager:
            await manager.balances(["a/x"])
        said = never_waits(CALLS[name](manager))

    assert "the SessionManager is closed" in said
    assert {name: stats.requests_sent for name, stats in manager.stats.items()} == {"a": 1}
    assert server.count() == 1


async def test_opened_twice() -> None:
    """It is opened once, neither again while open nor after closing; the open one works on."""
    async with FleetServer(*two_users()) as server, desk(server) as manager:
        with pytest.raises(UsageError, match="opened once"):
            await manager.__aenter__()
        snapshot = await manager.balances()
        await manager.close()
        with pytest.raises(UsageError, match="opened once"):
            await manager.__aenter__()

    assert snapshot.complete


@pytest.mark.fault("F44")
@pytest.mark.parametrize("name", CALLS)
async def test_from_another_loop(name: str) -> None:
    """On the loop of another thread every method refuses, and nothing is sent."""
    async with FleetServer(*two_users()) as server, desk(server) as manager:
        error = in_a_thread(lambda: asyncio.run(CALLS[name](manager)))

    assert isinstance(error, UsageError), repr(error)
    assert "another event loop" in str(error)
    assert server.connections == 0


@pytest.mark.fault("F44")
@pytest.mark.parametrize("name", CALLS)
async def test_in_a_thread(name: str) -> None:
    """In a thread without an event loop every method refuses, too."""
    async with FleetServer(*two_users()) as server, desk(server) as manager:
        error = in_a_thread(lambda: CALLS[name](manager).send(None))

    assert isinstance(error, UsageError), repr(error)
    assert "no running asyncio event loop" in str(error)
    assert server.connections == 0


@pytest.mark.parametrize("closed", [True, False])
def test_after_the_loop_has_ended(closed: bool) -> None:
    """A manager that outlives its `asyncio.run` refuses on the next loop, closed or not."""

    async def opened() -> SessionManager:
        manager = SessionManager({"a": TOKEN}, base_url="http://127.0.0.1:1")
        await manager.__aenter__()
        if closed:
            await manager.close()
        return manager

    manager = asyncio.run(opened())
    with pytest.raises(UsageError, match="is closed" if closed else "another event loop"):
        asyncio.run(CALLS["balances"](manager))


def test_made_and_opened_without_a_loop() -> None:
    """It is made anywhere, and opened only where a loop runs."""
    manager = SessionManager({"a": TOKEN, "b": TOKEN}, base_url="https://example.com")
    said = never_waits(manager.__aenter__())

    assert "no running asyncio event loop" in said
    assert manager.credentials == ("a", "b")
    assert repr(manager) == "<SessionManager of 2 credentials, https://example.com not open>"


async def test_nothing_before_use() -> None:
    """Opening and closing make no task and no connection, and the first use only those of its token."""
    async with FleetServer(*two_users()) as server:
        before = asyncio.all_tasks()
        async with desk(server) as manager:
            assert asyncio.all_tasks() == before
            assert manager.stats == {}
        unused = server.connections
        async with desk(server) as manager:
            await manager.balance("b/x")
            assert list(manager.stats) == ["b"]

    assert unused == 0
    assert server.connections == 1


async def lists_and_stalls(exchange: Exchange) -> None:
    """Answers listings, and nothing else."""
    if (exchange.request.method, exchange.request.target) == ("GET", "/api/accounts/"):
        [whose] = exchange.request.header("authorization")
        await exchange.send(reply([{"id": f"id under {whose}", "name": "x", "exchange": "Gate"}]))
    else:
        await stall(exchange)


@pytest.mark.fault("F38")
async def test_closing_with_a_hundred_calls() -> None:
    """A hundred calls of all kinds that wait for a server that stalls end as closed, within a second."""
    async with (
        Wire(lists_and_stalls, tokens=("canary-0", "canary-1")) as wire,
        desk(wire) as manager,
    ):
        calls = [asyncio.ensure_future(lever(manager, accounts=ALL)) for _ in range(30)]
        async with asyncio.timeout(3):
            await wire.until(requests=4)  # for each token a listing, and the write of the newest call
            calls += [asyncio.ensure_future(manager.balances()) for _ in range(40)]
            calls += [asyncio.ensure_future(manager.balance("ab"[place % 2] + "/x")) for place in range(30)]
            await wire.until(requests=2 + 16)  # all slots of both tokens
        async with asyncio.timeout(1.0):
            await manager.close()
            ended = await asyncio.gather(*calls, return_exceptions=True)

    assert [error for error in ended if not isinstance(error, ClientClosedError)] == []
    assert (wire.count("POST"), len(wire.requests)) == (2, 2 + 16)
    assert left_behind(manager) == NOTHING


async def test_closing_while_listing() -> None:
    """Calls that wait for the first listing end as closed, too."""
    async with Wire(stall, tokens=("canary-0", "canary-1")) as wire, desk(wire) as manager:
        calls = [asyncio.ensure_future(CALLS[name](manager)) for name in ("accounts", "balances")]
        calls.append(asyncio.ensure_future(manager.balance("x")))
        await wire.until(requests=2)
        async with asyncio.timeout(1.0):
            await manager.close()
            ended = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(error) for error in ended] == [ClientClosedError] * 3


async def test_closing_twice() -> None:
    """Closing twice, at once and again, does no harm, and the calls hear of it once."""
    async with FleetServer(*two_users(live="hang")) as server, desk(server) as manager:
        call = asyncio.ensure_future(manager.balances())
        await server.until(2, "balances")
        await asyncio.gather(manager.close(), manager.close())
        await manager.close()
        [error] = await asyncio.gather(call, return_exceptions=True)

    assert type(error) is ClientClosedError


async def test_an_error_leaves_the_block() -> None:
    """The error that leaves the block is the one raised in it, and the manager is closed."""
    async with FleetServer(*two_users()) as server:
        manager = desk(server)

        async def fail() -> None:
            async with manager:
                await manager.balances()
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await fail()

    assert "the SessionManager is closed" in never_waits(CALLS["accounts"](manager))


@pytest.mark.parametrize("waits", [True, False])
async def test_leaving_under_a_cancelled_scope(waits: bool) -> None:
    """A block that is left under a cancelled scope leaves no task and no connection."""
    async with FleetServer(*two_users(live="hang")) as server:
        async with no_leaks():
            with anyio.CancelScope() as scope:
                async with desk(server) as manager:
                    # Two connections for each token, of which one will be idle.
                    await asyncio.gather(
                        manager.accounts(), manager.balances(["a/x", "b/x"], source="cached")
                    )
                    call = asyncio.ensure_future(manager.balances())
                    await server.until(2, "balances")
                    scope.cancel()
                    if waits:
                        await anyio.sleep(9.0)
            [error] = await asyncio.gather(call, return_exceptions=True)

        assert type(error) is ClientClosedError
        assert left_behind(manager) == NOTHING
        assert server.open == 0


class StopError(Exception):
    """Ends a group."""


async def test_a_group_is_cancelled() -> None:
    """A task group that fails in the middle of many calls leaves no task, socket or slot; the next works."""
    users = two_users(live="hang", cached="hang")
    async with FleetServer(*users) as server, desk(server, max_in_flight=3) as manager:

        async def fail() -> None:
            await server.until(3)
            raise StopError

        async def many() -> None:
            async with asyncio.timeout(3), asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(manager.balances(["a/x", "b/x"]))
                    group.create_task(manager.balance("a/x"))
                    group.create_task(manager.balance("b/x", source="cached"))
                    group.create_task(manager.balances(["a/x"], source="auto", max_age_s=9.0))
                group.create_task(fail())

        async with no_leaks():
            with pytest.raises(ExceptionGroup) as caught:
                await many()
        after = left_behind(manager)
        open_after = server.open
        for user in users:
            user.accounts[0].live = "fine"
        async with asyncio.timeout(3):
            snapshot = await manager.balances()

    assert caught.group_contains(StopError)
    assert after == NOTHING
    assert open_after == 0
    assert kinds(snapshot) == {"a/x": "Ok", "b/x": "Ok"}


@pytest.mark.fault("F36", "I11")
async def test_cancelled_at_every_tick() -> None:
    """Cancelled after any number of loop ticks, calls leave nothing behind, and the next call works."""
    finished = False
    async with FleetServer(*two_users()) as server, desk(server, max_in_flight=2) as manager:
        for ticks in range(1, 300):
            await manager.accounts()
            asks: list[Awaitable[Any]] = [manager.accounts(refresh=True), manager.balances()]
            calls = [asyncio.ensure_future(ask) for ask in (*asks, manager.balance("a/x"))]
            for _ in range(ticks):
                await asyncio.sleep(0)
            if finished := all(call.done() for call in calls):
                break
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.002)
        after = left_behind(manager)
        snapshot = await manager.balances()

    assert finished
    assert after == NOTHING
    assert snapshot.complete


CREDENTIALS: Final[dict[str, tuple[Any, str]]] = {
    "none": ({}, "there is no credential"),
    "a list": ([("a", TOKEN)], "mapping of names to tokens, not list"),
    "one token": (TOKEN, "mapping of names to tokens, not str"),
    "nothing": (None, "mapping of names to tokens, not NoneType"),
    "a name with a slash": ({"a/b": TOKEN}, "slash"),
    "a name that is empty": ({"": TOKEN}, "name of a credential is empty"),
    "a name that is no text": ({5: TOKEN}, "name of a credential is a text, not int"),
    "a name with a control character": ({"a\n": TOKEN}, "control character"),
    "a token with a blank": ({"a": f"Token {TOKEN}"}, "credential 'a': the token contains a blank"),
    "a token with a line break": ({"a": f"{TOKEN}\n"}, "credential 'a': the token contains a blank"),
    "a secret outside ASCII": ({"a": Secret(f"{TOKEN}é")}, "outside ASCII"),
    "a token of bytes": ({"a": TOKEN.encode()}, "a token is a Secret or a str, not bytes"),
    "a list of tokens": ({"a": [TOKEN]}, "a token is a Secret or a str, not list"),
    "the second is empty": ({"a": TOKEN, "b": ""}, "credential 'b': the token is empty"),
    "a proxy over http": ({"a": Credential(TOKEN, proxy="http://127.0.0.1:2")}, "https base_url"),
}


@pytest.mark.parametrize("case", CREDENTIALS)
def test_credentials(case: str) -> None:
    """Credentials that cannot work are refused, and no token shows, also not in the locals of the trace."""
    given, sentence = CREDENTIALS[case]
    with pytest.raises(UsageError) as caught:
        SessionManager(given, base_url="http://127.0.0.1:1")

    assert sentence in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    text = shown(caught.value)
    assert [spelling for spelling in spellings(TOKEN) if spelling in text] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_in_flight": 1001}, "max_in_flight"),
        ({"max_in_flight": True}, "max_in_flight"),
        ({"max_in_flight": 2.0}, "max_in_flight"),
        ({"max_in_flight_per_token": 0}, "max_in_flight"),
        ({"max_in_flight_per_token": "8"}, "max_in_flight"),
        ({"base_url": "http://example.com"}, "https"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"auth_scheme": "a b"}, "auth_scheme"),
        ({"headers": {"Authorization": "x"}}, "Authorization"),
        ({"ssl": True}, "ssl"),
        ({"retry": 3}, "retry|RetryPolicy"),
    ],
)
def test_options(options: dict[str, Any], sentence: str) -> None:
    """Options that cannot work are refused, and no token shows."""
    with pytest.raises(UsageError, match=sentence) as caught:
        SessionManager({"a": TOKEN}, **({"base_url": "http://127.0.0.1:1"} | options))

    assert TOKEN not in shown(caught.value)


def test_no_repr_shows_a_token() -> None:
    """Neither the manager nor what it is made of shows a token."""
    manager = SessionManager({"a": TOKEN, "b": Credential(TOKEN)}, base_url="http://127.0.0.1:1")
    texts = [repr(manager), str(manager), repr(vars(manager)), repr(Credential(TOKEN))]

    assert [text for text in texts if TOKEN in text] == []


BAD: Final[dict[str, tuple[Callable[[Any], Awaitable[Any]], str]]] = {
    "balances: source": (lambda manager: manager.balances(source="both"), "source is"),
    "balances: source None": (lambda manager: manager.balances(source=None), "source is"),
    "balances: source list": (lambda manager: manager.balances(source=["live"]), "source is"),
    "balances: auto alone": (lambda manager: manager.balances(source="auto"), "needs max_age_s"),
    "balances: max_age_s 0": (lambda manager: manager.balances(max_age_s=0), "max_age_s"),
    "balances: max_age_s nan": (lambda manager: manager.balances(max_age_s=float("nan")), "max_age_s"),
    "balances: max_age_s inf": (lambda manager: manager.balances(max_age_s=float("inf")), "max_age_s"),
    "balances: max_age_s True": (lambda manager: manager.balances(max_age_s=True), "max_age_s"),
    "balances: live_within_s": (lambda manager: manager.balances(live_within_s=-1.0), "live_within_s"),
    "balances: live_within_s None": (lambda manager: manager.balances(live_within_s=None), "live_within_s"),
    "balances: deadline_s": (lambda manager: manager.balances(deadline_s=0), "deadline_s"),
    "balances: none": (lambda manager: manager.balances([]), "accounts is empty"),
    "balances: a text": (lambda manager: manager.balances("a/x"), "accounts is a list"),
    "balances: bytes": (lambda manager: manager.balances(b"a/x"), "accounts is a list"),
    "balances: a key": (lambda manager: manager.balances(AccountKey("a", "x")), "accounts is a list"),
    "balances: a number": (lambda manager: manager.balances(5), "accounts is a list"),
    "balances: numbers": (lambda manager: manager.balances(["a/x", 5]), "not int"),
    "balances: an empty name": (lambda manager: manager.balances(["a/"]), "account name is empty"),
    "balances: a control character": (lambda manager: manager.balances(["a/x\n"]), "control character"),
    "balances: too long": (lambda manager: manager.balances(["a/" + "x" * 1025]), "longer than"),
    "balance: source": (lambda manager: manager.balance("a/x", source="both"), "source is"),
    "balance: auto alone": (lambda manager: manager.balance("a/x", source="auto"), "needs max_age_s"),
    "balance: not_before": (lambda manager: manager.balance("a/x", not_before="now"), "not_before"),
    "balance: not_before True": (lambda manager: manager.balance("a/x", not_before=True), "not_before"),
    "balance: None": (lambda manager: manager.balance(None), "not NoneType"),
    "balance: credential": (
        lambda manager: manager.balance(AccountKey("z", "x")),
        "no credential called 'z'",
    ),
    "accounts: refresh": (lambda manager: manager.accounts(refresh="yes"), "refresh"),
    "accounts: deadline_s": (lambda manager: manager.accounts(deadline_s=-1), "deadline_s"),
    "set_leverage: none": (lambda manager: lever(manager, accounts=[]), "accounts is empty; say ALL"),
    "set_leverage: None": (lambda manager: lever(manager, accounts=None), "accounts is None; say ALL"),
    "set_leverage: a text": (lambda manager: lever(manager, accounts="a/x"), "accounts is a list"),
    "set_leverage: batch 0": (lambda manager: lever(manager, batch=0), "batch is a whole number"),
    "set_leverage: batch 501": (lambda manager: lever(manager, batch=501), "batch is a whole number"),
    "set_leverage: batch True": (lambda manager: lever(manager, batch=True), "batch is a whole number"),
    "set_leverage: batch 2.0": (lambda manager: lever(manager, batch=2.0), "batch is a whole number"),
    "set_leverage: leverage": (lambda manager: lever(manager, leverage=2.5), "leverage is"),
    "set_leverage: pair": (lambda manager: lever(manager, pair=""), "pair"),
    "set_leverage: verify": (lambda manager: lever(manager, verify="no"), "verify"),
    "set_leverage: dry_run": (lambda manager: lever(manager, dry_run=None), "dry_run"),
    "update_margin_mode: None": (
        lambda manager: manager.update_margin_mode("CROSS", accounts=None),
        "say ALL",
    ),
    "update_margin_mode: none": (lambda manager: manager.update_margin_mode("CROSS", accounts=[]), "say ALL"),
    "update_margin_mode: mode": (lambda manager: manager.update_margin_mode("", accounts=ALL), "margin_mode"),
}


@pytest.mark.parametrize("case", BAD)
async def test_arguments(case: str) -> None:
    """Arguments that cannot work are refused, and nothing is sent."""
    ask, sentence = BAD[case]
    async with FleetServer(*two_users()) as server, desk(server) as manager:
        with pytest.raises(UsageError) as caught:
            await ask(manager)

    assert sentence in str(caught.value)
    assert server.connections == 0


async def test_a_manager_and_a_client_side_by_side() -> None:
    """Closing a manager does nothing to a client of the same token on the same loop."""
    script = {"GET": reply([]), "POST": reply(DONE)}
    async with Wire(script) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        async with desk(wire) as manager:
            await manager.accounts()
        listed = await client.accounts()

    assert listed == ()
