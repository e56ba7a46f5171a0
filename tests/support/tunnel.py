"""A proxy that knows CONNECT and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.wire import Received, Wire


@dataclass
class Tunnel:
    """Carries bytes to the host asked for; answers *refusal* instead, where one is given."""

    refusal: bytes | None = None
    asked: list[Received] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._wire = Wire(self._connect)
        await self._wire.__aenter__()
        self.asked = self._wire.requests
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._wire.__aexit__(*error)

    @property
    def url(self) -> str:
        return self._wire.url

    async def _connect(self, exchange: Any) -> None:
        exchange.over = True
        if self.refusal is not None:
            await exchange.send(self.refusal)
            return
        host, _, port = exchange.request.target.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            await exchange.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                group.create_task(_carry(exchange.reader, writer))
                group.create_task(_carry(reader, exchange.writer))
        finally:
            writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
