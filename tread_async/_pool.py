"""A connection pool that never takes what came unasked for the answer to the next request."""

from __future__ import annotations

from typing import Any, Final

import aiohttp

__all__ = ["Pool", "read_in_small_pieces"]

# asyncio gets memory for 256 KiB whenever something comes, which malloc gives back to the system at once: a
# fifth of what a short answer costs. And twenty long ones at once would hold the loop for 5 ms in each turn.
_READ_BYTES: Final = 64 * 1024


class Pool(aiohttp.TCPConnector):
    """Closes a kept connection on which something came while it was idle.

    aiohttp keeps such bytes, and would give them to the next request as its answer. There is no public way
    to look at a connection before it is used again. A test against each version that is allowed holds this.

    Attributes:
        opened: Connections that were made, through a proxy too.
    """

    opened = 0

    async def _get(self, key: Any, traces: Any) -> Any:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                read_in_small_pieces(connection.transport)
                return connection
            connection.close()
        return None

    async def _create_connection(self, *details: Any) -> Any:
        connection = await super()._create_connection(*details)
        self.opened += 1
        return connection


def read_in_small_pieces(transport: Any) -> None:
    """Limits how much of what comes over *transport* is read at a time."""
    if hasattr(transport, "max_size"):  # asyncio's own; uvloop's has none
        transport.max_size = _READ_BYTES
