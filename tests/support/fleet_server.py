"""A Tread server of many tokens, for reads: what it does with an account is written on the account.

Nothing in it is slow, so that a property test can put thousands of questions to one server;
`FleetServer.users` may be replaced between them.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final, Self
from urllib.parse import unquote

from tests.support.fleet_accounts import HANG, POISONS, Seen, User

PATHS: Final = {
    "/api/balances/": "balances",
    "/api/sor/get_cached_account_balance": "cached_balances",
    "/api/accounts/": "accounts",
}
_OVERDUE_S: Final = 10.0


class FleetServer:
    """The server; use it as a block."""

    def __init__(self, *users: User, ssl: ssl_module.SSLContext | None = None) -> None:
        self.users = users
        self._ssl = ssl
        self.refused: list[str] = []  # requests with a token that nobody has
        self.connections = 0
        self.open = self.peak = 0
        self.port = 0
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Link(self), "127.0.0.1", self.port, ssl=self._ssl)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in list(self._links):
            link.transport.abort()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self._ssl else 'http'}://127.0.0.1:{self.port}"

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple([user.token for user in self.users])

    def count(self, endpoint: str | None = None) -> int:
        return sum(user.count(endpoint) for user in self.users)

    async def until(self, requests: int, endpoint: str | None = None) -> None:
        """Returns when so many requests have arrived. They are overdue after some seconds."""
        async with asyncio.timeout(_OVERDUE_S):
            while self.count(endpoint) < requests:
                await self._changed.wait()
                self._changed.clear()

    async def until_idle(self) -> None:
        """Returns when every request is answered or given up."""
        async with asyncio.timeout(_OVERDUE_S):
            while self.open:
                await self._changed.wait()
                self._changed.clear()

    def made(self, link: _Link) -> None:
        self.connections += 1
        self._links.add(link)

    def lost(self, link: _Link) -> None:
        self._links.discard(link)
        if link.user is not None:
            self.over(link)

    def over(self, link: _Link) -> None:
        """The request of *link* is answered, or nobody waits for the answer."""
        if link.user is not None:
            link.user.open -= 1
            self.open -= 1
            link.user = None
            self._changed.set()

    def heard(self, head: str, link: _Link) -> None:
        target = head.split(" ", 2)[1]
        at = head.lower().index("\r\nauthorization: token ")
        token = head[at:].split("\r\n")[1].split(" ")[-1]
        user = next((user for user in self.users if user.token == token), None)
        if user is None:
            self.refused.append(token)
            link.send(401, b'{"message":"Invalid credentials"}', {})
            return
        path, _, query = target.partition("?")
        listed = unquote(query.removeprefix("account_names=")) if "account_names=" in query else None
        names = None if listed is None else tuple(listed.split(","))
        seen = Seen(PATHS[path], names, len(self.url + target), asyncio.get_running_loop().time())
        user.seen.append(seen)
        link.user = user
        user.open, self.open = user.open + 1, self.open + 1
        user.peak, self.peak = max(user.peak, user.open), max(self.peak, self.open)
        self._changed.set()
        if not (user.wait_s or user.gate):
            self._answer(user, seen, link)
            return
        task = asyncio.create_task(self._answer_later(user, seen, link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, user: User, seen: Seen, link: _Link) -> None:
        await asyncio.sleep(user.wait_s)
        if user.gate is not None:
            await user.gate.wait()
        self._answer(user, seen, link)

    def _answer(self, user: User, seen: Seen, link: _Link) -> None:
        headers = {"Date": formatdate(time.time() + user.skew_s, usegmt=True)} if user.dated else {}
        if user.first or seen.endpoint in user.refuses:
            status, more = user.first.pop(0) if user.first else (user.refuses[seen.endpoint], {})
            if status != HANG:
                link.send(status, b'{"message":"refused"}', headers | dict(more))
            return
        headers |= user.headers
        accounts = user.answered(seen.endpoint, seen.names)
        poisons = [does for one in accounts if (does := one.does(seen.endpoint)) in POISONS]
        if not poisons:
            link.send(200, user.body(seen.endpoint, accounts), headers)
        elif poisons[0] == "cut":
            link.send(200, b"{" + b" " * 200, headers, cut=True)
        elif poisons[0] != "hang":
            link.send(int(poisons[0]), b'{"message":"poisoned"}', headers)


class _Link(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, server: FleetServer) -> None:
        self._server = server
        self._heard = b""
        self.user: User | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._server.made(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._server.lost(self)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            head, self._heard = self._heard[:end].decode("latin-1"), self._heard[end + 4 :]
            self._server.heard(head, self)

    def send(self, status: int, body: bytes, headers: Mapping[str, str], *, cut: bool = False) -> None:
        self._server.over(self)
        if self.transport.is_closing():
            return
        length = len(body) * (2 if cut else 1)
        fields = {"Content-Type": "application/json", "Content-Length": str(length)} | dict(headers)
        lines = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
        self.transport.write(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body)
        if cut:
            self.transport.close()
