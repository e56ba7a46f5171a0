"""Many tokens: how many requests at once, whose waits and failures are whose, and which way each takes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trustme

from tests.support.desks import FOUR_TRIES, desk, errors, keys, kinds
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.passing import pass_for
from tests.support.samples import DONE, ONE_TRY, PAIR, shown
from tests.support.tunnel import Tunnel
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import (
    ALL,
    AuthError,
    Credential,
    Failed,
    NotSentError,
    RateLimitedError,
    Secret,
    ServerError,
    SessionManager,
    TreadError,
)

SECRET = "canary-of-the-vault-0123"


def fleet(count: int = 2, accounts: int = 1, **more: Any) -> list[User]:
    """*count* tokens with accounts x0, x1, ..."""
    return [
        User(
            token=f"canary-{place}",
            accounts=[Held(name=f"x{number}") for number in range(accounts)],
            **more,
        )
        for place in range(count)
    ]


def manage(server: FleetServer, credentials: dict[str, Any], **options: Any) -> SessionManager:
    options = {"base_url": server.url, "retry": FOUR_TRIES, **options}
    return SessionManager(credentials, **options)


async def settled() -> None:
    """Lets everything that is ready have its turn."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.fault("F39")
async def test_at_once_over_all_tokens() -> None:
    """However many ask for however many tokens, the server never has more than `max_in_flight` requests."""
    async with FleetServer(*fleet(6, 4)) as server, desk(server, max_in_flight=5) as manager:
        await manager.accounts()  # or a token whose list comes first would ask first
        gate = asyncio.Event()
        for user in server.users:
            user.gate = gate
        calls = [
            asyncio.ensure_future(manager.balances(keys(name, [f"x{place}"])))
            for place in range(4)
            for name in "abcdef"
        ]
        await server.until(6 + 5)
        await settled()
        open_before = [user.open for user in server.users]
        gate.set()
        snapshots = await asyncio.gather(*calls)

    assert all(snapshot.complete for snapshot in snapshots)
    assert open_before == [1, 1, 1, 1, 1, 0]  # in the order asked, whoever's token it is
    assert server.peak == 5
    assert server.count("balances") == 24


async def test_at_once_of_each_token() -> None:
    """No token has more than `max_in_flight_per_token`, and what it does not use is there for the others."""
    options = {"max_in_flight": 8, "max_in_flight_per_token": 3}
    async with FleetServer(*fleet(2, 9)) as server, desk(server, **options) as manager:
        gate = asyncio.Event()
        for user in server.users:
            user.gate = gate
        names = [f"x{place}" for place in range(9)]
        calls = [asyncio.ensure_future(manager.balances(keys("a", [name]))) for name in names]
        calls += [asyncio.ensure_future(manager.balances(keys("b", [name]))) for name in names]
        await server.until(6)
        await settled()
        open_before = [user.open for user in server.users]
        gate.set()
        snapshots = await asyncio.gather(*calls)

    assert all(snapshot.complete for snapshot in snapshots)
    assert open_before == [3, 3]
    assert [user.peak for user in server.users] == [3, 3]


async def test_a_429_holds_one_token() -> None:
    """A ``Retry-After`` holds every caller of its token and nobody else; afterwards they go on."""
    first, second = fleet()
    first.first = [(429, {"Retry-After": "20"})]
    async with FleetServer(first, second) as server, desk(server, retry=ONE_TRY) as manager:
        with pytest.raises(RateLimitedError) as caught:
            await manager.balance("a/x0")
        held = [asyncio.ensure_future(ask) for ask in (manager.balance("a/x0"), manager.balances(["a/x0"]))]
        others = [await manager.balance("b/x0") for _ in range(3)]
        mixed = asyncio.ensure_future(manager.balances(["a/x0", "b/x0"]))
        await server.until(5)
        await settled()
        meanwhile = ([call.done() for call in (*held, mixed)], first.count(), second.count())
        assert manager._fleet is not None
        pass_for(manager._fleet.lines["a"].calls._transport._lane, 30.0)
        async with asyncio.timeout(3):
            await asyncio.gather(*held, mixed)

    assert caught.value.retry_after_s == 20
    assert len(others) == 3
    assert meanwhile == ([False] * 3, 1, 4)
    assert mixed.result().complete


