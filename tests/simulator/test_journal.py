"""What the journal says of requests and changes, and what it never says."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import aiohttp

from tread_async.simulator import Change, Request, Simulator
from tread_async.simulator.control import handle

ACCOUNTS = "/api/accounts/"
BALANCES = "/api/balances/"
NEW = {"name": "new", "api_key": "key", "api_secret": "shh", "exchange": "OKX", "password": "hush"}


async def test_request(ask: Any, sim: Simulator, clock: Any) -> None:
    """A request is recorded with who, what, when, on which connection and how it was answered."""
    name = sim.accounts(1)[0].name
    await ask("GET", f"{BALANCES}?account_names={name}%2Cnobody", user=1)

    assert sim.journal.requests == [
        Request(
            number=1,
            at=clock.now,
            user=1,
            endpoint="balances",
            method="GET",
            path=BALANCES,
            query=f"account_names={name}%2Cnobody",
            body=None,
            accounts=(name, "nobody"),
            connection_id=1,
            auth_scheme="Token",
            status=200,
        )
    ]


async def test_accounts_named(ask: Any, sim: Simulator) -> None:
    """Ids are recorded as names, unknown ids as they are, and a request without a filter names all."""
    first, second = sim.accounts()[:2]
    every = tuple(account.name for account in sim.accounts())
    await ask("GET", BALANCES)
    await ask("POST", "/api/set_leverage/", {"leverage": "2"})
    await ask("POST", "/api/set_leverage/", {"leverage": "2", "account_ids": [second.id, "no-such-id"]})
    await ask("PUT", ACCOUNTS, {"id": first.id})
    await ask("DELETE", ACCOUNTS, {"name": first.name})
    await ask("GET", f"{ACCOUNTS}?include_archived=true")

    named = [request.accounts for request in sim.journal.requests]
    assert named[:5] == [every, every, (second.name, "no-such-id"), (first.name,), (first.name,)]
    assert named[5] == (sim.accounts()[0].name, *every[1:])


async def test_changes(ask: Any, sim: Simulator, clock: Any) -> None:
    """Each change is recorded under the account's id and old name, with the request that made it."""
    first, second = sim.accounts()[:2]
    await ask("POST", ACCOUNTS, NEW)
    await ask("PUT", ACCOUNTS, {"id": first.id, "margin_mode": "CASH"})
    await ask("DELETE", ACCOUNTS, {"name": first.name})
    await ask("POST", "/api/set_leverage/", {"leverage": "2", "pair": "A-B", "account_ids": [second.id] * 2})

    made = sim.accounts()[-1]
    details: list[Any] = [
        ("create", made.id, "new", {"exchange": "OKX"}),
        ("update", first.id, first.name, {"margin_mode": "CASH"}),
        ("archive", first.id, first.name, {"archived_name": sim.accounts()[0].name}),
        ("leverage", second.id, second.name, {"pair": "A-B", "leverage": "2"}),
    ]
    assert sim.journal.changes == [
        Change(
            number=number,
            at=clock.now,
            user=0,
            kind=kind,
            account_id=one,
            name=name,
            detail=detail,
            request=number,
        )
        for number, (kind, one, name, detail) in enumerate(details, 1)
    ]


async def test_no_secrets(ask: Any, sim: Simulator) -> None:
    """API secrets and passwords are starred, and a token in a query or path is not kept."""
    token = sim.tokens[0]
    await ask("POST", ACCOUNTS, NEW)
    await ask("GET", f"/ws/{token}?token={token}")
    body = sim.journal.requests[0].body

    assert body == {**NEW, "api_secret": "***", "password": "***"}
    assert (sim.journal.requests[1].path, sim.journal.requests[1].query) == ("/ws/***", "token=***")
    assert token not in repr(sim.journal.requests)


async def test_connections(sim: Simulator) -> None:
    """Requests of one TCP connection share a number, and the next connection has the next one."""
    for _ in range(2):
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(sim.url + BALANCES) as got:
                    await got.read()

    await asyncio.sleep(0.005)
    assert [request.connection_id for request in sim.journal.requests] == [1, 1, 2, 2]
    assert sim._server is not None
    assert sim._server.numbers == {}, "closed connections are forgotten"


async def test_count_and_clear(ask: Any, sim: Simulator) -> None:
    """Counts take every condition given, and after clearing numbers start again."""
    await ask("GET", BALANCES)
    await ask("GET", BALANCES, user=1)
    await ask("GET", "/nowhere")

    assert sim.journal.count() == 3
    assert sim.journal.count("balances") == 2
    assert sim.journal.count("balances", user=1) == sim.journal.count(status=404) == 1
    assert sim.journal.count("accounts") == 0
    sim.journal.clear()
    await ask("GET", BALANCES)
    assert [request.number for request in sim.journal.requests] == [1]


