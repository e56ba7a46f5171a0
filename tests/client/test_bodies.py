"""Bodies: whole or refused, never more than the cap, in an encoding that was asked for."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from tests.support.samples import ABSOLUTE, FAST, GOOD, ONE_TRY, READS
from tests.support.wire import TOKEN, Exchange, Wire, cut, reply
from tread_async import AuthError, DecodeError, OutcomeUnknownError, ProtocolError, TreadClient, TreadError

MEBIBYTE = 1024 * 1024
PADDED = b'[{"id":"1","name":"n","exchange":"x"}' + b" " * 1000 + b"]"


def listing(size: int) -> bytes:
    return b"[" + b" " * (size - 2) + b"]"


def packed(data: bytes, encoding: str = "gzip", **options: Any) -> bytes:
    squeezed = gzip.compress(data, 1) if encoding == "gzip" else zlib.compress(data)
    return reply(squeezed, Content_Encoding=encoding, **options)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
async def test_known_encodings(encoding: str) -> None:
    """A packed answer is unpacked, and its unpacked size counted."""
    body = packed(PADDED, "gzip" if encoding == "GZIP" else encoding)
    async with (
        Wire(body.replace(b"Encoding: gzip", f"Encoding: {encoding}".encode())) as wire,
        TreadClient(TOKEN, base_url=wire.url) as client,
    ):
        assert len(await client.accounts()) == 1
        assert client.stats.bytes_received == len(PADDED)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "x"])
async def test_unknown_encodings(encoding: str) -> None:
    """An encoding that was not asked for is refused; a write that was answered so is unknown."""
    async with (
        Wire(reply(b"[]", Content_Encoding=encoding)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        with pytest.raises(ProtocolError):
            await client.accounts()
        with pytest.raises(OutcomeUnknownError):
            await ABSOLUTE["update_account"](client)

    # aiohttp takes br and zstd, where their packages are missing, for broken HTTP, which is repeated.
    assert wire.count("PUT") == (3 if encoding in ("br", "zstd") else 1)


@pytest.mark.parametrize("encoding", ["compress", "x"])
async def test_unknown_encoding_of_a_refusal(encoding: str) -> None:
    """A refusal that cannot be read keeps its status: it is no less a refusal."""
    async with Wire(reply(b"\x0b", 401, Content_Encoding=encoding)) as wire:
        for ask in (READS["accounts"], ABSOLUTE["update_account"]):
            async with TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client:
                with pytest.raises(AuthError):
                    await ask(client)

    assert len(wire.requests) == 2


async def test_largest_answer() -> None:
    """An answer of 8 MiB is read; one byte more is refused."""
    async with (
        Wire([reply(listing(8 * MEBIBYTE)), reply(listing(8 * MEBIBYTE + 1))]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        assert await client.accounts() == ()
        with pytest.raises(ProtocolError, match="larger than 8388608 bytes"):
            await client.accounts()


async def test_bomb() -> None:
    """A packed answer of 64 MiB is dropped at the cap: little is held, and the connection is not kept."""
    bomb = packed(b"[" + bytes(64 * MEBIBYTE))
    async with (
        Wire([bomb, reply([])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        tracemalloc.start()
        try:
            with pytest.raises(ProtocolError, match="larger"):
                await client.accounts()
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await client.accounts()

    assert peak_bytes < 20 * MEBIBYTE
    assert [request.connection for request in wire.requests] == [1, 2]


async def test_declared_size() -> None:
    """A size above the cap is refused before any of it is read."""

    async def declare(exchange: Exchange) -> None:
        await exchange.send(reply(b"[", length=10_000_000_000))
        await exchange.reader.read()  # until the client hangs up
        exchange.close()

    async with Wire(declare) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        with pytest.raises(ProtocolError, match="larger"):
            await client.accounts()


async def test_endless_chunks() -> None:
    """A body without end and without a declared size is refused at the cap."""
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"

    async def endless(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.send(chunk)

    async with Wire(endless) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        with pytest.raises(ProtocolError, match="larger"):
            await client.accounts()


async def test_largest_acknowledgement() -> None:
    """A write's answer above 64 KiB is refused, hence unknown."""
    body = b'{"message":"' + b"x" * 65536 + b'"}'
    async with Wire(reply(body)) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        for ask in ABSOLUTE.values():
            with pytest.raises(OutcomeUnknownError):
                await ask(client)