async def test_a_wait_beyond_the_deadline() -> None:
    """Accounts of a token that has to wait for longer than the call may last fail at once, unsent."""
    first, second = fleet()
    first.first = [(429, {"Retry-After": "20"})]
    async with FleetServer(first, second) as server, desk(server, retry=ONE_TRY) as manager:
        await manager.balances(["a/x0"])
        async with asyncio.timeout(3):
            snapshot = await manager.balances(["a/x0", "b/x0"], deadline_s=5.0)

    assert kinds(snapshot) == {"a/x0": "Failed", "b/x0": "Ok"}
    [outcome] = [outcome for outcome in snapshot.outcomes.values() if isinstance(outcome, Failed)]
    error = outcome.error
    assert isinstance(error, NotSentError)
    assert error.retry_after_s == pytest.approx(20, abs=3)
    assert first.count() == 1


class Issuer:
    """A token function, sync or async, that counts how often it is asked."""

    def __init__(self, kind: str, give: Callable[[int], Any]) -> None:
        self.asked = 0
        self._give = give
        self.function = self._sync if kind == "sync" else self._async

    def _sync(self) -> Any:
        self.asked += 1
        return self._give(self.asked)

    async def _async(self) -> Any:
        await asyncio.sleep(0)
        return self._sync()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_token_function(kind: str) -> None:
    """A function is asked when its token is first needed, once for all calls, and not for other tokens."""
    issuer = Issuer(kind, lambda _: Secret("canary-0"))
    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": issuer.function, "b": Credential("canary-1")}) as manager,
    ):
        await manager.balance("b/x0")
        before = issuer.asked
        snapshots = await asyncio.gather(*[manager.balances() for _ in range(5)])

    assert (before, issuer.asked) == (0, 1)
    assert all(snapshot.complete for snapshot in snapshots)
    assert server.refused == []


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_asked_again_and_then_latched(kind: str) -> None:
    """After a 401 the function is asked once more; after another one nothing is sent for that token."""
    issuer = Issuer(kind, lambda count: f"bad-{count}")
    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": issuer.function, "b": "canary-1"}) as manager,
    ):
        first = await manager.balances()
        later = [await manager.balances(["a/x0", "b/x0"]) for _ in range(3)]
        with pytest.raises(AuthError, match="nothing is sent"):
            await manager.balance("a/x0")

    assert isinstance(first.unlisted["a"], AuthError)
    assert kinds(first) == {"b/x0": "Ok"}
    assert [kinds(snapshot) for snapshot in later] == [{"a/x0": "Failed", "b/x0": "Ok"}] * 3
    assert server.refused == ["bad-1", "bad-2"]
    assert issuer.asked == 2


@pytest.mark.fault("F18")
async def test_a_given_token_is_latched() -> None:
    """A token that was given and is refused is sent once, however many accounts are asked for."""
    async with (
        FleetServer(*fleet(2, 20)) as server,
        manage(server, {"a": "bad", "b": "canary-1"}) as manager,
    ):
        names = [f"x{place}" for place in range(20)]
        snapshots = [await manager.balances(keys("a", names) + keys("b", names)) for _ in range(3)]
        report = await manager.set_leverage(5, pair=PAIR, accounts=keys("a", names))

    for snapshot in snapshots:
        assert snapshot.counts == {"ok": 20, "stale": 0, "failed": 20, "missing": 0}
    assert report.counts == {"applied": 0, "not_applied": 20, "unknown": 0}
    assert server.refused == ["bad"]


class VaultError(Exception):
    """Of somebody else's library; its text has a secret, as such texts do."""


def sealed() -> str:
    raise VaultError(f"sealed, with {SECRET}")


async def sealed_later() -> str:
    await asyncio.sleep(0)
    return sealed()


def check_sealed(error: TreadError) -> None:
    """*error* says whose function raised what, and nothing of what that said."""
    text = shown(error)
    assert isinstance(error, NotSentError)
    assert "the token function of 'a' raised VaultError" in str(error)
    assert [secret for secret in (SECRET, "canary-1") if secret in text] == []


