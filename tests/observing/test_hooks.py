"""What hooks are told, and that they change nothing."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.desks import desk
from tests.support.heard import Heard, kinds
from tests.support.samples import EVERY, FAST, NOON, ONE_TRY, PAIR, answering, create, well
from tests.support.wire import TOKEN, Wire, hang_up, reply, stall
from tread_async import (
    ALL,
    DeadlineExceededError,
    DecodeError,
    Hooks,
    NotSentError,
    OutcomeUnknownError,
    ServerError,
    SessionManager,
    TreadClient,
    TreadError,
    UsageError,
)
from tread_async import hooks as told
from tread_async._calls import Calls
from tread_async._codec import requests
from tread_async._telling import telling
from tread_async.simulator import Simulator

GOOD = reply({"balances": []})
BROKEN = reply({"message": "no"}, 500)
ONE_OK = ["CallStarted", "AttemptStarted", "AttemptSent", "AttemptEnded", "CallEnded"]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def opened(heard: Heard) -> AsyncIterator[Callable[..., Any]]:
    """A client of a scripted server, whose hooks are *heard*."""
    async with AsyncExitStack() as stack:

        async def one(script: Any, **options: Any) -> TreadClient:
            wire = await stack.enter_async_context(Wire(script))
            options = {"retry": FAST, "hooks": heard.hooks, "base_url": wire.url} | options
            return await stack.enter_async_context(TreadClient(options.pop("token", TOKEN), **options))

        yield one


async def test_a_call_that_succeeds_at_once(heard: Heard, opened: Any) -> None:
    """Begin, turn, sending, answer and end, all with the same call."""
    client = await opened(GOOD)
    await client.cached_balances()

    call, _, sent, ended, over = heard
    assert kinds(heard) == ONE_OK
    assert (call.endpoint, call.method, call.credential) == ("cached_balances", "GET", "token")
    assert (call.route, call.writes) == ("/api/sor/get_cached_account_balance", False)
    assert (ended.status, ended.cause, ended.sent, ended.received_bytes) == (200, None, True, 16)
    assert 0 <= sent.waited_s == ended.waited_s <= ended.waited_s + ended.took_s <= over.took_s < 5
    assert (over.attempts, over.cause, over.budget_left) == (1, None, 100)
    assert heard.problems == []


async def test_a_call_that_is_repeated(heard: Heard, opened: Any) -> None:
    """The cause, the wait and the attempt that failed."""
    client = await opened([BROKEN, hang_up, GOOD])
    await client.cached_balances()

    assert [(one.attempt, one.cause) for one in heard.of(told.Retried)] == [
        (1, "HTTP 500"),
        (2, "TransportError"),
    ]
    assert all(0 <= one.wait_s <= FAST.cap_s for one in heard.of(told.Retried))
    ended = heard.of(told.AttemptEnded)
    assert [(one.status, one.cause) for one in ended] == [
        (500, "HTTP 500"),
        (None, "TransportError"),
        (200, None),
    ]
    assert (heard[-1].attempts, heard[-1].cause) == (3, None)
    assert heard.problems == []


async def test_an_answer_that_does_not_decode(heard: Heard, opened: Any) -> None:
    """The request has ended well; the call has not."""
    client = await opened(reply({"balances": 1}))
    with pytest.raises(DecodeError):
        await client.cached_balances()

    assert heard.of(told.AttemptEnded)[0].cause is None
    assert heard[-1].cause == "DecodeError"


async def test_too_many_repeats(heard: Heard, opened: Any) -> None:
    """The budget is told as it goes down, and who is refused."""
    client = await opened(BROKEN, retry=FAST)
    for _ in range(8):
        with pytest.raises(ServerError):
            await client.cached_balances()

    left = [one.budget_left for one in heard.of(told.CallEnded)]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 10
    refused = heard.of(told.BudgetRefused)
    assert {one.cause for one in refused} == {"HTTP 500"}
    assert len(refused) == 3
    assert heard.problems == []


async def test_a_server_that_asks_to_wait(heard: Heard) -> None:
    """It is told of the token that it asked, and of no other."""
    async with Simulator(tokens=2, accounts=2) as sim, desk(sim, hooks=heard.hooks) as manager:
        sim.fail(endpoint="balances", user=1, status=429, headers={"Retry-After": "1"}, nth=1)
        await manager.balances()

    closed = heard.of(told.GateClosed)
    assert [(one.credential, one.closed_s) for one in closed] == [("b", pytest.approx(1.0, abs=0.2))]
    waited = [one.waited_s for one in heard.of(told.AttemptSent) if one.call.credential == "b"]
    assert max(waited) + max(one.wait_s for one in heard.of(told.Retried)) > 0.9
    assert heard.problems == []


async def test_a_wait_is_told_once(heard: Heard) -> None:
    """By the client whose answer asked for it: others of the token wait too, now and when they are opened."""
    others = Heard()
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(accounts=1))

        async def one(of: Heard) -> TreadClient:
            client = TreadClient(sim.tokens[0], base_url=sim.url, retry=ONE_TRY, hooks=of.hooks)
            return await stack.enter_async_context(client)

        before, asked = await one(others), await one(heard)
        sim.fail(endpoint="balances", status=429, headers={"Retry-After": "5"}, times=1)
        with pytest.raises(TreadError):
            await asked.balances()
        for other in (before, await one(others)):
            with pytest.raises(NotSentError):
                await other.balances(deadline_s=0.5)

    assert [one.closed_s for one in heard.of(told.GateClosed)] == [pytest.approx(5, abs=0.5)]
    assert others.of(told.GateClosed) == []
    assert sim.journal.count("balances") == 1


async def test_a_success_that_is_not_200(heard: Heard, opened: Any) -> None:
    """It has no cause."""
    client = await opened(reply({}, 201))
    await client.request("POST", "/api/orders/", json={})

    assert [(one.status, one.cause) for one in heard.of(told.AttemptEnded)] == [(201, None)]


async def test_what_never_leaves(heard: Heard, opened: Any) -> None:
    """It waited for its turn until its deadline, and was not sent."""
    client = await opened(stall, max_in_flight=1, retry=ONE_TRY)
    first = asyncio.create_task(client.cached_balances(deadline_s=1))
    await asyncio.sleep(0.01)
    with pytest.raises(DeadlineExceededError):
        await client.cached_balances(deadline_s=0.05)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    queued, sent = heard.of(told.AttemptEnded)
    assert (queued.sent, queued.cause, queued.took_s) == (False, "DeadlineExceededError", 0.0)
    assert queued.waited_s == pytest.approx(0.05, abs=0.04)
    assert (sent.sent, sent.cause, sent.status) == (True, "CancelledError", None)
    assert [one.cause for one in heard.of(told.CallEnded)] == ["DeadlineExceededError", "CancelledError"]
    assert heard.problems == []


async def test_a_host_that_is_not_there(heard: Heard, opened: Any) -> None:
    """It had its turn, and no connection."""
    client = await opened(GOOD, base_url="http://127.0.0.1:1", retry=ONE_TRY)
    with pytest.raises(NotSentError):
        await client.balances()

    assert [(one.sent, one.cause) for one in heard.of(told.AttemptEnded)] == [(True, "NotSentError")]


async def test_a_token_that_is_renewed(heard: Heard, opened: Any) -> None:
    """The request that was refused, and the one with the next token, are two of one call."""
    tokens = iter(["canary-one", "canary-two"])
    client = await opened([reply({"message": "no"}, 401), GOOD], token=lambda: next(tokens))
    await client.cached_balances()

    assert [one.status for one in heard.of(told.AttemptEnded)] == [401, 200]
    assert heard[-1].attempts == 2
    assert heard.problems == []


async def test_a_read_that_is_asked_twice(heard: Heard, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are of one call; the one that is not waited for is cancelled before the call ends."""
    client = await opened([GOOD] * 60 + [stall, GOOD], hedge_cached=True)
    for _ in range(60):
        await client.cached_balances()
    monkeypatch.setattr("tread_async._hedging._SHORTEST_DELAY_S", 0.02)
    heard.clear()
    await client.cached_balances()

    assert sorted(one.cause or "ok" for one in heard.of(told.AttemptEnded)) == ["CancelledError", "ok"]
    assert kinds(heard)[-1] == "CallEnded"
    assert heard.problems == []


