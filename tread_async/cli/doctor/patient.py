"""What the doctor looks at. The one place that reaches into a manager, to see what the library sees."""

from __future__ import annotations

import asyncio
import ssl as tls
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tread_async import _transport
from tread_async._codec import bodies, requests
from tread_async._codec.endpoints import CACHED_BALANCES, Endpoint
from tread_async._codec.replies import Reply, http_date, parse
from tread_async._fleet.lines import Tally
from tread_async._fleet.server_clock import ServerClock
from tread_async._policy import POLICIES
from tread_async.errors import TransportError
from tread_async.manager import SessionManager
from tread_async.secret import Secret

__all__ = ["MOST_ACCOUNTS", "Answer", "Patient"]

MOST_ACCOUNTS: Final = 50
_PORTS: Final = {"https": 443, "http": 80}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a success.

    Attributes:
        json: Its body, decoded.
        took_s: From the request to the last byte.
    """

    endpoint: Endpoint[Any]
    json: Any
    reply: Reply
    took_s: float

    def model(self) -> Any:
        """What the library makes of it. Raises `DecodeError`."""
        return parse(self.endpoint, self.reply)

    def __repr__(self) -> str:
        return f"<Answer {self.endpoint.label}>"


class Patient:
    """The server of an opened *desk*, and its tokens.

    Attributes:
        direct: The tokens that go through no proxy.
        clock: The server's, as all answers so far tell it; ``dated`` is how many of them have told it.
        lost: Connections that ended before an answer, whose request was sent once more.
    """

    def __init__(self, desk: SessionManager) -> None:
        self._desk = desk
        self._lines = desk._ready(None).lines
        self.base_url = desk._base_url
        self.tokens = desk.credentials
        self.direct = tuple([name for name, one in desk._credentials.items() if one.proxy is None])
        self.clock = ServerClock()
        self.dated = 0
        self.lost = 0
        parts = urlsplit(self.base_url)
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS[parts.scheme]
        self.encrypted = parts.scheme == "https"

    @property
    def tls_context(self) -> tls.SSLContext:
        """That of the library's own connections."""
        return self._desk._wiring._ssl or _transport._tls_context()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no finding may show."""
        opened = [line.opened for line in self._lines.values() if line.opened is not None]
        return tuple([secret for calls in opened for secret in calls.secrets])

    def connections_opened(self, token: str) -> int:
        """Connections made so far for *token*."""
        return self._desk.stats[token].connections_opened

    def nameable(self, names: list[str]) -> list[str]:
        """Of *names* as many as one request can name, at most 50."""
        plain = [name for name in names if "," not in name]
        widest = CACHED_BALANCES  # has the longer path of the two
        fitting = [name for name in plain if requests.fits(widest, name, self.base_url)]
        return next(iter(requests.batches(widest, fitting, self.base_url, MOST_ACCOUNTS)), [])

    async def ask(self, token: str, endpoint: Endpoint[Any], accounts: list[str] | None = None) -> Answer:
        """Asks once, as the library does, for these *accounts* only where they are given.

        And once more where the connection was lost: one that was kept may have been closed meanwhile.

        Raises:
            TreadError: as of any call of the library.
        """
        try:
            return await self._ask(token, endpoint, accounts)
        except TransportError as error:
            if type(error) is not TransportError:
                raise
        self.lost += 1
        return await self._ask(token, endpoint, accounts)

    async def _ask(self, token: str, endpoint: Endpoint[Any], accounts: list[str] | None) -> Answer:
        line = self._lines[token]
        plainly: Endpoint[Any] = msgspec.structs.replace(endpoint, decode=bodies.anything, steps=None)
        once = msgspec.structs.replace(POLICIES[endpoint.name], attempts=1)
        deadline = asyncio.get_running_loop().time() + once.attempt_timeout_s
        call = line.call(requests.naming(plainly, accounts), deadline, policy=once)
        found = await line.carry_out(call, Tally())
        reply = call.reply
        assert reply is not None  # noqa: S101 - there is one behind every success
        if (date := http_date(reply.date)) is not None:
            self.clock.observe(date.timestamp(), sent_at=reply.sent_at, received_at=reply.received_at)
            self.dated += 1
        took_s = max(0.0, reply.received_at - reply.sent_at)  # less what a rate has made it wait
        return Answer(endpoint=endpoint, json=found, reply=reply, took_s=took_s)
