"""A connection pool that never takes what came unasked for the answer to the next request."""

from __future__ import annotations

from typing import Any

import aiohttp

__all__ = ["Pool"]


class Pool(aiohttp.TCPConnector):
    """Closes a kept connection on which something came while it was idle.

    aiohttp keeps such bytes, and would give them to the next request as its answer. There is no public way
    to look at a connection before it is used again. A test against each version that is allowed holds this.
    """

    async def _get(self, key: Any, traces: Any) -> Any:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()
        return None
