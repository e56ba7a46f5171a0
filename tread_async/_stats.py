"""What a client counts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["ClientStats"]


class ClientStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one client since it was opened.

    Attributes:
        requests_sent: Requests handed to the connection pool, repeats included, less those that are
            known never to have left.
        bytes_received: Bodies, after decompression.
        retries: Repeats by what caused them: ``HTTP 500``, or the name of the error.
        connections_opened: Each write has one of its own; as many as reads means that none is kept.
    """

    requests_sent: int
    bytes_received: int
    retries: Mapping[str, int]
    connections_opened: int = 0