@pytest.mark.parametrize("function", [sealed, sealed_later])
async def test_a_token_function_raises(function: Any) -> None:
    """A token function that raises is the outcome of its own accounts; other tokens go on, nothing leaks."""
    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": function, "b": "canary-1"}) as manager,
    ):
        named = await manager.balances(["a/x0", "b/x0"])
        everything = await manager.balances()
        listing = await manager.accounts(refresh=True)
        report = await manager.set_leverage(5, pair=PAIR, accounts=["a/x0"])
        with pytest.raises(NotSentError) as caught:
            await manager.balance("a/x0")

    [failed] = keys("a", ["x0"])
    assert kinds(named) == {"a/x0": "Failed", "b/x0": "Ok"}
    assert kinds(everything) == {"b/x0": "Ok"}
    assert list(everything.unlisted) == list(listing.unlisted) == ["a"]
    assert kinds(report) == {"a/x0": "NotApplied"}
    found = [named.outcomes[failed].error, everything.unlisted["a"], listing.unlisted["a"]]  # type: ignore[union-attr]
    for error in (*found, errors(report)["a/x0"], caught.value):
        check_sealed(error)
    assert server.users[0].count() == 0
    assert server.refused == []


def gave_up() -> str:
    raise asyncio.CancelledError  # as from a request of its own that was cancelled


async def gave_up_later() -> str:
    await asyncio.sleep(0)
    return gave_up()


@pytest.mark.parametrize("function", [gave_up, gave_up_later])
async def test_a_token_function_that_was_cancelled_itself(function: Any) -> None:
    """Nobody has cancelled the call: it is the outcome of its own accounts, as any error of the function."""
    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": function, "b": "canary-1"}) as manager,
    ):
        snapshot = await manager.balances(["a/x0", "b/x0"])
        with pytest.raises(NotSentError, match="the token function of 'a' raised CancelledError"):
            await manager.balance("a/x0")

    assert kinds(snapshot) == {"a/x0": "Failed", "b/x0": "Ok"}
    assert server.users[0].count() == 0


async def test_a_token_function_that_raises_an_error_of_ours() -> None:
    """It is handed on as it is: a function may use a client itself."""
    mine = ServerError(503, "the vault is down")

    def failing() -> str:
        raise mine

    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": failing, "b": "canary-1"}) as manager,
    ):
        snapshot = await manager.balances(["a/x0", "b/x0"])

    assert kinds(snapshot) == {"a/x0": "Failed", "b/x0": "Ok"}
    assert snapshot.outcomes[keys("a", ["x0"])[0]].error is mine  # type: ignore[union-attr]


@pytest.mark.parametrize("given", [f"{SECRET} with a blank", "", 5, None, SECRET.encode()])
async def test_a_token_function_gives_no_token(given: Any) -> None:
    """What a function gives and is no token is an outcome of its accounts, too, and does not show."""
    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": lambda: given, "b": "canary-1"}) as manager,
    ):
        snapshot = await manager.balances(["a/x0", "b/x0"])

    [failed] = keys("a", ["x0"])
    outcome: Any = snapshot.outcomes[failed]
    assert kinds(snapshot) == {"a/x0": "Failed", "b/x0": "Ok"}
    assert "token" in str(outcome.error)
    assert SECRET not in shown(outcome.error)
    assert (server.users[0].count(), server.refused) == (0, [])


