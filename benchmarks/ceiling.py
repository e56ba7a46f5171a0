"""How many answers a server gives in a second at most: python -m benchmarks.ceiling URL PATH TOKEN.

Sockets without any library around them, each of which has one request under way and asks again as soon as
its answer is complete; answers are counted by their bytes alone. Prints the median of a few rounds. A
contender that comes near it measures the server.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import statistics
import sys
import time
from urllib.parse import urlsplit

from benchmarks.samples import fetched

CONNECTIONS = 16
SECONDS = 0.3
ROUNDS = 5


def _answers_per_s(connections: list[socket.socket], request: bytes, answer_bytes: int) -> float:
    buffer = bytearray(1 << 20)
    lacking = dict.fromkeys(connections, answer_bytes)
    count = 0
    with selectors.DefaultSelector() as ready:
        for connection in connections:
            ready.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(request)
        began = time.perf_counter()
        while lacking:
            for key, _ in ready.select():
                connection = key.data
                lacking[connection] -= connection.recv_into(buffer, min(len(buffer), lacking[connection]))
                if lacking[connection]:
                    continue
                count += 1
                if time.perf_counter() - began < SECONDS:
                    lacking[connection] = answer_bytes
                    connection.sendall(request)
                else:
                    del lacking[connection]
        return count / (time.perf_counter() - began)


def _answer_bytes(connection: socket.socket, request: bytes, body_bytes: int) -> int:
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1 << 16)
    whole = got.index(b"\r\n\r\n") + 4 + body_bytes
    while len(got) < whole:
        got += connection.recv(1 << 20)
    return whole


def _main(url: str, path: str, token: str) -> None:
    address = urlsplit(url)
    head = f"GET {path} HTTP/1.1\r\nHost: {address.hostname}\r\nAuthorization: Token {token}\r\n\r\n"
    request = head.encode()
    body_bytes = len(fetched(url + path, token))
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection((str(address.hostname), address.port or 80)))
            for _ in range(CONNECTIONS)
        ]
        answer_bytes = _answer_bytes(connections[0], request, body_bytes)
        print(statistics.median(_answers_per_s(connections, request, answer_bytes) for _ in range(ROUNDS)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
