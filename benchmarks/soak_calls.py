"""Calls of every kind, one after the other: what the soak keeps going."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from benchmarks.soak_server import TOKENS, token_of
from tread_async import RetryPolicy, SessionManager, TreadClient, TreadError

CALLERS = 16
PAIR = "ETH:PERP-USDT"
CANCELLED = 0.01
_POLICY = RetryPolicy(
    attempt_timeout_s=1.0, base_s=0.002, refused_base_s=0.002, throttled_base_s=0.002, cap_s=0.01
)

Ask = Callable[[], Awaitable[object]]


class Desk:
    """A client of each token, a manager of all, and what has come of the calls.

    Attributes:
        ended: How calls ended, by the name of the error; "answered" and "cancelled" besides.
        took_s: How long those took that were answered, since somebody cleared it.
        exhausted: Calls that the retry budget stopped.
        over: Set it, and callers end with the call that they are at.
    """

    def __init__(self, clients: list[TreadClient], manager: SessionManager, seed: int) -> None:
        self.ended: Counter[str] = Counter()
        self.exhausted = 0
        self.over = False
        self.took_s: list[float] = []
        self._clients = clients
        self._manager = manager
        self._chance = random.Random(seed)
        self._names_to_give = (f"new-{seed}-{number}" for number in itertools.count())
        self._asks: dict[Ask, int] = {
            self._list: 14,
            self._live: 20,
            self._cached: 20,
            self._raw: 8,
            self._list_all: 2,
            self._snapshot: 8,
            self._one_balance: 16,
            self._leverage: 6,
            self._leverage_of_several: 2,
            self._margin_mode: 3,
            self._create_and_archive: 1,
        }

    async def learn(self) -> None:
        """Finds out which accounts there are."""
        listing = await self._manager.accounts()
        assert listing.complete
        self._keys = list(listing.accounts)
        self._ids = [[one.id for one in await client.accounts()] for client in self._clients]

    @property
    def requests(self) -> int:
        """Requests sent, repeats included."""
        stats = [client.stats for client in self._clients] + list(self._manager.stats.values())
        return sum(one.requests_sent for one in stats)

    async def call_on(self) -> None:
        """One caller: a call after the other, until it is `over`."""
        asks, weights = list(self._asks), list(self._asks.values())
        while not self.over:
            await self._ask(self._chance.choices(asks, weights)[0])

    async def _ask(self, ask: Ask) -> None:
        began = time.perf_counter()
        task = asyncio.ensure_future(ask())
        if self._chance.random() < CANCELLED:
            asyncio.get_running_loop().call_later(self._chance.random() * 0.01, task.cancel)
        await asyncio.wait({task})
        if task.cancelled():
            self.ended["cancelled"] += 1
            return
        error = task.exception()
        if error is None:
            self.took_s.append(time.perf_counter() - began)
        elif not isinstance(error, TreadError):
            raise error
        self.ended["answered" if error is None else type(error).__name__] += 1
        self.exhausted += getattr(error, "budget_exhausted", False)

    def _names(self, token: int, most: int) -> list[str]:
        names = [key.name for key in self._keys if key.credential == f"desk-{token}"]
        return self._chance.sample(names, self._chance.randint(1, most))

    def _token(self) -> int:
        return self._chance.randrange(TOKENS)

    async def _list(self) -> None:
        await self._clients[self._token()].accounts(include_archived=self._chance.random() < 0.2)

    async def _live(self) -> None:
        token = self._token()
        await self._clients[token].balances(self._names(token, 10))

    async def _cached(self) -> None:
        token = self._token()
        await self._clients[token].cached_balances(self._names(token, 10))

    async def _raw(self) -> None:
        await self._clients[self._token()].request("GET", "/api/accounts/")

    async def _list_all(self) -> None:
        await self._manager.accounts(refresh=True)

    async def _snapshot(self) -> None:
        keys = self._chance.sample(self._keys, 6)
        if self._chance.random() < 0.5:
            await self._manager.balances(keys, source="cached")
        else:
            await self._manager.balances(keys, source="auto", max_age_s=3600)

    async def _one_balance(self) -> None:
        await self._manager.balance(self._chance.choice(self._keys), source="cached")

    async def _leverage(self) -> None:
        token = self._token()
        ids = self._chance.sample(self._ids[token], self._chance.randint(1, 3))
        await self._clients[token].set_leverage(self._chance.randint(1, 20), pair=PAIR, account_ids=ids)

    async def _leverage_of_several(self) -> None:
        keys = self._chance.sample(self._keys, 4)
        verify = self._chance.random() < 0.5
        await self._manager.set_leverage(self._chance.randint(1, 20), pair=PAIR, accounts=keys, verify=verify)

    async def _margin_mode(self) -> None:
        token = self._token()
        mode = self._chance.choice(("CROSS", "ISOLATED"))
        await self._clients[token].update_account(self._chance.choice(self._ids[token]), margin_mode=mode)

    async def _create_and_archive(self) -> None:
        name, client = next(self._names_to_give), self._clients[self._token()]
        await client.create_account(
            name=name, exchange="Gate", api_key=f"key of {name}", api_secret="made-up"
        )
        await client.archive_account(name)


@contextlib.asynccontextmanager
async def desk(url: str, seed: int) -> AsyncIterator[Desk]:
    """Clients and a manager of every token of the server."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(TreadClient(token_of(number), base_url=url, retry=_POLICY))
            for number in range(TOKENS)
        ]
        credentials = {f"desk-{number}": token_of(number) for number in range(TOKENS)}
        manager = await stack.enter_async_context(SessionManager(credentials, base_url=url, retry=_POLICY))
        one = Desk(clients, manager, seed)
        await one.learn()
        yield one
