"""How many answers a server gives in a second at most: python -m benchmarks.ceiling URL PATH TOKEN.

Sockets without any library around them, each of which has one request under way and asks again as soon as
its answer is complete; answers are counted by their bytes alone. Prints the median of a few rounds. A
contender that comes near it measures the server.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import statistics
import sys
import time
from urllib.parse import urlsplit

CONNECTIONS = 16
SECONDS = 0.3
ROUNDS = 5


def _answers_per_s(connections: list[socket.socket], request: bytes) -> float:
    buffer = bytearray(1 << 20)
    lacking: dict[socket.socket, int | None] = dict.fromkeys(connections)  # no answer has begun
    count = 0
    with selectors.DefaultSelector() as ready:
        for connection in connections:
            ready.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(request)
        began = time.perf_counter()
        while lacking:
            for key, _ in ready.select():
                connection = key.data
                got, left = connection.recv_into(buffer), lacking[connection]
                left = (answer_bytes(bytes(buffer[: min(got, 1024)])) if left is None else left) - got
                lacking[connection] = left
                if left:
                    continue
                count += 1
                if time.perf_counter() - began < SECONDS:
                    lacking[connection] = None
                    connection.sendall(request)
                else:
                    del lacking[connection]
        return count / (time.perf_counter() - began)


def answer_bytes(beginning: bytes) -> int:
    """How long an answer is, of which this comes first. Bodies are not all of one length."""
    head, end, _ = beginning.partition(b"\r\n\r\n")
    stated = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if stated is None or not end:
        raise RuntimeError("not what is to be measured: an answer without its head or its length")
    return len(head) + len(end) + int(stated[1])


def _main(url: str, path: str, token: str) -> None:
    address = urlsplit(url)
    head = f"GET {path} HTTP/1.1\r\nHost: {address.hostname}\r\nAuthorization: Token {token}\r\n\r\n"
    request = head.encode()
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection((str(address.hostname), address.port or 80)))
            for _ in range(CONNECTIONS)
        ]
        print(statistics.median(_answers_per_s(connections, request) for _ in range(ROUNDS)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
