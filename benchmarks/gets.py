"""A bare asyncio protocol that hears GETs, so that a server is far from being the bottleneck."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable
from email.utils import formatdate

__all__ = ["Gets", "head", "listening"]


class Gets(asyncio.Protocol, abc.ABC):
    """One connection."""

    _seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._seen = (self._seen + data).split(b"\r\n\r\n")  # GETs only: no bodies
        for request in requests:
            self.answer(request)

    @abc.abstractmethod
    def answer(self, request: bytes) -> None:
        """Answers a request, of which this is the head, or does not."""


def head(size_bytes: int, status: str = "200 OK") -> bytes:
    """The head of an answer with so large a body of JSON."""
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Length: {size_bytes}",
        "\r\n",
    )
    return "\r\n".join(lines).encode()


async def listening(made: Callable[[], Gets]) -> tuple[asyncio.Server, str]:
    """A server whose connections are *made*, and its URL."""
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, backlog=1024)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