async def test_rotation() -> None:
    """A token that the server replaces is replaced here with the next call, without a failed account."""
    current = ["canary-0"]
    async with (
        FleetServer(*fleet()) as server,
        manage(server, {"a": lambda: current[-1], "b": "canary-1"}) as manager,
    ):
        before = await manager.balances()
        for number in range(3):
            current.append(f"rotated-{number}")
            server.users[0].token = current[-1]
            after = await manager.balances()
            assert after.complete
            assert kinds(after) == kinds(before)

    assert server.refused == ["canary-0", "rotated-0", "rotated-1"]
    assert server.users[0].count("accounts") == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def secure(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on loopback identifies itself with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_proxy_of_its_own(secure: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """One credential goes through its proxy, which sees no token; the other does not."""
    async with Tunnel() as proxy, FleetServer(*fleet(), ssl=secure) as server:
        credentials = {"a": Credential("canary-0", proxy=proxy.url), "b": "canary-1"}
        async with manage(server, credentials, ssl=trusting) as manager:
            await manager.balance("b/x0")
            before = len(proxy.asked)
            snapshot = await manager.balances()

    assert snapshot.complete
    assert before == 0
    assert {(request.method, request.target) for request in proxy.asked} == {
        ("CONNECT", f"127.0.0.1:{server.port}")
    }
    assert "canary-" not in str(proxy.asked)


@pytest.mark.parametrize("token", ["canary-0", lambda: "canary-0"])
async def test_a_dead_proxy(
    secure: ssl.SSLContext, trusting: ssl.SSLContext, unused_tcp_port: int, token: Any
) -> None:
    """A proxy that is down is not gone round; the credential without one is read directly."""
    async with FleetServer(*fleet(), ssl=secure) as server:
        hidden = Secret(f"http://127.0.0.1:{unused_tcp_port}")
        credentials = {"a": Credential(token, proxy=hidden), "b": "canary-1"}
        async with manage(server, credentials, ssl=trusting) as manager:
            everything = await manager.balances()
            named = await manager.balances(["a/x0", "b/x0"])
            sent = {name: stats.requests_sent for name, stats in manager.stats.items()}

    assert kinds(everything) == {"b/x0": "Ok"}
    assert isinstance(everything.unlisted["a"], NotSentError)
    assert kinds(named) == {"a/x0": "Failed", "b/x0": "Ok"}
    assert [user.count() for user in server.users] == [0, 3]
    assert sent == {"a": 0, "b": 3}
    assert "canary-0" not in shown(everything.unlisted["a"])


async def answer(exchange: Exchange) -> None:
    """Lists, reads and sets, each for the account that only this token has."""
    request = exchange.request
    [whose] = request.header("authorization")
    path = request.target.partition("?")[0]
    rows = {"x": {"exchange": "Gate", "assets": []}}
    listed = [{"id": f"id under {whose}", "name": "x", "exchange": "Gate"}]
    answers: dict[str, Any] = {"/api/accounts/": listed, "/api/balances/": rows}
    await exchange.send(reply(answers.get(path, DONE)))


@pytest.mark.fault("F34", "I9")
async def test_connections_of_its_own() -> None:
    """No connection carries two tokens, and none a write and a read, however the calls are mixed."""
    tokens = tuple([f"{TOKEN}-{place}" for place in range(4)])
    async with Wire(answer, tokens=tokens) as wire, desk(wire, max_in_flight=3) as manager:
        for _ in range(3):
            calls: list[Any] = [manager.balance(f"{name}/x") for name in "abcd"]
            calls += [manager.balances(), manager.set_leverage(5, pair=PAIR, accounts=ALL)]
            ended = await asyncio.gather(*calls)

    carried: dict[int, set[tuple[str, ...]]] = {}
    for request in wire.requests:
        kind = "write" if request.method == "POST" else "read"
        carried.setdefault(request.connection, set()).add((*request.header("authorization"), kind))
    assert [whose for whose in carried.values() if len(whose) > 1] == []
    assert {whose for some in carried.values() for whose, _ in some} == {f"Token {token}" for token in tokens}
    assert ended[-2].complete
    assert ended[-1].ok
    assert len(carried) < len(wire.requests)  # connections are used again, so that they could be mixed up


async def test_one_token_fails() -> None:
    """A token whose every request fails takes nothing from the others, and is not the error of the call."""
    quick = msgspec.structs.replace(FOUR_TRIES, attempts=2)
    users = fleet(4, 3)
    users[1].refuses = {"balances": 500}
    async with FleetServer(*users) as server, desk(server, retry=quick, max_in_flight=2) as manager:
        snapshot = await manager.balances()

    failed = [outcome for key, outcome in snapshot.outcomes.items() if key.credential == "b"]
    assert snapshot.counts == {"ok": 9, "stale": 0, "failed": 3, "missing": 0}
    assert all(isinstance(outcome.error, ServerError) for outcome in failed)  # type: ignore[union-attr]
    assert {key.credential for key in snapshot.ok} == {"a", "c", "d"}
