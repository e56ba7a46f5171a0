"""`SessionManager`: every account of every token, and answers that say what they do not know."""

from __future__ import annotations

import os
import ssl as tls
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Final, Self, TypeVar, Unpack

from msgspec import structs

from tread_async._codec import arguments as check
from tread_async._codec import settings
from tread_async._fleet import arguments as given
from tread_async._fleet.fleet import Fleet
from tread_async._fleet.planning import Wish, grouped, wished
from tread_async._fleet.reads import LIVE_WITHIN_S, Reads
from tread_async._fleet.snapshots import SourceChoice
from tread_async._fleet.writes import Accounts, Done, Progress
from tread_async._home import Home
from tread_async._identity import Credential, TokenSource
from tread_async._policy import RetryPolicy
from tread_async._stats import ClientStats
from tread_async._watched import Watched
from tread_async._wiring import DEFAULT_BASE_URL, Wiring
from tread_async.balance import Balance
from tread_async.config import Config, Overrides
from tread_async.errors import ClientClosedError, ClosedAfterSendingError, UsageError
from tread_async.hooks import Hooks
from tread_async.keys import AccountKey, AllAccounts
from tread_async.listing import Listing
from tread_async.outcomes import Snapshot
from tread_async.plans import LeveragePlan
from tread_async.reports import LeverageReport, MarginModeReport, PlanReport

__all__ = ["SessionManager"]

_PLAN_MAX_AGE_S: Final = 60.0
_BATCH: Final = 50

R = TypeVar("R", LeverageReport, MarginModeReport, PlanReport)


