"""One attempt over the connection pool: sent once, answered whole, or an error that says which.

It never repeats, decodes or follows anything. Errors of aiohttp end here: ours are raised outside
the ``except`` block, so that no frame of aiohttp, with its headers and bodies, stays in a traceback.
"""

from __future__ import annotations

import asyncio
import functools
import math
import ssl as tls
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
import anyio
from aiohttp import hdrs
from anyio import sleep
from yarl import URL

from tread_async._attempt import CONNECT_TIMEOUT_S, Attempt, BrokenError
from tread_async._breaker import Breaker
from tread_async._codec.replies import Reply, asked_to_wait_s
from tread_async._codec.requests import Request
from tread_async._deadlines import SOON_S, Deadlines
from tread_async._gates import Share
from tread_async._identity import Identity
from tread_async._pool import Pool
from tread_async._receiving import received
from tread_async.errors import ClientClosedError, NotSentError, TransportError, TreadError

__all__ = ["Transport"]

_KEEP_ALIVE_S: Final = 45.0  # proxies commonly drop idle connections after 60 s
_LONGEST_HOLD_S: Final = 3600.0  # a date far off must not end a process that runs for months
_CLOSE_WITHIN_S: Final = 0.9
_JSON: Final = "application/json"


class Transport:
    """Sends requests of one identity to one origin. Belongs to the event loop it was made on.

    *held* is called with the seconds for which nothing is sent, where an answer of its own asked for that.
    """

    def __init__(
        self,
        base_url: str,
        identity: Identity,
        *,
        share: Share,
        headers: Mapping[str, str],
        proxy: str | None,
        ssl: tls.SSLContext | None,
        breaker: Breaker | None = None,
        held: Callable[[float], None] | None = None,
    ) -> None:
        self.requests_sent: int = 0
        self.bytes_received: int = 0
        self._base_url = base_url
        self._identity = identity
        self._proxy = proxy
        self._known_url = url = URL(base_url)
        self._origin = (url.scheme, url.raw_host, url.port)
        self._pools: list[Pool] = []
        self._share = share
        self._lane = share.lane
        self._breaker = breaker
        self._held = held
        self._deadlines = Deadlines()
        self._queued: set[asyncio.Timeout] = set()
        self._clock = asyncio.get_running_loop().time
        self._closing = False
        self._context = (ssl or _tls_context()) if url.scheme == "https" else True
        self._headers = {**headers, hdrs.ACCEPT: _JSON, hdrs.ACCEPT_ENCODING: "gzip, deflate"}
        share.listen(self._hold)

    # Made when they are first used: of a thousand tokens most only read.

    @functools.cached_property
    def _reads(self) -> aiohttp.ClientSession:
        # Or a cache on the way might answer, with balances that are old.
        return self._session({hdrs.CACHE_CONTROL: "no-cache", **self._headers}, force_close=False)

    @functools.cached_property
    def _writes(self) -> aiohttp.ClientSession:
        # A late answer on a kept connection would be taken for the answer to a write.
        return self._session(self._headers, force_close=True)

    def _session(self, headers: dict[str, str], *, force_close: bool) -> aiohttp.ClientSession:
        connector = Pool(
            limit=0,  # the queue is ours: aiohttp's can lose a wake-up, and its clock counts the wait
            force_close=force_close,
            ssl=self._context,
            resolver=aiohttp.ThreadedResolver(),
            keepalive_timeout=None if force_close else _KEEP_ALIVE_S,
        )
        self._pools.append(connector)
        return aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            middlewares=(self._guard,),
        )

    @property
    def connections_opened(self) -> int:
        """Connections that were made for reads and for writes."""
        return sum([pool.opened for pool in self._pools])

    async def _guard(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        url = request.url
        if url is not self._known_url:
            if (url.scheme, url.raw_host, url.port) != self._origin:
                raise RuntimeError("a request left its origin")
            self._known_url = url
        request.headers[hdrs.AUTHORIZATION] = self._identity.header()
        self.requests_sent += 1
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, RuntimeError) as error:
            broken = error  # RuntimeError: how uvloop says that the connection closed under a write
        raise BrokenError(broken)

    async def send(
        self, request: Request[Any], *, deadline: float, timeout_s: float, leaves: Callable[[], None]
    ) -> Reply:
        """The complete answer to *request*, sent once; *leaves* is called when it is about to be.

        Waits for a free slot until *deadline* (the loop's clock); from then on *timeout_s* counts
        too, up to the last byte of the body.

        Raises:
            NotSentError, OutcomeUnknownError, DeadlineExceededError, ProtocolError, ClientClosedError.
            TransportError: a read lost its connection.
            AuthError: the token was refused a moment ago; nothing was sent.
        """
        self._refuse_if_closing()
        self._identity.check()
        if self._breaker is not None:
            self._breaker.check()
        attempt = Attempt(request)
        # The usual case, a token and a free slot, makes no trip through the loop.
        if self._identity.token is None or not self._lane.take_now():
            await self._turn(attempt, deadline)
        try:
            self._identity.check()
            reply = await self._send_now(request, attempt, deadline, timeout_s, leaves)
            # Before the slot goes to the next: a 429 is news for every call of the token, and for no other.
            if seconds := asked_to_wait_s(reply):
                self._share.hold(min(seconds, _LONGEST_HOLD_S))
                if self._held is not None:
                    self._held(self._share.held_s)
            return reply
        finally:
            self._lane.release(used=attempt.started)

    async def _turn(self, attempt: Attempt, deadline: float) -> None:
        """Waits for a token and then for a slot: who waits for a token with one would send too late."""
        while True:
            if self._identity.token is None:
                late = NotSentError("no token in time")
                await self.wait(deadline, self._identity.fetch(), late)
                self._refuse_if_closing()
            if not self._lane.take_now():
                await self._queue(attempt, deadline)
            if self._identity.token is not None:
                return
            self._lane.release(used=False)  # it was refused meanwhile

    async def _queue(self, attempt: Attempt, deadline: float) -> None:
        if self._lane.held_until < deadline:
            scope = self._deadlines.scope(deadline)
            self._queued.add(scope)
            try:
                if await self._in_time(scope, self._lane.take(write=attempt.request.endpoint.writes)):
                    return
            finally:
                self._queued.discard(scope)
        self._identity.check()
        if self._lane.held_until >= deadline:
            raise attempt.held(self._lane.held_until - self._clock())
        raise attempt.late("free slot")

    def _hold(self, seconds: float) -> None:
        """Sends nothing for so long; whoever queues and has less time than that need not wait for it."""
        until = self._clock() + seconds
        self._lane.hold(until)
        self._deadlines.end_before(until, self._queued)

    def _send_now(
        self,
        request: Request[Any],
        attempt: Attempt,
        deadline: float,
        timeout_s: float,
        leaves: Callable[[], None],
    ) -> Awaitable[Reply]:
        self._refuse_if_closing()
        now = self._clock()
        if now + SOON_S >= deadline:  # a scope ends a step too late: the request would be on its way
            raise attempt.late("time left")
        until = min(deadline, now + timeout_s)
        if self._breaker is None:
            leaves()
            return self._attempted(request, attempt, until)

        async def watched() -> Reply:
            leaves()
            return await self._attempted(request, attempt, until)

        return self._breaker.watch(watched)

    async def _attempted(self, request: Request[Any], attempt: Attempt, until: float) -> Reply:
        scope = self._deadlines.scope(until)
        try:
            async with scope:
                return await self._exchange(request, attempt)
        except (aiohttp.ClientError, BrokenError, TransportError, OSError) as error:
            failure = attempt.failure(error, closing=self._closing)
        finally:
            self._deadlines.leave(scope)
        if isinstance(failure, NotSentError):
            self.requests_sent -= 1
        raise failure

    async def wait(self, deadline: float, what: Awaitable[None], late: TreadError) -> None:
        """Awaits *what* has to come before a request is sent, at most until *deadline*; then *late*."""
        if not await self._in_time(self._deadlines.scope(deadline), what):
            raise late

    async def _in_time(self, scope: asyncio.Timeout, what: Awaitable[None]) -> bool:
        """Awaits *what*; whether it came before *scope* ended."""
        try:
            async with scope:
                await what
                return True
        except TimeoutError:
            if not scope.expired():
                raise  # the token function's own
        finally:
            self._deadlines.leave(scope)
        self._refuse_if_closing()
        return False

    async def _exchange(self, request: Request[Any], attempt: Attempt) -> Reply:
        attempt.started = True
        token = self._identity.token
        endpoint = request.endpoint
        url = _url(self._base_url, request.target)
        session = self._writes if endpoint.writes else self._reads
        options: dict[str, Any] = {"allow_redirects": False}
        if self._proxy is not None:
            options["proxy"] = self._proxy
        if endpoint.writes:
            attempt.upload = options["upload_tracker"] = aiohttp.UploadTracker()
        if request.body is not None:
            options["data"] = aiohttp.BytesPayload(request.body, content_type=_JSON)
        sent_at = time.time()
        response = await session.request(endpoint.method, url, **options)
        try:
            if response.status == 401:
                self._identity.refused(token)
                if self._identity.latched:
                    self._deadlines.end_before(math.inf, self._queued)
            elif self._identity.in_doubt:
                self._identity.accepted()
            reply = await received(response, endpoint, sent_at)
        except BaseException:
            response.close()  # a half-read connection is never used again
            raise
        finally:
            if attempt.upload is not None:
                await response.wait_for_close()  # the task that sends a body may not have ended
        self.bytes_received += reply.size
        return reply

    async def pause(self, seconds: float) -> None:
        """Sleeps without a slot, unless the client is closed meanwhile.

        Raises:
            ClientClosedError: it was.
        """
        self._refuse_if_closing()
        scope = self._deadlines.scope(math.inf)
        try:
            async with scope:
                await sleep(seconds)
        except TimeoutError:
            pass
        finally:
            self._deadlines.leave(scope)
        self._refuse_if_closing()

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise ClientClosedError("the client is closed")

    async def close(self) -> None:
        """Ends every call in flight with `ClientClosedError`, then the connections. Within a second."""
        self._closing = True
        self._share.leave()
        self._lane.close()
        # Shielded: under a cancelled scope every await would end at once, and leave connections open.
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_CLOSE_WITHIN_S):
                await self._deadlines.end_all()
            for name in ("_reads", "_writes"):
                if name in vars(self):
                    await vars(self)[name].close()


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
