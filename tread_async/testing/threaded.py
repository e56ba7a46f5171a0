"""A simulator in a thread, so that any test can use it: async under whatever plugin, or not async at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from decimal import Decimal
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, Unpack

from tread_async.simulator import AccountRecord, Change, Fault, Request, Simulator
from tread_async.simulator.fault_fields import FaultFields
from tread_async.simulator.journal import ChangeKind
from tread_async.testing.changes import Wanted
from tread_async.testing.clock import Clock
from tread_async.testing.known import Known
from tread_async.testing.telling import told

__all__ = ["TreadSimulator"]

P = ParamSpec("P")
T = TypeVar("T")


class TreadSimulator:
    """A Tread server on loopback, in a thread with an event loop of its own.

    It answers also while the test does not await, and nothing of it runs on the loop of the test. Every
    method may be called from anywhere and returns at once::

        with TreadSimulator(accounts=["A", "B"]) as sim:
            sim.fail(account="A", status=422, times=2)
            asyncio.run(my_bot(sim.url, sim.tokens[0]))
            sim.assert_applied_once(account="A", pair="ETH:PERP-USDT", leverage=5)

    Its clock stands still until you say `clock.advance(...)`, so the same test sees the same balances in
    every run; answers are dated by it, so ages go by it too.

    Args:
        accounts: How many each token has, or their names.
        settings: Whatever else `tread_async.simulator.Simulator` takes.
    """

    def __init__(
        self, *, accounts: int | Sequence[str] = ("A", "B", "C"), clock: Clock | None = None, **settings: Any
    ) -> None:
        self.clock: Clock = Clock() if clock is None else clock
        self._simulator = Simulator(accounts=accounts, clock=self.clock, **settings)
        self._opened: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="tread-simulator", daemon=True)

    def __repr__(self) -> str:
        return f"<TreadSimulator {self.url if self._thread.is_alive() else 'not open'}>"

    def __enter__(self) -> Self:
        self._thread.start()
        if (problem := self._opened.exception()) is not None:
            self._thread.join()
            raise problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_thread(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)

    async def _serve(self) -> None:
        async with self._simulator:
            self._opened.set_result(asyncio.get_running_loop())
            await self._stop.wait()

    def _in_thread(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._thread.is_alive():  # before opening and after closing there is nobody to disturb
            return do(*args, **kwargs)
        done: Future[T] = Future()

        def carry_out() -> None:
            try:
                done.set_result(do(*args, **kwargs))
            except Exception as error:
                done.set_exception(error)

        self._opened.result().call_soon_threadsafe(carry_out)
        return done.result()

    # Where it is, and what it has.

    @property
    def url(self) -> str:
        """For ``base_url=``."""
        return self._simulator.url

    @property
    def tokens(self) -> tuple[str, ...]:
        """One for each user."""
        return self._simulator.tokens

    def accounts(self, user: int = 0) -> list[AccountRecord]:
        """The server's own truth: every account of a user, archived ones too, oldest first."""
        return self._in_thread(self._simulator.accounts, user)

    def account(self, account: str, user: int = 0) -> AccountRecord:
        """The server's own truth about one account that is not archived, by its name or id."""
        return self._in_thread(self._simulator.account, account, user)

    # What may happen to it.

    def fail(self, **fields: Unpack[FaultFields]) -> Fault:
        """Makes requests go wrong, as the arguments of `tread_async.simulator.Fault` say."""
        return self._in_thread(self._simulator.fail, **fields)

    def heal(self) -> None:
        """Removes all faults."""
        self._in_thread(self._simulator.heal)

    def settle(self) -> None:
        """Returns when everything that ``drop="late"`` put off has been acted on.

        Raises:
            RuntimeError: it is not open.
        """
        if not self._thread.is_alive():
            raise RuntimeError("the simulator is not open: use 'with'")
        asyncio.run_coroutine_threadsafe(self._simulator.settle(), self._opened.result()).result()

    def set_leverage(self, account: str, pair: str, leverage: int | str | Decimal, user: int = 0) -> None:
        """Sets it behind the client's back, as somebody at the exchange would; the journal has no change."""
        self._in_thread(self._simulator.set_leverage, account, pair, leverage, user)

    def set_equity(self, account: str, equity: int | str | Decimal, user: int = 0) -> None:
        """Leaves an account its positions, and the cash that makes its equity so much, until prices move."""
        self._in_thread(self._simulator.set_equity, account, equity, user)

    # What it saw.

    @property
    def requests(self) -> list[Request]:
        """Every request received so far, in order."""
        return self._in_thread(self._simulator.journal.requests.copy)

    @property
    def changes(self) -> list[Change]:
        """Every change applied so far, in order."""
        return self._in_thread(self._simulator.journal.changes.copy)

    def forget(self) -> None:
        """Empties the journal, after what a test prepares."""
        self._in_thread(self._simulator.journal.clear)

    def assert_applied_once(
        self,
        *,
        account: str | None = None,
        kind: ChangeKind | None = None,
        pair: str | None = None,
        leverage: int | str | Decimal | None = None,
        user: int | None = None,
    ) -> None:
        """Exactly one change that fits all that is given was applied.

        What ``drop="late"`` has put off is waited for first.

        Args:
            account: A name or an id; with ``kind="create"`` also a name that no account has.
            kind: ``"leverage"``, ``"create"``, ``"archive"`` or ``"update"``.
            user: Index into `tokens`.

        Raises:
            AssertionError: with what the server received.
            ValueError: there is no such account, kind, pair or user, so that nothing could ever fit.
        """
        __tracebackhide__ = True
        self._assert_applied(1, account, kind, pair, leverage, user)

    def assert_not_applied(
        self,
        *,
        account: str | None = None,
        kind: ChangeKind | None = None,
        pair: str | None = None,
        leverage: int | str | Decimal | None = None,
        user: int | None = None,
    ) -> None:
        """No change that fits all that is given was applied; without arguments none at all.

        Takes what `assert_applied_once` takes, and waits for what ``drop="late"`` has put off, too.

        Raises:
            AssertionError: with what the server received.
            ValueError: there is no such account, kind, pair or user, so that nothing could ever fit.
        """
        __tracebackhide__ = True
        self._assert_applied(0, account, kind, pair, leverage, user)

    def assert_requests(
        self, count: int, *, endpoint: str | None = None, account: str | None = None, user: int | None = None
    ) -> None:
        """So many requests were received that fit all that is given.

        Args:
            account: A name or an id; a read without a filter is about every account. With
                ``endpoint="create_account"`` also a name that no account has.
            user: Index into `tokens`.

        Raises:
            AssertionError: with what the server received.
            ValueError: there is no such endpoint, account or user, so that nothing could ever fit.
        """
        __tracebackhide__ = True
        known, requests, changes = self._seen()
        known.check_endpoint(endpoint)
        known.check_user(user)
        if endpoint != "create_account":
            known.check_account(account, user)
        found = sum(
            (endpoint is None or request.endpoint == endpoint)
            and (account is None or known.is_about(request, account))
            and (user is None or request.user == user)
            for request in requests
        )
        if found != count:
            what = (endpoint or "any endpoint") + (f", account {account}" if account else "")
            said = f"Received {found} times instead of {count}: {what}."
            raise AssertionError(f"{said}\n{self._told(requests, changes)}")

    def _assert_applied(
        self,
        times: int,
        account: str | None,
        kind: ChangeKind | None,
        pair: str | None,
        leverage: int | str | Decimal | None,
        user: int | None,
    ) -> None:
        __tracebackhide__ = True
        exact = None if leverage is None else Decimal(leverage)
        wanted = Wanted(account=account, kind=kind, pair=pair, leverage=exact, user=user)
        if self._thread.is_alive():  # what was put off until after the closing is never applied
            self.settle()
        known, requests, changes = self._seen()
        wanted.check(known)
        found = sum(wanted.fits(change) for change in changes)
        if found != times:
            said = f"Applied {found} times instead of {times}: {wanted}."
            raise AssertionError(f"{said}\n{self._told(requests, changes)}")

    def _seen(self) -> tuple[Known, list[Request], list[Change]]:
        def copied() -> tuple[Known, list[Request], list[Change]]:
            journal = self._simulator.journal
            return Known.of(self._simulator), journal.requests.copy(), journal.changes.copy()

        return self._in_thread(copied)

    def _told(self, requests: Sequence[Request], changes: Sequence[Change]) -> str:
        idle = [str(fault) for fault in self._simulator.idle_faults]
        return "\n".join([told(requests, changes), *[f"It met no request that fits {one}" for one in idle]])
