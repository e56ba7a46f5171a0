"""Receiving an answer: complete, of bounded size, and without holding the event loop for long."""

from __future__ import annotations

import time
from typing import Any, Final

import aiohttp
from aiohttp import hdrs

from tread_async._codec.endpoints import Endpoint
from tread_async._codec.replies import Reply
from tread_async._pacing import IN_ONE_GO_BYTES
from tread_async._pool import read_in_small_pieces
from tread_async.errors import ProtocolError

__all__ = ["received"]

_ERROR_BYTES: Final = 64 * 1024
_KNOWN_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})


async def received(response: aiohttp.ClientResponse, endpoint: Endpoint[Any], sent_at: float) -> Reply:
    """The complete answer. Its connection is free then, or closed.

    Raises:
        ProtocolError: it is too large, or encoded in a way that nobody asked for.
        aiohttp.ClientError: it broke off.
    """
    headers = response.headers
    encoding = headers.get(hdrs.CONTENT_ENCODING)
    body: bytes
    more: tuple[bytes, ...] = ()
    if encoding is not None and encoding.lower() not in _KNOWN_ENCODINGS:
        if response.status < 400:
            raise ProtocolError("the answer has an unknown content encoding")
        body = b""  # what cannot be read must not hide the status
    else:
        content = response.content
        body = await content.readany()
        most = endpoint.max_reply_bytes if response.status < 300 else _ERROR_BYTES
        if len(body) > most or not content.at_eof():
            body, more = await _long(response, endpoint, body, most)
    age = headers.get(hdrs.AGE, "")
    if not response.closed:  # not read to its end, or its connection speaks something else from now on
        response.close()
    return Reply(
        status=response.status,
        body=body,
        more=more,
        content_type=headers.get(hdrs.CONTENT_TYPE, ""),
        retry_after=headers.get(hdrs.RETRY_AFTER, ""),
        # With an Age the answer is a copy out of a cache on the way, and its date that of the original.
        date="" if age and age != "0" else headers.get(hdrs.DATE, ""),
        age=age,
        sent_at=sent_at,
        received_at=time.time(),
    )


async def _long(
    response: aiohttp.ClientResponse, endpoint: Endpoint[Any], first: bytes, most: int
) -> tuple[bytes, tuple[bytes, ...]]:
    """A body that did not come in one piece, and the rest of it where it is decoded in steps.

    Raises:
        ProtocolError: it is larger than *most* bytes; no more than that and one buffer was read.
    """
    success = response.status < 300
    pieces = [first]
    if success and (response.content_length or 0) > most:
        raise _too_large(most)
    size = await _read_on(response, pieces, most)
    if success and size > most:  # but a long web page must not hide its status
        raise _too_large(most)
    if success and endpoint.steps is not None and size > IN_ONE_GO_BYTES:
        # A megabyte is not put together, into pages that the system would have to clear first.
        return first, tuple(pieces[1:])
    return b"".join(pieces)[:most], ()


async def _read_on(response: aiohttp.ClientResponse, pieces: list[bytes], most: int) -> int:
    """Reads into *pieces* until their end, or until they have more than *most* bytes; gives their size."""
    if response.connection is not None:
        read_in_small_pieces(response.connection.transport)
    content = response.content
    size = len(pieces[0])
    while size <= most and not content.at_eof():
        pieces.append(await content.readany())
        size += len(pieces[-1])
    return size


def _too_large(most: int) -> ProtocolError:
    failure = ProtocolError(f"the answer is larger than {most} bytes")
    failure.too_large = True
    return failure
