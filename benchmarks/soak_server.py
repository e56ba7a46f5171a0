"""A small Tread with a fault in one answer of ten: python -m benchmarks.soak_server SEED.

The accounts and balances of `TOKENS` users are rendered once by the simulator. Accounts that are created
are listed from then on, and renamed when they are archived; of both the newest few stay. A bare asyncio
protocol answers, so that it is not the bottleneck. What goes wrong is drawn with `FAULTS`; half of the
writes whose answer is lost have been applied. Prints its URL, and serves until its input is closed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.samples import fetched
from tread_async.simulator import Simulator

TOKENS = 3
ACCOUNTS = 20
FAULT_SHARE = 0.1
SLOW_S = 1.2  # longer than the attempts of the clients last
FAULTS = {
    "500": 20, "503": 12, "429": 12, "422": 12, "closed before": 12, "closed after": 12, "cut": 12,
    "garbage": 7.5, "slow": 0.5,
}  # fmt: skip
_KEPT = 20


def token_of(number: int) -> str:
    """The token of user *number*."""
    return f"{number:040x}"


class User:
    """The accounts of one token, and the answers to what is asked of them."""

    def __init__(self, accounts: bytes, live: bytes, cached: bytes) -> None:
        self._accounts: dict[str, dict[str, Any]] = {one["name"]: one for one in json.loads(accounts)}
        self._archived: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._live = {name: _encoded(one) for name, one in json.loads(live).items()}
        self._cached = {one["account_name"]: _encoded(one) for one in json.loads(cached)["balances"]}
        self._created: deque[str] = deque()
        self._count = 0

    def answer(self, method: str, target: str, body: bytes) -> bytes:
        """The body of a success."""
        url = urlsplit(target)
        if method == "GET":
            return self._read(url.path, parse_qs(url.query))
        if url.path == "/api/accounts/":
            self._write(method, json.loads(body))
        return b'{"message":"Successfully created abcdef"}'

    def _read(self, path: str, query: dict[str, list[str]]) -> bytes:
        if path == "/api/accounts/":
            archived: Iterable[dict[str, Any]] = self._archived if "include_archived" in query else ()
            return _encoded([*self._accounts.values(), *archived])
        names = query["account_names"][0].split(",") if "account_names" in query else list(self._live)
        if path == "/api/balances/":
            rows = [b"%b:%b" % (_encoded(name), self._live[name]) for name in names if name in self._live]
            return b"{%b}" % b",".join(rows)
        known = [self._cached[name] for name in names if name in self._cached]
        return b'{"balances":[%b]}' % b",".join(known)

    def _write(self, method: str, fields: dict[str, Any]) -> None:
        if method == "POST":
            self._create(fields)
        elif method == "DELETE":
            gone = self._accounts.pop(fields["name"], None)
            if gone is not None:
                self._archived.append(gone | {"name": f"{fields['name']}_archived", "archived": True})
        else:
            for account in self._accounts.values():
                if account["id"] == fields["id"]:
                    account.update(fields)

    def _create(self, fields: dict[str, Any]) -> None:
        self._count += 1
        account = {"id": f"new-{self._count}", "archived": False, "created_at": _now()}
        account |= {key: fields[key] for key in ("name", "exchange", "api_key")}
        self._accounts[fields["name"]] = account
        self._created.append(fields["name"])
        if len(self._created) > _KEPT:  # those that nobody could archive: answers must not grow
            self._accounts.pop(self._created.popleft(), None)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _encoded(what: object) -> bytes:
    return json.dumps(what, separators=(",", ":")).encode()


class _Answering(asyncio.Protocol):
    def __init__(self, users: list[User], chance: random.Random) -> None:
        self._users = users
        self._chance = chance
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, rest = self._seen.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length: ")[2].split(b"\r\n")[0] or 0)
        if end and len(rest) >= length:  # clients send the next request after the answer
            self._seen = b""
            self._answer(head, rest)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.decode().split(" ", 2)
        token = head.partition(b"\r\nAuthorization: Token ")[2][:40]
        user = self._users[int(token, 16)]
        fault = self._fault(method, target)
        unclear = fault in ("500", "garbage", "closed before")
        applied = not fault.isdigit() if not unclear else self._chance.random() < 0.5
        self._go_wrong(fault, user.answer(method, target, body) if applied else b"")

    def _fault(self, method: str, target: str) -> str:
        if self._chance.random() >= FAULT_SHARE:
            return ""
        fault = self._chance.choices(list(FAULTS), list(FAULTS.values()))[0]
        # Only the exchange behind set_leverage refuses so.
        return "500" if fault == "422" and "set_leverage" not in target else fault

    def _go_wrong(self, fault: str, body: bytes) -> None:
        if fault.isdigit():
            self._transport.write(_reply(b'{"message":"no"}', int(fault)))
        elif fault == "garbage":
            self._transport.write(b"nonsense\r\n\r\n")
        elif fault == "cut":
            self._transport.write(_reply(body)[:-3])
        elif fault == "slow":
            asyncio.get_running_loop().call_later(SLOW_S, self._transport.write, _reply(body))
        elif fault != "closed before":
            self._transport.write(_reply(body))
        if fault in ("garbage", "cut", "closed before", "closed after"):
            self._transport.close()


def _reply(body: bytes, status: int = 200) -> bytes:
    hint = "Retry-After: 0\r\n" if status == 429 else ""
    head = (
        f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{hint}"
        f"Date: {formatdate(time.time(), usegmt=True)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _users() -> list[User]:
    paths = ("/api/accounts/", "/api/balances/", "/api/sor/get_cached_account_balance")
    async with Simulator(seed=7, tokens=TOKENS, accounts=ACCOUNTS, assets=2) as simulator:
        return [
            User(*[await asyncio.to_thread(fetched, simulator.url + path, token) for path in paths])
            for token in simulator.tokens
        ]


async def _main(seed: int) -> None:
    users, chance = await _users(), random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(users, chance), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