async def test_cleared_meanwhile(ask: Any, sim: Simulator) -> None:
    """An answer to a request from before the journal was cleared is not counted afterwards."""
    sim.fail(delay_s=0.02, times=1)
    slow = asyncio.ensure_future(ask("GET", BALANCES))
    await asyncio.sleep(0.01)
    sim.journal.clear()
    await ask("GET", BALANCES)
    await slow

    assert sim.journal.count() == sim.journal.count(status=200) == 1
    users: Any = sim.journal.summary()["users"]
    assert users[0]["by_status"] == {"200": 1}


async def test_control_is_for_loopback(sim: Simulator) -> None:
    """A caller from elsewhere has no control, whatever address the simulator listens on."""
    for remote in (None, "192.0.2.1", "2001:db8::1"):
        request: Any = SimpleNamespace(remote=remote, method="GET", path="/_simulator/journal")
        assert (await handle(sim, request, b"")).status == 403


async def control(sim: Simulator, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{sim.url}/_simulator/{path}", json=body) as got,
    ):
        return got.status, await got.json()


async def test_summary(ask: Any, sim: Simulator) -> None:
    """The summary counts requests, endpoints, statuses and changes of each user, and of nobody known."""
    await ask("POST", ACCOUNTS, NEW)
    await ask("GET", "/nowhere", user=1)
    await ask("GET", BALANCES, auth="Token x")

    nothing: dict[str, int] = {}
    assert await control(sim, "GET", "summary") == (
        200,
        {
            "users": [
                {
                    "requests": 1,
                    "by_endpoint": {"create_account": 1},
                    "by_status": {"200": 1},
                    "changes": {"create": 1},
                },
                {"requests": 1, "by_endpoint": {"unknown": 1}, "by_status": {"404": 1}, "changes": nothing},
            ],
            "unauthenticated": {
                "requests": 1,
                "by_endpoint": {"balances": 1},
                "by_status": {"401": 1},
                "changes": nothing,
            },
        },
    )


async def test_control_journal(ask: Any, sim: Simulator) -> None:
    """The journal can be read and cleared over HTTP, which is not journaled itself."""
    await ask("POST", ACCOUNTS, NEW)
    status, content = await control(sim, "GET", "journal")

    assert status == 200
    assert [request["endpoint"] for request in content["requests"]] == ["create_account"]
    assert [change["kind"] for change in content["changes"]] == ["create"]
    assert "shh" not in json.dumps(content)
    assert await control(sim, "DELETE", "journal") == (200, {})
    assert (sim.journal.requests, sim.journal.changes) == ([], [])


async def test_control_faults(ask: Any, sim: Simulator) -> None:
    """Faults can be added and removed over HTTP, and control itself meets none."""
    faults = [{"status": 500, "body": "<p>", "times": 1}, {"status": 429, "headers": {"Retry-After": "1"}}]

    assert await control(sim, "POST", "faults", faults) == (200, {"added": 2})
    first, second = await ask("GET", BALANCES), await ask("GET", BALANCES)
    assert (first.status, first.body) == (500, b"<p>")
    assert (second.status, second.headers["Retry-After"]) == (429, "1")
    assert await control(sim, "DELETE", "faults") == (200, {})
    assert (await ask("GET", BALANCES)).status == 200


async def test_control_refuses(sim: Simulator) -> None:
    """Bad faults are a 400 and none of the list is added; unknown users and paths are refused too."""
    lists: list[Any] = [[{"status": 500}, {"stauts": 1}], [{}], {"status": 500}, [3], 3]
    for bad in lists:
        status, content = await control(sim, "POST", "faults", bad)
        assert (status, list(content)) == (400, ["message"])
    assert (await control(sim, "GET", "accounts?user=2"))[0] == 400
    assert (await control(sim, "GET", "nothing"))[0] == 404
    assert (await control(sim, "GET", "summary"))[1]["users"][0]["requests"] == 0


async def test_control_accounts(sim: Simulator) -> None:
    """The server's own truth is there over HTTP as it is in the process."""
    status, content = await control(sim, "GET", "accounts?user=1")

    assert status == 200
    assert [account["id"] for account in content] == [account.id for account in sim.accounts(1)]
    assert content[0]["leverage"] == sim.accounts(1)[0].leverage
