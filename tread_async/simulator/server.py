"""The server: its socket, and the way of a request from receipt to answer."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from email.utils import formatdate
from typing import Any, NoReturn, Self, Unpack

from aiohttp import web

from tread_async.simulator import control
from tread_async.simulator.calls import Answer, Call, understand
from tread_async.simulator.endpoints import FIREWALL_PAGE, Endpoints, documented
from tread_async.simulator.fault_fields import FaultFields
from tread_async.simulator.faults import READS, Fault, Faults, Plan
from tread_async.simulator.journal import Journal, Request
from tread_async.simulator.state import AccountRecord, User


class Simulator:
    """A stateful Tread server on a loopback socket, with seeded data and faults on demand.

    Use it as a block; the socket is open inside:

        async with Simulator(seed=7) as sim:
            sim.url, sim.tokens[0]
            sim.fail(endpoint="set_leverage", status=422, times=2)

    Each token is one user with accounts of its own. The same seed gives the same tokens, accounts and, at the
    same time of *clock*, the same balances. Accounts re-price every 4 to 10 seconds. A request is acted on
    as a whole when it has been received; *latency_s* passes between acting and answering, so a caller that
    hangs up meanwhile has still made its change. A request line or header above 8 KiB is refused with a bare
    400, as proxies do, and is not journaled.

    Args:
        seed: of everything random.
        tokens: how many users.
        accounts: how many accounts each user has, or their names; all users then have the same names.
        assets: rows per account; the second is the perpetual ``ETH:PERP-USDT`` (``-USDC`` on Hyperliquid).
        host: address to listen on.
        port: 0 takes a free one.
        latency_s: seconds added to every answer.
        clock: seconds since the epoch; pass your own to freeze or advance time. Answers are dated by it.
        empty_errors: send ``"errors": []`` with cached balances when there are none, as the field table of
            the documentation says; its sample leaves the key out, and so does the default.

    Raises:
        ValueError: a number is negative, there is no token, or account names repeat.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        tokens: int = 1,
        accounts: int | Sequence[str] = 20,
        assets: int = 10,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_s: float = 0.0,
        clock: Callable[[], float] = time.time,
        empty_errors: bool = False,
    ) -> None:
        _check(tokens, accounts, assets, latency_s)
        self.journal: Journal = Journal(tokens)
        self._users = [User(seed, index, accounts, assets) for index in range(tokens)]
        self._by_token = {user.token: user for user in self._users}
        self._host, self._port = host, port
        self._latency_s = latency_s
        self._clock = clock
        self._faults = Faults(seed)
        self._endpoints = Endpoints(self.journal, empty_errors=empty_errors)
        self._server: _NumberingServer | None = None
        self._runner: web.ServerRunner | None = None
        self._url = ""
        self._waiting: set[asyncio.Task[Any]] = set()
        self._late: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("the simulator is already open")
        self._server = _NumberingServer(self._handle, handler_cancellation=True, access_log=None)
        # Answers still due on closing are cut off by __aexit__, so there is nothing to wait for.
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.05)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, self._host, self._port).start()
        except BaseException:
            await self.__aexit__()
            raise
        self._url = url_of(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for task in (*self._waiting, *self._late):
            task.cancel()
        await runner.cleanup()

    @property
    def url(self) -> str:
        """For example ``http://127.0.0.1:40123``, without a slash at the end."""
        if self._runner is None:
            raise RuntimeError("the simulator is not open: use 'async with'")
        return self._url

    @property
    def tokens(self) -> tuple[str, ...]:
        """One token per user, 40 lower-case hex digits each."""
        return tuple([user.token for user in self._users])

    def accounts(self, user: int = 0) -> list[AccountRecord]:
        """The server's own truth: every account of a user, archived ones too, oldest first."""
        return [account.record() for account in self._users[user].accounts]

    def fail(self, **fields: Unpack[FaultFields]) -> Fault:
        """Add the `Fault` with these keyword arguments and return it."""
        return self.add_fault(Fault(**fields))

    def add_fault(self, fault: Fault) -> Fault:
        """Put *fault* in force, after those already there."""
        return self._faults.add(fault, self._clock())

    def heal(self) -> None:
        """Remove all faults. Answers already being held back by one are not hurried."""
        self._faults.clear()

    @property
    def idle_faults(self) -> list[Fault]:
        """The faults in force that have not struck any request yet; a misspelt account makes one."""
        return self._faults.idle

    def account(self, account: str, user: int = 0) -> AccountRecord:
        """The server's own truth about one account that is not archived, by its name or id."""
        return self._users[user].find(account).record()

    def set_leverage(self, account: str, pair: str, leverage: int | str | Decimal, user: int = 0) -> None:
        """Set it behind the client's back, as somebody at the exchange would; the journal has no change."""
        self._users[user].find(account).set_leverage(pair, Decimal(leverage), self._clock())

    def set_equity(self, account: str, equity: int | str | Decimal, user: int = 0) -> None:
        """Leave an account its positions, and the cash that makes its equity so much, until prices move."""
        self._users[user].find(account).set_equity(Decimal(equity), self._clock())

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read() if request.body_exists else b""
        if request.path.startswith(control.PREFIX):
            return await control.handle(self, request, body)
        now = self._clock()
        call = understand(request, body, self._by_token)
        record = self._record(request, call, now)
        plan = self._faults.plan(call)
        now = plan.now(now)
        if plan.answer is not None and plan.answer.drop == "late":
            self._act_later(call, plan)
            _hang_up()
        answer = self._act(call, plan, now)
        if wait_s := self._latency_s + plan.delay_s:
            await self._wait(wait_s)
        if answer is None:
            _hang_up()
        self.journal.answered(record, answer.status, answer.equity)
        headers = _headers(answer, plan.now(self._clock()))
        if plan.answer is not None and plan.answer.truncate_bytes is not None:
            await _send_part(request, answer, headers, plan.answer.truncate_bytes)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    def _act_later(self, call: Call, plan: Plan) -> None:
        async def act() -> None:
            await asyncio.sleep(plan.delay_s)
            self._endpoints.carry_out(call, plan, plan.now(self._clock()))

        task = asyncio.create_task(act())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def settle(self) -> None:
        """Returns when everything that ``drop="late"`` put off has been acted on."""
        while self._late:
            await asyncio.wait(set(self._late))

    def _record(self, request: web.BaseRequest, call: Call, now: float) -> Request:
        assert self._server is not None  # noqa: S101
        call.number = len(self.journal.requests) + 1
        record = Request(
            number=call.number,
            at=now,
            user=call.user_index,
            endpoint=call.endpoint,
            method=call.method,
            path=call.path,
            query=call.raw_query,
            body=call.journal_body,
            accounts=call.names,
            connection_id=self._server.numbers.get(request.protocol, 0),
            auth_scheme=call.auth_scheme,
        )
        self.journal.add_request(record)
        return record

    def _act(self, call: Call, plan: Plan, now: float) -> Answer | None:
        """Carry the call out as far as the faults let it; ``None`` for no answer."""
        fault = plan.answer
        if fault is None:
            return self._endpoints.carry_out(call, plan, now)
        answer = None
        if fault.carries_out or call.endpoint in READS:
            answer = self._endpoints.carry_out(call, plan, now)
        if fault.drop is not None:
            return None
        status = fault.status or 200
        # A read keeps its content under any success that has one; every other status has words of its own.
        keeps = fault.status is None or (call.endpoint in READS and 200 <= status < 300 and status != 204)
        if answer is None or not keeps:
            answer = documented(call.endpoint, status)
        if fault.html:
            answer = answer._replace(body=FIREWALL_PAGE % status, content_type="text/html")
        return answer._replace(
            status=fault.status or answer.status,
            body=answer.body if fault.body is None else fault.body,
            headers={**answer.headers, **fault.headers},
        )

    async def _wait(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._waiting.add(task)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting.discard(task)


class _NumberingServer(web.Server):
    """Numbers its TCP connections from 1."""

    def __init__(self, handler: Callable[[web.BaseRequest], Any], **options: Any) -> None:
        super().__init__(handler, **options)
        self.numbers: dict[web.RequestHandler, int] = {}
        self._count = itertools.count(1)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        self.numbers[handler] = next(self._count)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        self.numbers.pop(handler, None)
        super().connection_lost(handler, exc)


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _hang_up() -> NoReturn:
    # aiohttp sends what it has and closes the connection of a handler that was cancelled.
    raise asyncio.CancelledError


async def _send_part(
    request: web.BaseRequest, answer: Answer, headers: Mapping[str, str], size: int
) -> NoReturn:
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[:size])
    _hang_up()


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _headers(answer: Answer, now: float) -> dict[str, str]:
    usual = {"Content-Type": answer.content_type, "Date": _date(int(now))}
    given = {name.lower() for name in answer.headers}
    return {name: value for name, value in usual.items() if name.lower() not in given} | {**answer.headers}


def _check(tokens: int, accounts: int | Sequence[str], assets: int, latency_s: float) -> None:
    if tokens < 1:
        raise ValueError(f"tokens must be at least 1, got {tokens}")
    if assets < 0 or not 0.0 <= latency_s < float("inf"):
        raise ValueError("assets and latency_s must be 0 or more")
    if isinstance(accounts, int):
        if accounts < 0:
            raise ValueError(f"accounts must be 0 or more, got {accounts}")
    elif isinstance(accounts, str) or len(set(accounts)) != len(accounts):
        raise ValueError("accounts must be a number or a sequence of different names")