async def test_a_write_that_is_repeated_alone(heard: Heard) -> None:
    """An account that is refused is tried again later: that is told as another call."""
    async with Simulator(accounts=3) as sim, desk(sim, hooks=heard.hooks) as manager:
        sim.fail(endpoint="set_leverage", account=sim.accounts()[0].name, status=422, times=2)
        report = await manager.set_leverage(5, pair=PAIR, accounts=ALL, verify=False)

    assert report.ok
    causes = [one.cause for one in heard.of(told.CallEnded) if one.call.writes]
    assert causes.count(None) >= 2
    assert set(causes) <= {None, "HTTP 422", "OutcomeUnknownError"}
    assert heard.problems == []


async def test_a_call_that_is_cancelled_before_it_begins(heard: Heard, opened: Any) -> None:
    """Nothing is told of it, and nothing is left that nobody awaits."""
    client = await opened(GOOD)
    call = asyncio.ensure_future(client._calls.run(requests.accounts(include_archived=False), 1e9))
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert call.cancelled()
    assert heard == []


async def test_polling(heard: Heard) -> None:
    """Its beginning, each round with what had to be decoded, and its end."""
    async with (
        Simulator(tokens=2, accounts=3, clock=lambda: NOON) as sim,
        desk(sim, hooks=heard.hooks) as manager,
        manager.watch(interval_s=0.05) as updates,
    ):
        seen = [await anext(updates) for _ in range(3)]

    (started,), (ended,) = heard.of(told.PollingStarted), heard.of(told.PollingEnded)
    rounds = heard.of(told.RoundPolled)
    assert (started.interval_s, started.source) == (0.05, "cached")
    assert (ended.polling, ended.cause) == (started, "ClientClosedError")
    assert {one.polling for one in rounds} == {started}
    assert [one.number for one in rounds][:3] == [1, 2, 3]
    assert rounds[0].snapshot is seen[0].snapshot
    assert sum(one.decoded for one in rounds) == 6
    assert 12 <= sum(one.read for one in rounds) <= 3 * sim.journal.count("cached_balances")
    assert {one.polling.credentials for one in rounds} == {("a", "b")}
    assert sum(one.changes for one in rounds) == 6
    assert heard.problems == []


