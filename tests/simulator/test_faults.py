"""Every kind of fault, what it strikes, and which of them are refused."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tread_async.simulator import Fault, Simulator

ACCOUNTS = "/api/accounts/"
BALANCES = "/api/balances/"
CACHED = "/api/sor/get_cached_account_balance"
LEVERAGE = "/api/set_leverage/"
PAIR = "ETH:PERP-USDT"
NEW = {"name": "new", "api_key": "k", "api_secret": "s", "exchange": "Binance"}


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (BALANCES, 401, {"message": "Invalid credentials"}),
        (BALANCES, 500, {"message": "Something went wrong..."}),
        (BALANCES, 422, {"message": "Failed to set leverage"}),
        (BALANCES, 429, {"detail": "Request was throttled."}),
        (BALANCES, 403, {"detail": "You do not have permission to perform this action."}),
        (BALANCES, 400, {"non_field_errors": ["Invalid request."]}),
        (LEVERAGE, 400, {"errors": ["account_ids must be an array of strings"]}),
        ("/nowhere", 500, {"message": "Something went wrong..."}),
    ],
)
async def test_status(ask: Any, sim: Simulator, path: str, status: int, body: Any) -> None:
    """A status brings its documented body along, on unknown paths too."""
    sim.fail(status=status)
    reply = await ask("POST" if path == LEVERAGE else "GET", path)

    assert (reply.status, reply.json()) == (status, body)
    assert sim.journal.requests[0].status == status


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_gateway(ask: Any, sim: Simulator, status: int) -> None:
    """A gateway's status comes with a gateway's HTML page."""
    sim.fail(status=status)
    reply = await ask("GET", BALANCES)

    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("text/html")
    assert reply.body.startswith(b"<html>")


async def test_headers_and_body(ask: Any, sim: Simulator) -> None:
    """Headers are added and the body replaced, byte for byte; the content type is a header like others."""
    sim.fail(status=429, headers={"Retry-After": "2", "content-type": "text/html"}, body=b"<p>\xff")
    reply = await ask("GET", BALANCES)

    assert (reply.status, reply.headers["Retry-After"], reply.body) == (429, "2", b"<p>\xff")
    assert reply.headers.getall("Content-Type") == ["text/html"]


async def test_body_alone(ask: Any, sim: Simulator) -> None:
    """A body without a status spoils the answer of a request that was carried out."""
    sim.fail(body=b"{")
    reply = await ask("POST", ACCOUNTS, NEW)

    assert (reply.status, reply.body) == (200, b"{")
    assert sim.accounts()[-1].name == "new"


@pytest.mark.parametrize(("status", "headers"), [(204, {}), (307, {"Location": "http://127.0.0.1:1/"})])
async def test_empty_statuses(ask: Any, sim: Simulator, status: int, headers: dict[str, str]) -> None:
    """No content and redirects have no body."""
    sim.fail(status=status, headers=headers)
    reply = await ask("GET", BALANCES)

    assert (reply.status, reply.body) == (status, b"")
    assert reply.headers.get("Location") == headers.get("Location")


async def test_other_success(ask: Any, sim: Simulator) -> None:
    """A read keeps its content under another success; a write says its words without having been done."""
    whole = (await ask("GET", BALANCES)).body
    sim.fail(status=299)
    read, write = await ask("GET", BALANCES), await ask("POST", LEVERAGE, {"leverage": "2"})

    assert (read.status, read.body) == (299, whole)
    assert (write.status, write.json()) == (299, {"message": "Leverage changed successfully."})
    assert sim.journal.changes == []


@pytest.mark.parametrize(("apply", "count"), [("none", 0), ("all", 1)])
@pytest.mark.parametrize("status", [200, 500])
async def test_apply(ask: Any, sim: Simulator, apply: str, count: int, status: int) -> None:
    """A status tells nothing about the write: it is carried out only if ``apply`` says so."""
    sim.fail(endpoint="create_account", status=status, apply=apply)

    assert (await ask("POST", ACCOUNTS, NEW)).status == status
    assert len(sim.journal.changes) == count


@pytest.mark.parametrize("effect", [{"status": 422}, {"drop": "after"}])
async def test_apply_others(ask: Any, sim: Simulator, effect: dict[str, Any]) -> None:
    """A refused batch may have been applied to every account but one."""
    spared, *others = sim.accounts()[:3]
    sim.fail(endpoint="set_leverage", account=spared.name, apply="others", **effect)
    body = {"leverage": "9", "pair": PAIR, "account_ids": [spared.id, *[one.id for one in others]]}
    try:
        assert (await ask("POST", LEVERAGE, body)).status == 422
    except aiohttp.ServerDisconnectedError:
        assert "drop" in effect

    assert [account.leverage[PAIR] for account in sim.accounts()[:3]] == [spared.leverage[PAIR], "9", "9"]
    assert {change.account_id for change in sim.journal.changes} == {one.id for one in others}


@pytest.mark.parametrize(
    ("method", "name_of_field", "change"),
    [("POST", None, None), ("DELETE", "name", None), ("PUT", "id", "CASH")],
)
async def test_apply_others_of_one(
    ask: Any, sim: Simulator, method: str, name_of_field: str | None, change: str | None
) -> None:
    """A write of a single account has no others, so nothing is applied."""
    account = sim.accounts()[0]
    body = {"name": account.name, "id": account.id, "margin_mode": "CASH"} if name_of_field else NEW
    sim.fail(account=account.id if name_of_field else "new", status=500, apply="others")

    assert (await ask(method, ACCOUNTS, body)).status == 500
    assert sim.journal.changes == []


@pytest.mark.parametrize(("drop", "count"), [("before", 0), ("after", 1)])
async def test_drop(ask: Any, sim: Simulator, drop: str, count: int) -> None:
    """A dropped request gets no answer; ``after`` has carried it out and ``before`` has not."""
    sim.fail(endpoint="create_account", drop=drop)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask("POST", ACCOUNTS, NEW)

    assert len(sim.journal.changes) == count
    assert [request.status for request in sim.journal.requests] == [None]


async def test_drop_late(ask: Any, sim: Simulator) -> None:
    """A write whose connection is closed is acted on a moment later."""
    sim.fail(endpoint="create_account", drop="late", delay_s=0.02)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask("POST", ACCOUNTS, NEW)
    before = len(sim.journal.changes)
    await sim.settle()

    assert (before, len(sim.journal.changes)) == (0, 1)
    assert sim.journal.changes[0].request == 1


async def test_what_is_late_does_not_outlive_the_simulator() -> None:
    async with Simulator(accounts=1) as sim, aiohttp.ClientSession() as session:
        sim.fail(endpoint="create_account", drop="late", delay_s=60.0)
        headers = {"Authorization": f"Token {sim.tokens[0]}"}
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.post(sim.url + ACCOUNTS, json=NEW, headers=headers)

    assert sim.journal.changes == []


async def test_truncate(ask: Any, sim: Simulator) -> None:
    """A truncated answer promises its whole length and ends early."""
    sim.fail(endpoint="balances", truncate_bytes=10)
    with pytest.raises(aiohttp.ClientPayloadError) as caught:
        await ask("GET", BALANCES)

    assert "not enough data" in str(caught.value).lower()
    assert sim.journal.requests[0].status == 200


async def test_truncate_keeps_the_first_bytes(sim: Simulator) -> None:
    """The bytes before the cut are those of the real answer, under its real length."""
    sim.fail(truncate_bytes=5)
    host, _, port = sim.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert b"Content-Length: 24\r\n" in answer
    assert answer.endswith(b'\r\n\r\n{"det')


async def test_delay(ask: Any, sim: Simulator) -> None:
    """A delay holds the answer back after the request was carried out; delays add up."""
    sim.fail(delay_s=0.02)
    sim.fail(delay_s=0.02)
    began = time.perf_counter()
    task = asyncio.ensure_future(ask("POST", ACCOUNTS, NEW))
    await asyncio.sleep(0.015)

    assert len(sim.journal.changes) == 1
    assert sim.journal.requests[0].status is None
    assert (await task).status == 200
    assert time.perf_counter() - began >= 0.04
    assert sim.journal.requests[0].status == 200


async def test_caller_gives_up(ask: Any, sim: Simulator) -> None:
    """A caller that hangs up while it waits has made its change, and the answer counts as not sent."""
    sim.fail(delay_s=3600.0)
    with pytest.raises(TimeoutError):
        await ask("POST", ACCOUNTS, NEW, timeout=aiohttp.ClientTimeout(total=0.03))
    await asyncio.sleep(0.01)

    assert sim.accounts()[-1].name == "new"
    assert sim.journal.requests[0].status is None
    assert not sim._waiting, "the server still waits for a caller that is gone"


@pytest.mark.parametrize("path", [BALANCES, CACHED, ACCOUNTS])
async def test_missing(ask: Any, sim: Simulator, path: str) -> None:
    """A missing account is left out of the read, without a word."""
    gone = sim.accounts()[1]
    sim.fail(account=gone.id, missing=True)
    reply = await ask("GET", path)

    assert reply.status == 200
    assert gone.name.encode() not in reply.body
    assert sim.accounts()[2].name.encode() in reply.body
    assert b"errors" not in reply.body


@pytest.mark.parametrize(
    ("error", "message"), [(True, "Failed to fetch balances"), ("venue down", "venue down")]
)
async def test_error(ask: Any, sim: Simulator, error: Any, message: str) -> None:
    """A failing account moves from ``balances`` to ``errors``; live balances know nothing of it."""
    bad = sim.accounts()[1].name
    sim.fail(account=bad, error=error)
    content = (await ask("GET", CACHED)).json()

    assert content["errors"] == [{"account_name": bad, "message": message}]
    assert len(content["balances"]) == 5
    assert bad in (await ask("GET", BALANCES)).json()


async def test_stale(ask: Any, sim: Simulator) -> None:
    """A stale account is stamped so much older, and only while the fault is in force."""
    name = sim.accounts()[1].name
    target = f"{CACHED}?account_names={name}"
    before = (await ask("GET", target)).json()
    sim.fail(account=name, stale_s=90.5)
    during = (await ask("GET", CACHED)).json()["balances"]
    sim.heal()

    assert during[1]["timestamp_millis"] == before["balances"][0]["timestamp_millis"] - 90_500
    assert (await ask("GET", target)).json() == before


async def test_edits_add_up(ask: Any, sim: Simulator) -> None:
    """Faults on different accounts of one read all take effect."""
    one, two, three = (account.name for account in sim.accounts()[:3])
    sim.fail(account=one, missing=True)
    sim.fail(account=two, error=True)
    sim.fail(account=three, stale_s=5)
    content = (await ask("GET", f"{CACHED}?account_names={one},{two},{three}")).json()

    assert [balance["account_name"] for balance in content["balances"]] == [three]
    assert [error["account_name"] for error in content["errors"]] == [two]


async def statuses(ask: Any, count: int, target: str = BALANCES, **options: Any) -> list[int]:
    return [(await ask("GET", target, **options)).status for _ in range(count)]


async def test_nth(ask: Any, sim: Simulator) -> None:
    """``nth`` strikes one request only, counted among those that fit."""
    sim.fail(endpoint="balances", nth=2, status=500)
    await ask("GET", CACHED)

    assert await statuses(ask, 3) == [200, 500, 200]


async def test_times_in_turn(ask: Any, sim: Simulator) -> None:
    """``times`` ends a fault, and the next one in the queue then has its turn in full."""
    sim.fail(status=503, times=2)
    sim.fail(status=429, times=1)

    assert await statuses(ask, 4) == [503, 503, 429, 200]


async def test_chance(clock: Any) -> None:
    """A chance is a share of the requests, and the same one for the same seed."""
    seen = []
    for _ in range(2):
        async with Simulator(seed=3, accounts=1, clock=clock) as sim, aiohttp.ClientSession() as session:
            sim.fail(status=500, chance=0.5)
            got = []
            for _ in range(60):
                async with session.get(sim.url + BALANCES) as reply:
                    got.append(reply.status)
            seen.append(got)

    assert seen[0] == seen[1]
    assert 15 < seen[0].count(500) < 45


async def test_account_condition(ask: Any, sim: Simulator) -> None:
    """A fault on an account strikes requests that name it, by name or id, and reads that name all."""
    one, two = sim.accounts()[:2]
    sim.fail(account=one.name, status=500)

    assert await statuses(ask, 1, f"{BALANCES}?account_names={two.name}") == [200]
    assert await statuses(ask, 1, f"{BALANCES}?account_names={two.name},{one.name}") == [500]
    assert await statuses(ask, 1, BALANCES) == await statuses(ask, 1, ACCOUNTS) == [500]
    for method, path, body, status in (
        ("PUT", ACCOUNTS, {"id": one.id}, 500),
        ("PUT", ACCOUNTS, {"id": two.id}, 200),
        ("DELETE", ACCOUNTS, {"name": one.name}, 500),
        ("POST", ACCOUNTS, {**NEW, "name": one.name}, 500),
        ("POST", LEVERAGE, {"leverage": "2"}, 500),
        ("POST", LEVERAGE, {"leverage": "2", "account_ids": [two.id]}, 200),
        ("POST", LEVERAGE, {"leverage": "2", "account_ids": [two.id, one.id]}, 500),
    ):
        assert (await ask(method, path, body)).status == status


async def test_user_condition(ask: Any, sim: Simulator) -> None:
    """A fault on a user leaves the others alone."""
    sim.fail(user=1, status=500)

    assert await statuses(ask, 1) == [200]
    assert await statuses(ask, 1, user=1) == [500]


async def test_heal(ask: Any, sim: Simulator) -> None:
    """Healing removes every fault, and ``fail`` returns the one it added."""
    assert sim.fail(status=500) == Fault(status=500)
    sim.heal()

    assert await statuses(ask, 1) == [200]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "something to do"),
        ({"endpoint": "balance", "status": 500}, "endpoint must be one of"),
        ({"nth": 0, "status": 500}, "nth must be at least 1"),
        ({"times": 0, "status": 500}, "times must be at least 1"),
        ({"chance": 0.0, "status": 500}, "chance must be"),
        ({"chance": 1.5, "status": 500}, "chance must be"),
        ({"status": 99}, "status must be"),
        ({"delay_s": -1.0}, "delay_s must be"),
        ({"delay_s": float("nan")}, "delay_s must be"),
        ({"stale_s": -1.0}, "stale_s must be"),
        ({"truncate_bytes": -1}, "truncate_bytes must be"),
        ({"user": -1, "status": 500}, "user must be"),
        ({"apply": "some", "status": 500}, "apply must be"),
        ({"drop": "now"}, "drop must be"),
        ({"drop": "late", "endpoint": "create_account"}, "acts delay_s afterwards"),
        ({"drop": "late", "delay_s": 1.0}, "an endpoint that writes"),
        ({"drop": "late", "delay_s": 1.0, "endpoint": "accounts"}, "an endpoint that writes"),
        ({"apply": "all", "delay_s": 1.0}, "apply needs"),
        ({"apply": "all", "drop": "before"}, "apply needs"),
        ({"apply": "others", "status": 500}, "needs the account"),
        ({"drop": "before", "status": 500}, "drop sends no answer"),
        ({"drop": "after", "truncate_bytes": 3}, "exclude each other"),
        ({"endpoint": "set_leverage", "missing": True}, "is a write"),
        ({"endpoint": "balances", "status": 500, "apply": "all"}, "is a read"),
        ({"endpoint": "balances", "stale_s": 5.0}, "cached_balances only"),
        ({"drop": "before", "html": True}, "drop sends no answer"),
        ({"html": True, "body": b"{}"}, "html is a body"),
        ({"endpoint": "set_leverage", "extra_field": "x"}, "is a write"),
        ({"without_field": "equty"}, "no answer has a field 'equty': there are account_id, "),
        ({"endpoint": "balances", "retyped_field": "equity"}, "no answer has a field 'equity'"),
        ({"endpoint": "balances", "extra_field": "size"}, "'size' is a documented field"),
    ],
)
def test_bad_faults(fields: dict[str, Any], sentence: str) -> None:
    """A fault that cannot be meant is refused in one sentence."""
    with pytest.raises(ValueError, match=sentence):
        Fault(**fields)


@pytest.mark.parametrize("status", [None, 403])
async def test_a_firewall(ask: Any, sim: Simulator, status: int | None) -> None:
    """Its page comes as HTML, with whatever status; the request may have been carried out behind it."""
    sim.fail(status=status, html=True)
    reply = await ask("POST", ACCOUNTS, NEW)

    assert reply.status == (status or 200)
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.body.startswith(b"<!DOCTYPE html>")
    assert (sim.accounts()[-1].name == "new") is (status is None)


async def test_idle_faults(ask: Any, sim: Simulator) -> None:
    """Those that have not struck anything."""
    struck, idle = sim.fail(status=500), sim.fail(account="no such account", delay_s=1.0)
    await ask("GET", BALANCES)

    assert sim.idle_faults == [idle] != [struck]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user": 0, "status": 500}, "Fault(user=0, status=500)"),
        ({"headers": {"Retry-After": "1"}, "times": 2}, "Fault(times=2, headers={'Retry-After': '1'})"),
        ({"endpoint": "balances", "missing": True}, "Fault(endpoint='balances', missing=True)"),
    ],
)
def test_a_fault_says_what_was_given(fields: dict[str, Any], said: str) -> None:
    """And nothing of what is as ever."""
    assert repr(Fault(**fields)) == said
