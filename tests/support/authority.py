"""A certificate authority of a test, and peers that are no TLS server."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from dataclasses import dataclass
from typing import Any, Final, Self

import trustme

DAY: Final = datetime.timedelta(days=1)


class Authority:
    """Issues certificates, and a context that trusts them. ``hellos`` counts handshakes that began."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        self.authority.configure_trust(self.trusting)
        self.hellos = 0

    def server(self, *names: str, days: tuple[int, int] = (-1, 1)) -> ssl.SSLContext:
        """A server with a certificate for *names*, good for the *days* from now."""
        now = datetime.datetime.now(datetime.UTC)
        since, until = (now + DAY * day for day in days)
        names = names or ("127.0.0.1", "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names, not_before=since, not_after=until).configure_cert(context)
        self.hellos = 0
        context.sni_callback = self._hello
        return context

    def _hello(self, *_: Any) -> None:
        self.hellos += 1


@dataclass
class Peer:
    """Says *says* to whatever it hears and hangs up; with ``None`` it never answers. Use it as a block."""

    says: bytes | None
    heard: bytes = b""
    connections: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.heard += await reader.read(65536)
        if self.says is None:
            self.heard += await reader.read()
        else:
            writer.write(self.says)
        writer.close()