class SessionManager(Watched):
    """Many API tokens of one Tread.fi server, and all their accounts.

    Open it with ``async with``, on the event loop that uses it. Accounts are named by an `AccountKey`, a
    text ``credential/name``, a name that only one of the tokens has, or an id. A text whose part before
    the first slash is a credential is always read as ``credential/name``.

    Every coroutine takes ``deadline_s``, the seconds for the whole call; by default the endpoint's. What
    goes wrong with some accounts or tokens is in the result; what is raised is `UsageError` before
    anything is sent, `ClientClosedError` when the manager is closed meanwhile, and, where an account is
    named without its credential, the error for which a token could not be listed.

    Args:
        credentials: The tokens by a name of yours, without a slash: a token, a function that gives it, or
            a `Credential`, which can have a proxy of its own.
        max_in_flight: Requests at once over all tokens.
        max_in_flight_per_token: Requests at once of each. Writes overtake reads that queue.
        requests_per_s: The rate of each token, as of a `TreadClient`.

    The other arguments are those of `TreadClient`. There is no circuit breaker: the manager tells an outage
    from a few accounts that fail by itself, and a breaker would take the one for the other.
    """

    def __init__(
        self,
        credentials: Mapping[str, TokenSource | Credential],
        *,
        base_url: str = DEFAULT_BASE_URL,
        deadline_s: float | None = None,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 32,
        max_in_flight_per_token: int = 8,
        requests_per_s: float | None = None,
        auth_scheme: str = "Token",
        headers: Mapping[str, str] | None = None,
        ssl: tls.SSLContext | None = None,
        hedge_cached: bool = False,
        hooks: Hooks | Iterable[Hooks] | None = None,
    ) -> None:
        self._home = Home("SessionManager")
        self._credentials: dict[str, Credential] = {}
        self._base_url = "(not checked yet)"
        # First of all, so that no frame holds a token in clear when something else is refused.
        self._credentials, problem = given.credentials(credentials)
        credentials = {}
        if problem:
            raise UsageError(problem)
        self._most = settings.max_in_flight(max_in_flight)
        self._most_per_token = settings.max_in_flight(max_in_flight_per_token, "max_in_flight_per_token")
        self._wiring = Wiring(
            base_url,
            deadline_s,
            retry,
            auth_scheme,
            headers,
            ssl,
            requests_per_s,
            hedge_cached=hedge_cached,
            hooks=hooks,
        )
        self._base_url = self._wiring.base_url
        for credential in self._credentials.values():
            self._wiring.check(credential)
        self._fleet: Fleet | None = None

    @classmethod
    def from_config(
        cls,
        profile: str | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        tokens: Iterable[str] = (),
        **overrides: Unpack[Overrides],
    ) -> Self:
        """A manager of the tokens and settings that are configured; see `Config.load`.

        Args:
            overrides: Arguments as above, ``base_url`` excepted. What is ``None`` is as configured.

        Raises:
            UsageError: there is no token, or something configured cannot work.
        """
        config = Config.load(profile, path=path, tokens=tokens)
        return cls(config.credentials, **config.arguments(overrides))

    def __repr__(self) -> str:
        count = len(self._credentials)
        return f"<SessionManager of {count} credentials, {self._base_url} {self._home.state}>"

    async def __aenter__(self) -> Self:
        self._home.enter()
        self._wiring.load()
        self._fleet = Fleet(self._wiring, self._credentials, self._most, self._most_per_token)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends calls in flight with `ClientClosedError` and closes every connection, within a second."""
        if self._fleet is not None:
            self._home.leave()
            await self._fleet.close()

    @property
    def base_url(self) -> str:
        """The server, as given, without a slash at the end."""
        return self._base_url

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the credentials."""
        return tuple(self._credentials)

    @property
    def stats(self) -> dict[str, ClientStats]:
        """Counters since opening, of each credential that has sent anything."""
        if self._fleet is None:
            raise UsageError(self._home.not_open())
        return self._fleet.stats()

    def _ready(self, deadline_s: float | None) -> Fleet:
        self._home.check()
        if deadline_s is not None:
            check.deadline_s(deadline_s)
        if self._fleet is None:
            raise UsageError(self._home.not_open())
        return self._fleet

    def _readable(self) -> Reads:
        return self._ready(None)

    def _refuse_if_closed(self) -> None:
        if self._home.state == "closed":
            raise ClientClosedError("the manager was closed during the call")

    async def accounts(self, *, refresh: bool = False, deadline_s: float | None = None) -> Listing:
        """The accounts of every token that are not archived: ``GET /api/accounts/`` for each.

        Listed once; *refresh* lists them again. Credentials that could not be listed are in ``unlisted``.

        Raises:
            UsageError, ClientClosedError: a token that cannot be listed is no error.
        """
        fleet = self._ready(deadline_s)
        listing = await fleet.listing(check.flag(refresh, "refresh"), fleet.deadline("accounts", deadline_s))
        self._refuse_if_closed()
        return listing

    async def balances(
        self,
        accounts: Iterable[AccountKey | str] | AllAccounts | None = None,
        *,
        source: SourceChoice = "live",
        max_age_s: float | None = None,
        live_within_s: float = LIVE_WITHIN_S,
        deadline_s: float | None = None,
    ) -> Snapshot:
        """What accounts hold: one outcome for each, in the order asked, whatever fails.

        Of accounts that are read again within a minute only those that changed are decoded, for which the
        manager keeps the text of each, some 3 KB.

        Args:
            accounts: ``None`` and ``ALL`` are every account of every token. An empty list is an error.
            source: ``live`` asks the exchanges (``GET /api/balances/``), ``cached`` the server's cache (``GET
                /api/sor/get_cached_account_balance``), which is cheap and states each account's equity;
                ``auto`` asks live, and takes cached balances where live fails or takes longer than
                *live_within_s*.
            max_age_s: Balances of more seconds are `Stale`. Must be given with ``auto``.
            live_within_s: Seconds, for ``auto`` alone.

        Raises:
            UsageError, ClientClosedError: an account that cannot be read is `Failed`, and no error.
        """
        fleet = self._ready(deadline_s)
        how = fleet.how(source, max_age_s, live_within_s, deadline_s)
        asked = None if accounts is None or isinstance(accounts, AllAccounts) else given.accounts(accounts)
        snapshot = await fleet.snapshots.take(asked, how)
        self._refuse_if_closed()
        return snapshot

    async def balance(
        self,
        account: AccountKey | str,
        *,
        source: SourceChoice = "live",
        max_age_s: float | None = None,
        live_within_s: float = LIVE_WITHIN_S,
        not_before: float | None = None,
        deadline_s: float | None = None,
    ) -> Balance:
        """What one account holds. Calls of the same moment share one request for each token.

        Args:
            not_before: A moment on the loop's clock (``loop.time()``): a request for the account that is
                under way is shared only if it was begun no earlier. By default any is.

        Raises:
            TreadError: the account could not be read; as from `TreadClient`.
            IncompleteSnapshotError: the answer does not have the account, or it is older than *max_age_s*.
        """
        fleet = self._ready(deadline_s)
        how = fleet.how(source, max_age_s, live_within_s, deadline_s)
        not_before = given.moment(not_before, "not_before")
        key = await fleet.directory.one(account, how.deadline)
        return await fleet.snapshots.one(key, how, not_before)

    async def set_leverage(
        self,
        leverage: int | str | Decimal,
        *,
        pair: str,
        accounts: Accounts,
        batch: int = _BATCH,
        verify: bool = True,
        dry_run: bool = False,
        on_progress: Progress | None = None,
        deadline_s: float | None = None,
    ) -> LeverageReport:
        """Sets the leverage of *pair* on accounts, and says of each whether it was applied.

        It is ``POST /api/set_leverage/``, and ``GET /api/balances/`` to read back. A batch that is refused is
        split until the account that is refused is alone. Of several calls that set the same, the newest wins,
        and an older one is not sent any more.

        Args:
            leverage: A plain decimal above zero; no float.
            accounts: The accounts, or ``ALL``. Nothing else means all; an empty list is an error.
            batch: Accounts in one request, 1 to 500.
            verify: Read live positions back afterwards, and settle what the answers left open. An account
                without an open position of the pair stays as it was.
            dry_run: Send no write.
            on_progress: Called with each key and outcome as it settles: with *verify* when those of its
                token have been read back.

        Raises:
            UsageError: an argument cannot work, or an account is not listed; nothing was sent.
            ClientClosedError: the manager was closed meanwhile; its ``report`` has what was settled.
        """
        fleet = self._ready(deadline_s)
        wanted, pair = check.leverage(leverage), check.pair(pair)
        order = fleet.orders.leverage(wanted, pair, batch=given.batch(batch))
        manner = fleet.manner(order.endpoint, verify, dry_run, on_progress, deadline_s)
        done = await fleet.writes.carry_out(order, given.addressed(accounts), manner)
        return self._reported(_leverage_report(wanted, pair, done, dry_run=dry_run))

    async def update_margin_mode(
        self,
        margin_mode: str,
        *,
        accounts: Accounts,
        verify: bool = True,
        dry_run: bool = False,
        on_progress: Progress | None = None,
        deadline_s: float | None = None,
    ) -> MarginModeReport:
        """Sets the margin mode of accounts, one ``PUT /api/accounts/`` for each. Otherwise as `set_leverage`.

        Args:
            margin_mode: ``ISOLATED``, ``CROSS`` or ``CASH``; other values are left to the server.
            verify: List the accounts again afterwards.

        Raises:
            UsageError, ClientClosedError: as of `set_leverage`.
        """
        fleet = self._ready(deadline_s)
        mode = check.required_text(margin_mode, "margin_mode")
        order = fleet.orders.margin_mode(mode)
        manner = fleet.manner(order.endpoint, verify, dry_run, on_progress, deadline_s)
        done = await fleet.writes.carry_out(order, given.addressed(accounts), manner)
        report = MarginModeReport(margin_mode=mode, dry_run=dry_run, **structs.asdict(done))
        return self._reported(report)

    async def plan_leverage(
        self, wish: Wish, *, max_age_s: float = _PLAN_MAX_AGE_S, deadline_s: float | None = None
    ) -> LeveragePlan:
        """Reads positions, and says which of the leverages wished for would have to be changed.

        Args:
            wish: ``{pair: {account: leverage}}``.
            max_age_s: Seconds after which `apply` refuses the plan.

        Raises:
            UsageError, ClientClosedError: what cannot be read is in the plan, as not known, and no error.
        """
        fleet = self._ready(deadline_s)
        max_age_s = check.seconds(max_age_s, "max_age_s")
        plan = await fleet.orders.plan(wished(wish), max_age_s, fleet.deadline("balances", deadline_s))
        self._refuse_if_closed()
        return plan

    async def apply(
        self,
        plan: LeveragePlan,
        *,
        verify: bool = True,
        on_progress: Progress | None = None,
        deadline_s: float | None = None,
    ) -> PlanReport:
        """Sends the changes of *plan*, those of one leverage and pair together.

        Raises:
            UsageError: the plan is older than its ``max_age_s``; nothing was sent.
            ClientClosedError: as of `set_leverage`.
        """
        fleet = self._ready(deadline_s)
        if not isinstance(plan, LeveragePlan):
            raise UsageError(f"apply takes a LeveragePlan, not {type(plan).__name__}")
        if plan.age_s > plan.max_age_s:
            raise UsageError(
                f"the plan is {plan.age_s:.0f} s old, older than {plan.max_age_s:g} s; make a new one"
            )

        manner = fleet.manner("set_leverage", verify, False, on_progress, deadline_s, forgiving=True)
        groups = grouped(plan.changes)
        orders = [
            (fleet.orders.leverage(format(leverage, "f"), pair, batch=_BATCH), keys)
            for (leverage, pair), keys in groups.items()
        ]
        done = await fleet.writes.carry_out_all(orders, manner)
        reports = [_leverage_report(*group, one) for group, one in zip(groups, done, strict=True)]
        return self._reported(PlanReport(reports=tuple(reports)))

    def _reported(self, report: R) -> R:
        """*report*, unless the manager was closed before all of it was settled."""
        if self._home.state == "closed" and not report.ok:
            unknown = report.counts["unknown"]
            kind = ClosedAfterSendingError if unknown else ClientClosedError
            error = kind(
                f"the manager was closed during the call; {unknown} outcomes are unknown, see report"
            )
            error.report = report
            raise error
        return report


def _leverage_report(
    leverage: str | Decimal, pair: str, done: Done, *, dry_run: bool = False
) -> LeverageReport:
    fields = structs.asdict(done)
    return LeverageReport(leverage=Decimal(leverage), pair=pair, dry_run=dry_run, **fields)
