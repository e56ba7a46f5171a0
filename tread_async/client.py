"""`TreadClient`: one method per endpoint, for one token."""

from __future__ import annotations

import ssl as tls
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tread_async._codec import arguments as check
from tread_async._codec import requests, settings
from tread_async._codec.endpoints import BALANCES, CACHED_BALANCES
from tread_async._codec.merging import merged_balances, merged_cached_balances
from tread_async._fleet.lines import Line
from tread_async._fleet.reads import Reads
from tread_async._home import Home
from tread_async._identity import Credential, TokenSource
from tread_async._lifecycle import archive, create, update
from tread_async._pacing import Pace
from tread_async._policy import RetryPolicy
from tread_async._slots import Slots
from tread_async._stats import ClientStats
from tread_async._together import shielded
from tread_async._watched import Watched
from tread_async._wiring import DEFAULT_BASE_URL, Wiring
from tread_async.errors import ClientClosedError, UsageError
from tread_async.hooks import Hooks
from tread_async.models import Account, AccountBalances, CachedBalances
from tread_async.secret import Secret

if TYPE_CHECKING:
    from tread_async._calls import Calls

__all__ = ["TreadClient"]

_CREDENTIAL: Final = "token"  # of the accounts in its watches


class TreadClient(Watched):
    """An asyncio client of the Tread.fi Accounts API for one token.

    Open it with ``async with``, on the event loop that uses it. Every coroutine takes
    ``deadline_s``: the seconds for the whole call, with all attempts, waits and the body. A read that
    fails raises `ApiError` (an error status), `TransportError` (no usable answer) or `DecodeError`. A write
    raises `OutcomeUnknownError` where it may have been applied; what else it raises means that it was not.
    A bad argument is a `UsageError` before anything is sent. In a watch or feed the accounts are those of
    a credential called ``token``.

    Args:
        token: The API token, or a function or coroutine function that returns it, which is asked when a
            token is first needed and after a 401.
        base_url: https, or http to this machine. A path in front of ``/api`` is kept.
        deadline_s: Seconds for every call that does not bring its own; by default each endpoint has some.
        retry: Replaces the policy of every endpoint. Creating and archiving are sent once whatever
            it says.
        max_in_flight: Requests at once; the others queue, within their deadline.
        requests_per_s: A rate, from one a day to 10000; by default there is none. Requests leave evenly,
            from the first on, and no second has more of them than the rate; the others queue, within
            their deadline, writes first. Shared by the clients and managers of the process that have a
            rate for this token and server; the lowest holds. A token function stands for its tokens.
        auth_scheme: The word before the token in the ``Authorization`` header.
        headers: Sent along with every request, such as ``User-Agent``.
        proxy: URL of an HTTP proxy for https. None is ever taken from the environment.
        ssl: A context with a certificate store of your own. It must verify.
        circuit_breaker: After five failures in a row, or half of ten within 30 s, send nothing for five
            seconds, doubling up to a minute; then one request finds out. For pollers.
        hedge_cached: Ask a second time for a cached read that is slower than 19 of 20 (and than 250 ms),
            for at most one in twenty; the first answer counts.
        hooks: What to call when something happens, or a list of such; see `tread_async.hooks`.

    Raises:
        UsageError: an argument cannot work.
    """

    def __init__(
        self,
        token: TokenSource,
        *,
        base_url: str = DEFAULT_BASE_URL,
        deadline_s: float | None = None,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 8,
        requests_per_s: float | None = None,
        auth_scheme: str = "Token",
        headers: Mapping[str, str] | None = None,
        proxy: Secret | str | None = None,
        ssl: tls.SSLContext | None = None,
        circuit_breaker: bool = False,
        hedge_cached: bool = False,
        hooks: Hooks | Iterable[Hooks] | None = None,
    ) -> None:
        self._home = Home("TreadClient")
        self._base_url = "(not checked yet)"
        # First of all, so that no frame holds a secret in clear when something else is refused.
        token = token if callable(token) else check.wrapped(token, "a token")
        hidden_proxy, proxy = None if proxy is None else check.wrapped(proxy, "proxy"), None
        self._credential = Credential(token, proxy=hidden_proxy)
        self._max_in_flight = settings.max_in_flight(max_in_flight)
        self._wiring = Wiring(
            base_url,
            deadline_s,
            retry,
            auth_scheme,
            headers,
            ssl,
            requests_per_s,
            circuit_breaker=circuit_breaker,
            hedge_cached=hedge_cached,
            hooks=hooks,
        )
        self._base_url = self._wiring.base_url
        self._wiring.check(self._credential)
        self._calls: Calls | None = None
        self._reads: Reads | None = None

    def __repr__(self) -> str:
        return f"<TreadClient {self._base_url} {self._home.state}>"

    async def __aenter__(self) -> Self:
        self._home.enter()
        self._wiring.load()
        slots = Slots(self._max_in_flight)
        share = self._wiring.share(self._credential, slots, self._max_in_flight)
        pace = Pace()
        calls = self._calls = self._wiring.calls(self._credential, share, name=_CREDENTIAL, pace=pace)
        lines = {_CREDENTIAL: Line(_CREDENTIAL, lambda: calls, pace)}
        self._reads = Reads(lines, self._base_url, pace, self._wiring.deadline_s, self._wiring.tell)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends calls in flight with `ClientClosedError` and closes every connection, within a second."""
        if self._calls is not None and self._reads is not None:
            self._home.leave()
            with shielded():
                try:
                    await self._reads.end_polling(ClientClosedError("the client was closed"))
                finally:  # also for who is cancelled meanwhile
                    await self._calls.close()

    @property
    def base_url(self) -> str:
        """The server, as given, without a slash at the end."""
        return self._base_url

    @property
    def stats(self) -> ClientStats:
        """Counters since opening."""
        return self._opened().stats()

    def _ready(self, deadline_s: float | None) -> Calls:
        self._home.check()
        if deadline_s is not None:
            check.deadline_s(deadline_s)
        return self._opened()

    def _opened(self) -> Calls:
        if self._calls is None:
            raise UsageError(self._home.not_open())
        return self._calls

    def _readable(self) -> Reads:
        self._ready(None)
        if self._reads is None:
            raise UsageError(self._home.not_open())
        return self._reads

    async def balances(
        self, account_names: Iterable[str] | None = None, *, deadline_s: float | None = None
    ) -> dict[str, AccountBalances]:
        """Live balances and positions by account name, read from the exchanges: ``GET /api/balances/``.

        Args:
            account_names: The accounts to read, or ``None`` for all. An account that the server
                leaves out is not in the result: nothing is made up for it.

        Raises:
            TreadError: there is no whole answer; `tread_async.errors` says which error means what.
        """
        calls = self._ready(deadline_s)
        names = check.account_names(account_names)
        asked = requests.filtered(BALANCES, names, self._base_url)
        answers = await calls.run_all(asked, calls.deadline("balances", deadline_s))
        return merged_balances(answers, names)

    async def cached_balances(
        self, account_names: Iterable[str] | None = None, *, deadline_s: float | None = None
    ) -> CachedBalances:
        """Balances from the server's cache: ``GET /api/sor/get_cached_account_balance``.

        Each account has its own age (``as_of``). What the server could not read is in ``errors``.

        Args:
            account_names: The accounts to read, or ``None`` for all. The result follows their order.

        Raises:
            TreadError: as of `balances`. An account that could not be read is in the result's ``errors``.
        """
        calls = self._ready(deadline_s)
        names = check.account_names(account_names)
        asked = requests.filtered(CACHED_BALANCES, names, self._base_url)
        answers = await calls.run_all(asked, calls.deadline("cached_balances", deadline_s))
        return merged_cached_balances(answers, names, calls.secrets)

    async def accounts(
        self, *, include_archived: bool = False, deadline_s: float | None = None
    ) -> tuple[Account, ...]:
        """The accounts of the token's user, with *include_archived* all: ``GET /api/accounts/``.

        Raises:
            TreadError: as of `balances`.
        """
        calls = self._ready(deadline_s)
        request = requests.accounts(include_archived=check.flag(include_archived, "include_archived"))
        return await calls.run(request, calls.deadline("accounts", deadline_s))

    async def create_account(
        self,
        *,
        name: str,
        exchange: str,
        api_key: Secret | str,
        api_secret: Secret | str,
        password: Secret | str | None = None,
        extra: Mapping[str, Any] | None = None,
        resend: bool = False,
        deadline_s: float | None = None,
    ) -> Account:
        """Links an exchange account and returns it as the server lists it: ``POST /api/accounts/``.

        Sent once. Where the answer is lost the accounts are listed, up to three times over three seconds: the
        account of that name, exchange and key is the one, unless it was there two minutes before, or another
        call of this client made it, or may have.

        Args:
            name: Unique for the user.
            exchange: As Tread calls it, such as ``OKX``.
            password: For exchanges that want one, such as OKX, Coinbase and Bitget.
            extra: Undocumented body fields, such as ``credential_options``. A `Secret` among them is
                sent in clear and never shown.
            resend: Send it once more where a listing shows that there is no such account yet. If the first
                still arrives, the server refuses one of the two, since names are unique.

        Raises:
            NameConflictError: another account has the name; nothing was applied.
            OutcomeUnknownError: the account may exist; its ``resolve()`` looks again later.
        """
        api_key, api_secret = check.wrapped(api_key, "api_key"), check.wrapped(api_secret, "api_secret")
        password = None if password is None else check.wrapped(password, "password")
        calls = self._ready(deadline_s)
        request = requests.create_account(
            name=check.account_name(name),
            exchange=check.required_text(exchange, "exchange"),
            api_key=check.secret(api_key, "api_key"),
            api_secret=check.secret(api_secret, "api_secret"),
            password=None if password is None else check.secret(password, "password"),
            extra=check.extra_fields(extra, requests.CREATE_FIELDS),
        )
        return await create(
            calls,
            request,
            name=name,
            exchange=exchange,
            api_key=api_key,
            resend=check.flag(resend, "resend"),
            deadline=calls.deadline("create_account", deadline_s),
        )

    async def update_account(
        self,
        account_id: str,
        *,
        margin_mode: str | None = None,
        extra: Mapping[str, Any] | None = None,
        deadline_s: float | None = None,
    ) -> None:
        """Sets fields of an account, and leaves the others as they are: ``PUT /api/accounts/``.

        Args:
            account_id: Its id, not its name.
            margin_mode: ``ISOLATED``, ``CROSS`` or ``CASH``; other values are left to the server.
            extra: Undocumented body fields. A `Secret` among them is sent in clear and never shown.

        Raises:
            OutcomeUnknownError: it may have been set. A margin mode was looked up already, and its
                ``resolve()`` looks again later.
        """
        fields = check.extra_fields(extra, ("id", "margin_mode"))
        if margin_mode is not None:
            fields["margin_mode"] = check.required_text(margin_mode, "margin_mode")
        if not fields:
            raise UsageError("update_account needs something to set, such as margin_mode")
        calls = self._ready(deadline_s)
        request = requests.update_account(account_id=check.account_id(account_id), fields=fields)
        await update(
            calls,
            request,
            account_id=account_id,
            # Other fields do not show in a list.
            margin_mode=margin_mode if extra is None else None,
            deadline=calls.deadline("update_account", deadline_s),
        )

    async def archive_account(
        self, name: str, *, expect_id: str | None = None, deadline_s: float | None = None
    ) -> Account:
        """Archives the account of that name and returns it, renamed: ``DELETE /api/accounts/``.

        The name is looked up first, so that the account archived is the one found. Sent once; where the
        answer is lost the accounts are listed, up to three times over three seconds.

        Args:
            expect_id: The id the account must have.

        Raises:
            NameConflictError: no account, or another one, holds the name; nothing was sent.
            OutcomeUnknownError: it may be archived; its ``resolve()`` looks again later.
        """
        calls = self._ready(deadline_s)
        request = requests.archive_account(name=check.account_name(name))
        if expect_id is not None:
            check.account_id(expect_id)
        deadline = calls.deadline("archive_account", deadline_s)
        return await archive(calls, request, name=name, expect_id=expect_id, deadline=deadline)

    async def set_leverage(
        self,
        leverage: int | str | Decimal,
        *,
        pair: str,
        account_ids: Iterable[str],
        deadline_s: float | None = None,
    ) -> None:
        """Sets the leverage of *pair* on every account of *account_ids*: ``POST /api/set_leverage/``.

        The server answers for all of them at once: when it refuses several, some may have been set,
        and the call raises `OutcomeUnknownError`. Call it for one account to know about that one.

        Args:
            leverage: A plain decimal above zero; no float.
            pair: Such as ``ETH:PERP-USDT``. Always sent: without it the server might mean every pair.
            account_ids: Ids, not names. Never empty, for the same reason.

        Of several calls that set the same, one request is under way at a time, and the newest wins: an
        older one is not sent any more.

        Raises:
            OutcomeUnknownError: some or all of the accounts may have it.
            UnprocessableError: refused for the one account asked.
        """
        calls = self._ready(deadline_s)
        request = requests.set_leverage(
            leverage=check.leverage(leverage),
            pair=check.pair(pair),
            account_ids=check.account_ids(account_ids),
        )
        await calls.run(request, calls.deadline("set_leverage", deadline_s))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        deadline_s: float | None = None,
    ) -> Any:
        """The decoded JSON of an endpoint that has no method here; fractions come as `Decimal`.

        Only a GET is repeated. A 204 is ``None``.

        Args:
            path: From the first slash on, such as ``/api/get_token_pairs``, without a query.
            params: The query.
            json: The body.

        Raises:
            OutcomeUnknownError: anything but a GET may have been acted on. There is no ``resolve()``.
            TreadError: as of `balances`.
        """
        calls = self._ready(deadline_s)
        request = requests.unlisted(check.method(method), check.path(path), check.params(params), json)
        return await calls.run(request, calls.deadline("request", deadline_s))