async def test_polling_of_a_client(heard: Heard) -> None:
    """As of a manager, under the name that the client's accounts have in a watch."""
    async with (
        Simulator(accounts=2) as sim,
        TreadClient(sim.tokens[0], base_url=sim.url, hooks=heard.hooks) as client,
        client.watch(interval_s=0.05) as updates,
    ):
        update = await anext(updates)

    polled = heard.of(told.RoundPolled)[0]
    assert polled.snapshot is update.snapshot
    assert {key.credential for key in polled.snapshot.outcomes} == {"token"}
    assert {one.credential for one in heard.of(told.CallStarted)} == {"token"}
    assert heard.problems == []


async def test_a_token_that_is_refused_for_good(heard: Heard) -> None:
    """The round says so, with the cause."""
    async with Simulator(tokens=2, accounts=2) as sim, desk(sim, hooks=heard.hooks) as manager:
        sim.fail(endpoint="cached_balances", user=0, status=401)
        async with manager.watch(interval_s=0.05) as updates:
            async for update in updates:
                if update.ended:
                    break

    assert heard.of(told.RoundPolled)[-1].ended == {"a": "HTTP 401"}


class Bad:
    """Hooks that raise whatever they are told, and count."""

    def __init__(self, error: BaseException) -> None:
        self.called = 0
        self._error = error
        self.hooks = Hooks(**dict.fromkeys(Hooks.__struct_fields__, self))

    def __call__(self, _: object) -> None:
        self.called += 1
        raise self._error


class Own(BaseException):
    """Of somebody's framework, as trio and pytest have them."""


