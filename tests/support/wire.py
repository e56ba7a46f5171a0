"""A scripted server over a bare socket: it sends exactly the bytes it is told, and cuts where it is told.

A script is a list of steps, one for each request in order of arrival; the last one stays. It may also
be a mapping from method to such a list. A step is the bytes to answer with, or a coroutine function
that does what it likes with the `Exchange`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias

TOKEN: Final = "canary-token-0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One complete request. ``headers`` has each line as sent, names in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> list[str]:
        return [text for key, text in self.headers if key == name.lower()]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """A request and the connection it came on."""

    request: Received
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader
    over: bool = False

    async def send(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError  # what asyncio says of itself, and uvloop with a RuntimeError
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Ends the connection with a FIN."""
        self.over = True
        self.writer.close()

    def reset(self) -> None:
        """Ends the connection with a RST."""
        self.over = True
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Step: TypeAlias = bytes | Callable[[Exchange], Awaitable[None]]
Script: TypeAlias = Step | list[Step] | Mapping[str, Step | list[Step]]


@dataclass
class Wire:
    """The server; use it as a block.

    Attributes:
        requests: The complete ones.
        busy: Requests that are being answered; ``peak`` is how many there were at most.
    """

    script: Script
    ssl: ssl.SSLContext | None = None
    name: str = "127.0.0.1"
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    heard_bytes: int = 0
    tokens: tuple[str, ...] = (TOKEN,)
    port: int = 0
    busy: int = 0
    peak: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._counts: dict[str, int] = {}
        self._arrived = asyncio.Event()
        self._open: dict[int, asyncio.StreamWriter] = {}
        await self.listen()
        return self

    async def listen(self) -> None:
        """Takes connections, as it does from the start; again after `refuse`."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.ssl)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuses connections from now on; those that are open stay so."""
        self._server.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self.ssl else 'http'}://{self.name}:{self.port}"

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.requests)

    @property
    def carried(self) -> dict[int, set[str]]:
        """The ``Authorization`` headers of each connection."""
        found: dict[int, set[str]] = {}
        for request in self.requests:
            found.setdefault(request.connection, set()).update(request.header("authorization"))
        return found

    async def say(self, data: bytes, connection: int) -> None:
        """Sends what nobody has asked for, such as a second answer."""
        self._open[connection].write(data)
        await self._open[connection].drain()

    def shut_down(self) -> None:
        """Ends every open connection before the loop turns: the client cannot know when it sends next."""
        for writer in self._open.values():
            with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as copy:
                copy.shutdown(socket.SHUT_RDWR)  # uvloop's own socket refuses to

    async def until(self, requests: int) -> None:
        """Returns when so many requests have arrived."""
        while len(self.requests) < requests:
            await self._arrived.wait()
            self._arrived.clear()

    def _step(self, method: str) -> Step:
        steps = self.script
        if isinstance(steps, Mapping):
            steps = steps[method]
        else:
            method = ""
        place = self._counts[method] = self._counts.get(method, 0) + 1
        return steps[min(place, len(steps)) - 1] if isinstance(steps, list) else steps

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self._open[number] = writer
        try:
            while (request := await self._request(reader, number)) is not None:
                exchange = Exchange(request, writer, reader)
                await self._answer(exchange)
                if exchange.over:
                    break
        except OSError:
            pass  # the client hung up
        finally:
            del self._open[number]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, exchange: Exchange) -> None:
        step = self._step(exchange.request.method)
        self.busy += 1
        self.peak = max(self.peak, self.busy)
        try:
            await (exchange.send(step) if isinstance(step, bytes) else step(exchange))
        finally:
            self.busy -= 1

    async def _request(self, reader: asyncio.StreamReader, number: int) -> Received | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heard_bytes += len(head)
            first, *lines = head.decode("latin-1").split("\r\n")[:-2]
            pairs = [line.partition(":") for line in lines]
            headers = tuple((name.lower(), text.strip()) for name, _, text in pairs)
            body = await reader.readexactly(int(dict(headers).get("content-length", "0")))
        except asyncio.IncompleteReadError as cut:
            self.heard_bytes += len(cut.partial)
            return None
        self.heard_bytes += len(body)
        method, target, _ = first.split(" ")
        received = Received(method=method, target=target, headers=headers, body=body, connection=number)
        self.requests.append(received)
        self._arrived.set()
        return received


def reply(
    body: bytes | object = b"{}", status: int = 200, *, length: int | None = None, **headers: str
) -> bytes:
    """A whole answer; ``Retry_After="2"`` stands for ``Retry-After: 2``. *length* lies about the body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json"}
    fields |= {name.replace("_", "-"): text for name, text in headers.items()}
    if length is None or length >= 0:
        fields["Content-Length"] = str(len(content) if length is None else length)
    head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    return f"HTTP/1.1 {status:03} Said\r\n{head}\r\n".encode() + content


async def hang_up(exchange: Exchange) -> None:
    exchange.close()


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def stall(exchange: Exchange) -> None:
    """Never answers; ends when the client hangs up."""
    await exchange.reader.read()
    exchange.close()


def cut(data: bytes) -> Step:
    """Sends *data* and closes."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(data)
        exchange.close()

    return step


def drip(data: bytes, every_s: float) -> Step:
    """Sends *data* byte by byte, so that something always arrives."""

    async def step(exchange: Exchange) -> None:
        for place in range(len(data)):
            await exchange.send(data[place : place + 1])
            await asyncio.sleep(every_s)

    return step


class Endless:
    """A step whose body has no end: it sends chunks until the client hangs up, and counts their bytes."""

    CHUNK: Final = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.hung_up = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                await exchange.send(self.CHUNK)
                self.sent_bytes += 0x10000
        finally:
            self.hung_up.set()
