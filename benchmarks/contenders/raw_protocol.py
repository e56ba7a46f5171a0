"""The floor: an `asyncio.Protocol` and httptools, with our checked decoder, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httptools

from benchmarks.contenders.one_by_one import OneByOne, Target
from tread_async._codec.endpoints import CACHED_BALANCES

__all__ = ["opened"]


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._reply.set_result(b"".join(self._pieces))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._reply.done():
            self._reply.set_exception(error or ConnectionResetError())

    async def ask(self, head: bytes) -> bytes:
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport.write(head)
        body = await self._reply
        if self._parser.get_status_code() != 200:
            raise RuntimeError("not a success")
        return body

    def close(self) -> None:
        self._transport.close()


class _Raw(OneByOne):
    def __init__(self, url: str, tokens: str) -> None:
        super().__init__(url, tokens)
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._idle: list[_Connection] = []

    async def read(self, target: Target) -> object:
        connection = self._idle.pop() if self._idle else await self._connected()
        head = (
            f"GET {target.path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Token {target.token}\r\n\r\n"
        )
        body = await connection.ask(head.encode())
        self._idle.append(connection)
        return CACHED_BALANCES.decode(body)

    async def _connected(self) -> _Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, self._host, self._port))[1]

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


@contextlib.asynccontextmanager
async def opened(url: str, tokens: str) -> AsyncIterator[_Raw]:
    """Connections are made as they are wanted, and used again."""
    raw = _Raw(url, tokens)
    yield raw
    raw.close()