async def test_large_error() -> None:
    """Of an error's body no more than 64 KiB is read, however large it is declared."""
    page = reply(b"<" * 1000, 500, length=10_000_000_000)

    async def declare(exchange: Exchange) -> None:
        await exchange.send(page)
        await exchange.reader.read()
        exchange.close()

    async with Wire(declare) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        with pytest.raises(TreadError):
            await client.accounts(deadline_s=0.04)
        assert client.stats.bytes_received <= 65536


def cuts(body: bytes) -> dict[str, bytes]:
    """An answer with *body*, cut in every way that the framing lets through or not."""
    zipped = gzip.compress(body + b" " * 1000)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return {
        "short of its length": reply(body, length=len(body) + 9),
        "in a chunk": chunked + b"400\r\n" + body,
        "between chunks": chunked + b"%x\r\n%b\r\n" % (len(body), body),
        "without a length": reply(body[:-1], length=-1),
        "packed, right length": reply(gzip.compress(body[:-1])[:-9], Content_Encoding="gzip"),
        "packed, wrong length": reply(zipped[:-20], Content_Encoding="gzip", length=len(zipped)),
        "packed, nothing left": reply(zipped[:10], Content_Encoding="gzip"),
    }


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("where", cuts(b""))
async def test_cut(name: str, where: str) -> None:
    """An answer cut anywhere gives no data, and is asked for again."""
    body = json.dumps(GOOD[name]).encode()
    async with (
        Wire([cut(cuts(body)[where]), reply(GOOD[name])]) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        await READS[name](client)

    assert len(wire.requests) == 2


async def test_cut_number() -> None:
    """A bare number that ends with its connection may be half a number: it is no answer."""
    half = cut(reply(b"12", length=-1))  # of 1234
    async with Wire(half) as wire, TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client:
        with pytest.raises(TreadError):
            await client.request("GET", "/api/x")


@pytest.mark.parametrize("status", [201, 202, 204, 206, 226, 299, 300, 304, 600, 999])
async def test_undocumented_status(status: int) -> None:
    """Only 200 is a success of a documented endpoint."""
    body = b"" if status in (204, 304) else b"[]"
    async with (
        Wire(reply(body, status)) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        with pytest.raises(ProtocolError, match=f"HTTP {status}"):
            await client.accounts()
        with pytest.raises(OutcomeUnknownError):
            await ABSOLUTE["set_leverage"](client)


BROKEN = {
    "no status line": b"hello\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n[]",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    ),
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n[]\r\n",
    "200 headers": b"HTTP/1.1 200 OK\r\n" + b"X-Pad: 1\r\n" * 200 + b"Content-Length: 2\r\n\r\n[]",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\n[]",
}


@pytest.mark.parametrize("answer", BROKEN)
async def test_broken_http(answer: str) -> None:
    """HTTP that is not well-formed is no answer: a read fails as such, a write is unknown."""
    async with (
        Wire(cut(BROKEN[answer])) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=FAST) as client,
    ):
        with pytest.raises(TreadError) as caught:
            await client.accounts()
        with pytest.raises(OutcomeUnknownError):
            await ABSOLUTE["set_leverage"](client)

    assert type(caught.value).__name__ in ("ProtocolError", "TransportError")
    assert caught.value.attempts == 3
    assert len(wire.requests) == 6


WRONG: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a number": b"5",
    "wrong type": b'{"a": 5}',
    "NUL": b"\x00",
    "bad UTF-8": b'{"\xff": 1}',
    "byte order mark": b"\xef\xbb\xbf[]",
    "trailing bytes": b"[]]",
    "too deep": b"[" * 100_000,
}


@pytest.mark.trap(37, 40)
@pytest.mark.parametrize("name", ["balances", "cached_balances", "accounts"])
@pytest.mark.parametrize("body", WRONG)
async def test_wrong_shape(name: str, body: str) -> None:
    """A 200 whose body is not the documented shape is a decode error, never an empty result."""
    async with (
        Wire(reply(WRONG[body])) as wire,
        TreadClient(TOKEN, base_url=wire.url, retry=ONE_TRY) as client,
    ):
        with pytest.raises(DecodeError, match="HTTP 200"):
            await READS[name](client)
