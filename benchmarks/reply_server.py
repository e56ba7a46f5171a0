"""Answers every request with one fixed reply: python -m benchmarks.reply_server FILE.

A bare asyncio protocol, so that it is far from being the bottleneck. Prints its URL, and serves until
its input is closed.
"""

from __future__ import annotations

import asyncio
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


async def _main(body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body
    server = await asyncio.get_running_loop().create_server(lambda: _Answering(answer), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]).read_bytes()))
