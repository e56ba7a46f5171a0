"""What every token of a client shares, checked once, and how the calls of one token come about."""

from __future__ import annotations

import asyncio
import functools
import ssl as tls
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from tread_async._breaker import Breaker
from tread_async._budget import RetryBudget
from tread_async._codec import arguments as check
from tread_async._codec import settings
from tread_async._gates import Share
from tread_async._hedging import Hedging
from tread_async._identity import Credential, Identity
from tread_async._intents import Intents
from tread_async._pacing import Pace
from tread_async._policy import POLICIES, RetryPolicy
from tread_async._rates import RATES
from tread_async._slots import Slots
from tread_async._telling import Telling, telling
from tread_async._version import __version__
from tread_async.errors import UsageError
from tread_async.hooks import GateClosed, Hooks

if TYPE_CHECKING:
    from tread_async._calls import Calls

__all__ = ["DEFAULT_BASE_URL", "Wiring"]

DEFAULT_BASE_URL: Final = "https://app.tread.fi"


class Wiring:
    """The settings of a client or manager. Raises `UsageError` for one that cannot work."""

    def __init__(
        self,
        base_url: str,
        deadline_s: float | None,
        retry: RetryPolicy | None,
        auth_scheme: str,
        headers: Mapping[str, str] | None,
        ssl: tls.SSLContext | None,
        requests_per_s: float | None = None,
        *,
        circuit_breaker: bool = False,
        hedge_cached: bool = False,
        hooks: Hooks | Iterable[Hooks] | None = None,
    ) -> None:
        self.auth_scheme = settings.auth_scheme(auth_scheme)
        self.base_url = settings.base_url(base_url)
        self._origin = settings.origin(self.base_url)
        self._requests_per_s = settings.requests_per_s(requests_per_s)
        self._deadline_s = None if deadline_s is None else check.deadline_s(deadline_s)
        if retry is not None and not isinstance(retry, RetryPolicy):
            raise UsageError(f"retry is a RetryPolicy, not {type(retry).__name__}")
        self._retry = retry
        self._headers = {"User-Agent": f"tread-async/{__version__}", **settings.extra_headers(headers)}
        self._ssl = settings.ssl_context(ssl)
        self.tell: Telling | None = telling(hooks)
        # One of each for all tokens: they share the server that suffers.
        self._budget = RetryBudget()
        self._breaker = Breaker() if check.flag(circuit_breaker, "circuit_breaker") else None
        self._hedging = Hedging(self._budget) if check.flag(hedge_cached, "hedge_cached") else None

    def check(self, credential: Credential) -> None:
        """Refuses a proxy that would see the token."""
        settings.proxy(credential.proxy, self.base_url)

    def deadline_s(self, endpoint: str, deadline_s: float | None) -> float:
        """The seconds that a call of *endpoint* may take."""
        return deadline_s or self._deadline_s or (self._retry or POLICIES[endpoint]).deadline_s

    @staticmethod
    def load() -> None:
        """Imports what `calls` needs. On opening: it takes longer than a call may hold the event loop."""
        import anyio

        import tread_async._machinery  # noqa: F401

        anyio.current_time()  # anyio imports its asyncio side with its first use

    def share(self, credential: Credential, slots: Slots, most: int) -> Share:
        """What the token has to do with other clients of the process, with *most* of *slots* at once."""
        return Share(
            RATES,
            self._origin,
            credential.token,
            slots=slots,
            most=most,
            requests_per_s=self._requests_per_s,
        )

    def calls(
        self,
        credential: Credential,
        share: Share,
        *,
        name: str = "token",
        intents: Intents | None = None,
        pace: Pace | None = None,
    ) -> Calls:
        """The calls of one token, on the running loop; hooks are told of them under *name*."""
        from tread_async._machinery import Calls, HookedCalls, Transport

        identity = Identity(credential.token, self.auth_scheme)
        transport = Transport(
            self.base_url,
            identity,
            share=share,
            headers=self._headers,
            proxy=settings.proxy(credential.proxy, self.base_url),
            ssl=self._ssl,
            breaker=self._breaker,
            held=None if self.tell is None else functools.partial(_tell_closed, self.tell, name),
        )
        made: Callable[..., Calls] = Calls
        if self.tell is not None:
            made = functools.partial(HookedCalls, tell=self.tell, credential=name)
        return made(
            transport,
            identity,
            clock=asyncio.get_running_loop().time,
            retry=self._retry,
            deadline_s=self._deadline_s,
            sleep=transport.pause,
            intents=intents,
            pace=pace,
            budget=self._budget,
            hedging=self._hedging,
        )


def _tell_closed(tell: Telling, credential: str, seconds: float) -> None:
    tell(GateClosed(credential=credential, closed_s=seconds))