@pytest.mark.parametrize(
    "error", [ValueError("mine"), asyncio.CancelledError(), Own()], ids=["error", "cancelled", "own"]
)
@pytest.mark.parametrize("name", EVERY)
async def test_hooks_that_raise_change_nothing(
    name: str, error: BaseException, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """Every call ends as without them, and those that come after a bad one are told all the same."""
    bad = Bad(error)
    async with Wire(well) as wire:
        async with TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
            plain = await EVERY[name](client)
        requests = len(wire.requests)
        hooks = [bad.hooks, heard.hooks]
        async with TreadClient(TOKEN, base_url=wire.url, retry=FAST, hooks=hooks) as client:
            hooked = await EVERY[name](client)

    assert repr(hooked) == repr(plain)
    assert len(wire.requests) == 2 * requests
    assert bad.called == len(heard) > 0
    logged = [record for record in caplog.records if record.name == "tread_async"]
    assert len(logged) == len({type(one) for one in heard})  # once for each of them


async def test_hooks_that_raise_do_not_stop_a_watch() -> None:
    """It goes on, round after round, also where the server asks to wait; and it ends as it would have."""
    bad = Bad(ValueError("mine"))
    async with Simulator(accounts=2) as sim, desk(sim, hooks=bad.hooks) as manager:
        sim.fail(endpoint="cached_balances", status=429, headers={"Retry-After": "0"}, nth=2)
        async with manager.watch(interval_s=0.02) as updates:
            seen = [await anext(updates) for _ in range(4)]

    assert seen[-1].snapshot.complete
    assert bad.called > 20


async def test_a_hook_that_raises_does_not_change_what_became_of_a_write(opened: Any) -> None:
    """A write that may be applied is still unknown, and one that was refused still is."""
    bad = Bad(RuntimeError("mine"))
    client = await opened(answering("set_leverage", hang_up), hooks=bad.hooks)
    with pytest.raises(OutcomeUnknownError):
        await EVERY["set_leverage"](client)
    client = await opened(reply({"message": "no"}, 400), hooks=bad.hooks)
    with pytest.raises(TreadError) as caught:
        await EVERY["set_leverage"](client)

    assert not isinstance(caught.value, OutcomeUnknownError)
    assert caught.value.attempts == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_passes(kind: type[BaseException]) -> None:
    """Somebody has pressed Ctrl-C while a hook ran."""
    tell = telling(Bad(kind()).hooks)
    assert tell is not None
    with pytest.raises(kind):
        tell(told.GateClosed(credential="a", closed_s=1.0))


async def test_no_secret_is_told(heard: Heard, opened: Any) -> None:
    """Neither the token nor a key, a body or an account's name, also where the server repeats them."""
    said = reply({"message": f"{TOKEN} and more"}, 500)
    client = await opened({"POST": said, "GET": [reply([]), said], "PUT": said, "DELETE": said})
    for ask in EVERY.values():
        with pytest.raises(TreadError):
            await ask(client)
    with pytest.raises(TreadError):
        await create(client, name="a-name-of-mine")

    text = repr(list(heard))
    assert "canary" not in text
    assert "and more" not in text
    assert "a-name-of-mine" not in text


async def test_an_unmodelled_path_is_not_told(heard: Heard, opened: Any) -> None:
    """It may hold anything."""
    client = await opened(reply({}))
    await client.request("GET", "/api/canary-of-a-path")

    assert (heard[0].endpoint, heard[0].route) == ("request", None)
    assert "canary" not in repr(list(heard))


async def test_without_hooks_none_of_it_runs(opened: Any) -> None:
    """No line of what tells runs during a call, nor is anything made for it."""
    client = await opened([BROKEN, GOOD], hooks=None)
    ran: set[str] = set()

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call":
            ran.add(frame.f_code.co_filename.rpartition("/")[2])

    sys.setprofile(note)
    try:
        await client.cached_balances()
    finally:
        sys.setprofile(None)

    assert type(client._calls) is Calls
    assert "_calls.py" in ran
    assert not ran & {"_hooked.py", "hooks.py", "story.py"}


@pytest.mark.parametrize("hooks", [[], Hooks()])
async def test_hooks_that_hear_nothing(hooks: Any, opened: Any) -> None:
    """They do no harm."""
    client = await opened(GOOD, hooks=hooks)

    assert (await client.cached_balances()).balances == ()


async def _coroutine(_: object) -> None: ...


class _Awaited:
    async def __call__(self, _: object) -> None: ...


def test_what_is_no_hook_is_refused() -> None:
    """Before anything is sent, with its name."""
    for awaited in (_coroutine, _Awaited(), functools.partial(_coroutine), _Awaited().__call__):
        with pytest.raises(UsageError, match="call_ended is a plain function"):
            Hooks(call_ended=awaited)
    with pytest.raises(UsageError, match="retried is a plain function"):
        Hooks(retried=5)  # type: ignore[arg-type]
    for wrong in (5, print, [print]):
        with pytest.raises(UsageError, match="hooks are a Hooks"):
            SessionManager({"a": TOKEN}, hooks=wrong)  # type: ignore[arg-type]
