"""Receiving an answer: complete, of bounded size, and without holding the event loop for long."""

from __future__ import annotations

import time
from typing import Any, Final

import aiohttp
from aiohttp import hdrs

from tread_async._codec.endpoints import Endpoint
from tread_async._codec.replies import Reply
from tread_async._pacing import IN_ONE_GO_BYTES
from tread_async.errors import ProtocolError

__all__ = ["read_in_small_pieces", "received"]

_ERROR_BYTES: Final = 64 * 1024
_KNOWN_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})
_READ_BYTES: Final = 128 * 1024


async def received(response: aiohttp.ClientResponse, endpoint: Endpoint[Any], sent_at: float) -> Reply:
    """The complete answer.

    Raises:
        ProtocolError: it is too large, or encoded in a way that nobody asked for.
        aiohttp.ClientError: it broke off.
    """
    headers = response.headers
    more: tuple[bytes, ...] = ()
    if headers.get(hdrs.CONTENT_ENCODING, "").lower() not in _KNOWN_ENCODINGS:
        if response.status < 400:
            raise ProtocolError("the answer has an unknown content encoding")
        body = b""  # what cannot be read must not hide the status
        response.close()
    elif response.status < 300:
        body, *rest = await _whole_body(response, endpoint.max_reply_bytes)
        if endpoint.steps is None or len(body) + sum(map(len, rest)) <= IN_ONE_GO_BYTES:
            body = b"".join((body, *rest)) if rest else body
        else:  # a megabyte is not put together, into pages that the system would have to clear first
            more = tuple(rest)
    else:
        body = await _start_of_body(response, _ERROR_BYTES)
    return Reply(
        status=response.status,
        body=body,
        more=more,
        content_type=headers.get(hdrs.CONTENT_TYPE, ""),
        retry_after=headers.get(hdrs.RETRY_AFTER, ""),
        # With an Age the answer is a copy from some cache, and its date that of the original.
        date="" if hdrs.AGE in headers else headers.get(hdrs.DATE, ""),
        sent_at=sent_at,
        received_at=time.time(),
    )


def read_in_small_pieces(response: aiohttp.ClientResponse) -> None:
    """Twenty long answers at once would hold the loop for 5 ms in each turn, at asyncio's 256 KiB each."""
    transport: Any = None if response.connection is None else response.connection.transport
    if hasattr(transport, "max_size"):  # asyncio's own; uvloop's has none
        transport.max_size = _READ_BYTES


async def _whole_body(response: aiohttp.ClientResponse, most: int) -> list[bytes]:
    """The decoded body in pieces, of at most *most* bytes.

    Raises:
        ProtocolError: it is larger; no more than that and one buffer was read.
    """
    declared = response.content_length
    if declared is None or declared <= most:
        pieces, size = await _pieces(response, most)
        if size <= most:
            return pieces
    failure = ProtocolError(f"the answer is larger than {most} bytes")
    failure.too_large = True
    raise failure


async def _start_of_body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The decoded body, cut after *most* bytes: a long web page must not hide its status."""
    pieces, size = await _pieces(response, most)
    if size > most:
        response.close()
    return b"".join(pieces)[:most]


async def _pieces(response: aiohttp.ClientResponse, most: int) -> tuple[list[bytes], int]:
    """The decoded body as it came, up to the piece that exceeds *most* bytes, and its size."""
    content = response.content
    pieces = [await content.readany()]
    size = len(pieces[0])
    while size <= most and not content.at_eof():
        pieces.append(await content.readany())
        size += len(pieces[-1])
    return pieces, size
