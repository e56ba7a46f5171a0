"""One attempt over the connection pool: sent once, answered whole, or an error that says which.

It never repeats, decodes or follows anything. Errors of aiohttp end here: ours are raised outside
the ``except`` block, so that no frame of aiohttp, with its headers and bodies, stays in a traceback.
"""

from __future__ import annotations

import asyncio
import functools
import ssl as tls
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Final

import aiohttp
import anyio
from aiohttp import hdrs
from yarl import URL

from tread_async._codec.replies import Reply
from tread_async._codec.requests import Request
from tread_async._identity import Identity
from tread_async.errors import (
    ClientClosedError,
    DeadlineExceededError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    TransportError,
    TreadError,
)

__all__ = ["Transport"]

_CONNECT_TIMEOUT_S: Final = 3.0
_KEEP_ALIVE_S: Final = 45.0  # proxies commonly drop idle connections after 60 s
_ERROR_BYTES: Final = 64 * 1024
_CLOSE_WITHIN_S: Final = 0.9
_KNOWN_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})
_JSON: Final = "application/json"


class _BrokenError(Exception):
    """Carries an error of aiohttp past the place where aiohttp would send the request again."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Transport:
    """Sends requests of one identity to one origin. Belongs to the event loop it was made on."""

    def __init__(
        self,
        base_url: str,
        identity: Identity,
        *,
        max_in_flight: int,
        headers: Mapping[str, str],
        proxy: str | None,
        ssl: tls.SSLContext | None,
    ) -> None:
        self.requests_sent = 0
        self.bytes_received = 0
        self._base_url = base_url
        self._identity = identity
        self._proxy = proxy
        url = URL(base_url)
        self._origin = (url.scheme, url.raw_host, url.port)
        self._slots = anyio.CapacityLimiter(max_in_flight)
        self._scopes: set[asyncio.Timeout] = set()
        self._clock = asyncio.get_running_loop().time
        self._closing = False
        self._idle = asyncio.Event()
        context = (ssl or _tls_context()) if url.scheme == "https" else True
        fixed = {**headers, hdrs.ACCEPT: _JSON, hdrs.ACCEPT_ENCODING: "gzip, deflate"}
        self._reads = self._session(fixed, context, force_close=False)
        # A late answer on a kept connection would be taken for the answer to a write.
        self._writes = self._session(fixed, context, force_close=True)

    def _session(
        self, headers: Mapping[str, str], context: tls.SSLContext | bool, *, force_close: bool
    ) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the queue is ours: aiohttp's can lose a wake-up, and its clock counts the wait
            force_close=force_close,
            ssl=context,
            resolver=aiohttp.ThreadedResolver(),
            keepalive_timeout=None if force_close else _KEEP_ALIVE_S,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            # ceil_threshold: aiohttp otherwise rounds longer timeouts up to whole seconds.
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_TIMEOUT_S, ceil_threshold=1e9),
            middlewares=(self._guard,),
        )

    async def _guard(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        url = request.url
        if (url.scheme, url.raw_host, url.port) != self._origin:
            raise RuntimeError("a request left its origin")
        request.headers[hdrs.AUTHORIZATION] = self._identity.header()
        self.requests_sent += 1
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, RuntimeError) as error:
            broken = error  # RuntimeError: how uvloop says that the connection closed under a write
        raise _BrokenError(broken)

    async def send(self, request: Request[Any], *, deadline: float, timeout_s: float) -> Reply:
        """The complete answer to *request*, sent once.

        Waits for a free slot until *deadline* (the loop's clock); from then on *timeout_s* counts
        too, up to the last byte of the body.

        Raises:
            NotSentError, OutcomeUnknownError, DeadlineExceededError, ProtocolError, ClientClosedError.
            TransportError: a read lost its connection.
        """
        self._refuse_if_closing()
        attempt = _Attempt(request)
        try:
            # The usual case, a free slot, makes no trip through the loop.
            self._slots.acquire_on_behalf_of_nowait(attempt)
        except anyio.WouldBlock:
            await self._before(deadline, self._slots.acquire_on_behalf_of(attempt), attempt)
        try:
            if self._identity.token is None:
                attempt.lacks = "token"
                await self._before(deadline, self._identity.fetch(), attempt)
            self._refuse_if_closing()
            now = self._clock()
            if now >= deadline:  # a scope ends a step too late: the request would be on its way
                raise attempt.failure(TimeoutError(), closing=False)
            scope = self._scope(min(deadline, now + timeout_s))
            try:
                async with scope:
                    return await self._exchange(request, attempt)
            except (aiohttp.ClientError, _BrokenError, TransportError, OSError) as error:
                failure = attempt.failure(error, closing=self._closing)
            finally:
                self._leave(scope)
        finally:
            self._slots.release_on_behalf_of(attempt)
        if isinstance(failure, NotSentError):
            self.requests_sent -= 1
        raise failure

    async def _before(self, deadline: float, what: Awaitable[None], attempt: _Attempt) -> None:
        """Awaits *what* has to come before anything is sent, at most until *deadline*."""
        scope = self._scope(deadline)
        try:
            async with scope:
                await what
                return
        except TimeoutError:
            if not scope.expired():
                raise  # the token function's own
        finally:
            self._leave(scope)
        raise attempt.failure(TimeoutError(), closing=self._closing)

    def _scope(self, when: float | None) -> asyncio.Timeout:
        """A deadline that closing brings forward. Paired with `_leave`."""
        scope = asyncio.timeout_at(when)
        self._scopes.add(scope)
        return scope

    def _leave(self, scope: asyncio.Timeout) -> None:
        self._scopes.discard(scope)
        if self._closing and not self._scopes:
            self._idle.set()

    async def _exchange(self, request: Request[Any], attempt: _Attempt) -> Reply:
        attempt.started = True
        token = self._identity.token
        session = self._writes if request.endpoint.writes else self._reads
        url = _url(self._base_url, request.target)
        method = request.endpoint.method
        options: dict[str, Any] = {"allow_redirects": False}
        if self._proxy is not None:
            options["proxy"] = self._proxy
        if request.endpoint.writes:
            attempt.upload = options["upload_tracker"] = aiohttp.UploadTracker()
        if request.body is not None:
            options["data"] = aiohttp.BytesPayload(request.body, content_type=_JSON)
        async with session.request(method, url, **options) as response:
            if response.status == 401:
                self._identity.refused(token)
            try:
                return await self._read(request, response)
            except BaseException:
                response.close()  # a half-read connection is never used again
                raise

    async def _read(self, request: Request[Any], response: aiohttp.ClientResponse) -> Reply:
        headers = response.headers
        if headers.get(hdrs.CONTENT_ENCODING, "").lower() not in _KNOWN_ENCODINGS:
            raise ProtocolError("the answer has an unknown content encoding")
        if response.status < 300:
            body = await _whole_body(response, request.endpoint.max_reply_bytes)
        else:
            body = await _start_of_body(response, _ERROR_BYTES)
        self.bytes_received += len(body)
        return Reply(
            status=response.status,
            body=body,
            content_type=headers.get(hdrs.CONTENT_TYPE, ""),
            retry_after=headers.get(hdrs.RETRY_AFTER, ""),
            date=headers.get(hdrs.DATE, ""),
            received_at=time.time(),
        )

    async def pause(self, seconds: float) -> None:
        """Sleeps without a slot, unless the client is closed meanwhile.

        Raises:
            ClientClosedError: it was.
        """
        self._refuse_if_closing()
        scope = self._scope(None)
        try:
            async with scope:
                await anyio.sleep(seconds)
        except TimeoutError:
            pass
        finally:
            self._leave(scope)
        self._refuse_if_closing()

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise ClientClosedError("the client is closed")

    async def close(self) -> None:
        """Ends every call in flight with `ClientClosedError`, then the connections. Within a second."""
        if not self._closing:
            self._closing = True
            for scope in self._scopes:
                if not scope.expired():
                    scope.reschedule(0)
            if self._scopes:
                with anyio.move_on_after(_CLOSE_WITHIN_S):
                    await self._idle.wait()
        await self._reads.close()
        await self._writes.close()


class _Attempt:
    """What is known of one attempt while it runs."""

    __slots__ = ("lacks", "request", "started", "upload")

    def __init__(self, request: Request[Any]) -> None:
        self.request = request
        self.started = False
        self.lacks = "free slot"
        self.upload: aiohttp.UploadTracker | None = None

    def _not_sent(self) -> bool:
        if not self.started:
            return True
        if self.upload is None:
            return False
        done = self.upload.upload_complete
        return done.done() and (done.cancelled() or done.exception() is not None)

    def failure(self, problem: Exception, *, closing: bool) -> TreadError:
        """The error to raise for *problem*, which itself is dropped."""
        failure = self._failure(problem, closing=closing)
        failure.endpoint = self.request.endpoint.label
        return failure

    def _failure(self, problem: Exception, *, closing: bool) -> TreadError:
        writes = self.request.endpoint.writes
        not_sent = self._not_sent()
        if isinstance(problem, _BrokenError):
            problem = problem.error
        if closing and not (writes and not not_sent):
            return ClientClosedError("the client was closed during the call")
        if isinstance(problem, ProtocolError):
            return ProtocolError(problem.message)
        if isinstance(problem, _TLS_PROBLEMS):
            refused = NotSentError("the server's certificate or TLS was not accepted; nothing was sent")
            refused.permanent = True
            return refused
        if isinstance(problem, _NEVER_CONNECTED):
            return NotSentError(f"no connection: {_in_words(problem)}")
        if not self.started and (writes or self.lacks == "token"):
            return NotSentError(f"no {self.lacks} in time")
        if writes and not_sent:
            return NotSentError(f"the request did not leave: {_in_words(problem)}")
        if writes:
            return OutcomeUnknownError(f"it was sent, but no answer came: {_in_words(problem)}")
        if isinstance(problem, TimeoutError):
            return DeadlineExceededError(f"no {'complete answer' if self.started else self.lacks} in time")
        if isinstance(problem, aiohttp.ClientResponseError):
            return ProtocolError("the answer is not HTTP as it should be")
        return TransportError(f"no complete answer: {_in_words(problem)}")


_TLS_PROBLEMS: Final = (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)
_NEVER_CONNECTED: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)


def _in_words(problem: Exception) -> str:
    """A fixed sentence: the texts of aiohttp may hold what a server sent."""
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return "the host's name was not found"
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return f"not connected within {_CONNECT_TIMEOUT_S:g} s"
    if isinstance(problem, aiohttp.ClientHttpProxyError):
        return "the proxy refused"
    if isinstance(problem, aiohttp.ClientConnectorError):
        return "the host refused or is out of reach"
    if isinstance(problem, TimeoutError):
        return "the time was up"
    if isinstance(problem, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if isinstance(problem, aiohttp.ClientResponseError):
        return "the answer is not HTTP as it should be"
    return "the connection was lost"


@functools.lru_cache(maxsize=512)  # pollers ask for the same targets again and again
def _url(base_url: str, target: str) -> URL:
    return URL(base_url + target, encoded=True)


@functools.cache  # reading the certificate store takes 10 ms and a megabyte
def _tls_context() -> tls.SSLContext:
    # Not create_default_context: it writes session keys to the file that SSLKEYLOGFILE names.
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.minimum_version = tls.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


async def _whole_body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The decoded body, of at most *most* bytes.

    Raises:
        ProtocolError: it is larger; no more than that and one buffer was read.
    """
    declared = response.content_length
    if declared is None or declared <= most:
        pieces, size = await _pieces(response, most)
        if size <= most:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise ProtocolError(f"the answer is larger than {most} bytes")


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
