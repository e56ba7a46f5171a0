"""Answers every request with one fixed reply: python -m benchmarks.reply_server FILE [CERTIFICATE].

A bare asyncio protocol, so that it is far from being the bottleneck. With a certificate and its key in one
file it speaks TLS, as localhost. Prints its URL, and serves until its input is closed.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path


class _Answering(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        requests = self._seen.count(b"\r\n\r\n")  # GETs only: no bodies
        if requests:
            self._seen = self._seen[self._seen.rindex(b"\r\n\r\n") + 4 :]
            self._transport.write(self._answer * requests)


async def _main(body: bytes, certificate: str | None) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Answering(answer), "127.0.0.1", 0, ssl=context, backlog=1024
    )
    origin = "http://127.0.0.1" if context is None else "https://localhost"
    print(f"{origin}:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]).read_bytes(), sys.argv[2] if len(sys.argv) > 2 else None))
