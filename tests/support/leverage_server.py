"""A server of accounts whose leverages can be set, and which fails in ways that the simulator does not.

Each request to set a leverage plays the next `Act`; when there are no more, it is carried out. What the
client may rely on holds whatever the acts say: a 200 has set all accounts, a 422 to one account alone has
set nothing, and neither has a status that servers give before they act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from tests.support.samples import PAIR
from tests.support.wire import TOKEN, Exchange, Wire, reply

HANG_UP: Final = 0
FOR_EVER: Final = 10**9
AFTERWARDS: Final = float("inf")
_BEFORE_ACTING: Final = (400, 403, 429)


@dataclass(frozen=True, kw_only=True)
class Act:
    """What becomes of one request to set a leverage.

    Attributes:
        status: Of the answer, or `HANG_UP`.
        sets: Of which of its accounts the leverage is set.
        later_s: It is set only so long after the answer or the hanging up; with `AFTERWARDS` when the test
            waits for everything to settle.
        wait_s: Before the answer, after setting.
        body: Instead of an acknowledgement.
    """

    status: int = 200
    sets: Literal["all", "odd", "none"] = "all"
    later_s: float = 0.0
    wait_s: float = 0.0
    body: bytes = b'{"message": "said"}'


DONE: Final = Act()


@dataclass
class LeverageServer:
    """Use it as a block.

    Attributes:
        leverages: Of each account at first; ``None`` where it has no open position, "0" where the exchange
            never says.
        acts: For the requests to set a leverage, in order of arrival.
        refusals: How often a request that names the account is refused with a 422.
        set_to: Every account and the leverage it was set to, in order.
        overlaps: Accounts of which a request came when another was still being answered.
        asked: The accounts of every request to set a leverage.
        deaf: Accounts that show their old leverage whatever it is set to.
    """

    leverages: Mapping[str, str | None]
    acts: Iterable[Act] = ()
    refusals: Mapping[str, int] = field(default_factory=dict)
    set_to: list[tuple[str, Decimal]] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)
    tokens: tuple[str, ...] = (TOKEN,)

    async def __aenter__(self) -> Self:
        self._now = dict(self.leverages)
        self._left = dict(self.refusals)
        self._acts: Iterator[Act] = iter(self.acts)
        self._afterwards = asyncio.Event()
        self._busy: list[str] = []
        self._later: set[asyncio.Task[None]] = set()
        self.wire = Wire(self._step)
        await self.wire.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.wire.__aexit__(*error)
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    @property
    def url(self) -> str:
        return self.wire.url

    async def settled(self) -> None:
        """Returns when nothing is to be set any more."""
        self._afterwards.set()
        while self._later or self._busy:
            await asyncio.gather(*self._later)
            await asyncio.sleep(0.001)

    def values_of(self, name: str) -> list[Decimal]:
        """What the account was set to, in order."""
        return [value for account, value in self.set_to if account == name]

    async def _step(self, exchange: Exchange) -> None:
        target = urlsplit(exchange.request.target)
        if target.path == "/api/set_leverage/":
            await self._set(exchange)
        elif target.path == "/api/accounts/":
            listed = [{"id": f"id-{name}", "name": name, "exchange": "Gate"} for name in self._now]
            await exchange.send(reply(listed))
        else:
            wanted = dict(parse_qsl(target.query)).get("account_names", ",".join(self._now)).split(",")
            await exchange.send(reply({name: self._balances(name) for name in wanted if name in self._now}))

    def _balances(self, name: str) -> dict[str, Any]:
        row = {"symbol": PAIR, "size": 1.0, "asset_type": "position"}
        leverage = self._now[name]
        rows = [] if leverage is None else [row | {"leverage": float(leverage)}]
        return {"exchange": "Gate", "assets": rows}

    async def _set(self, exchange: Exchange) -> None:
        body = exchange.request.json()
        names = tuple([account_id.removeprefix("id-") for account_id in body["account_ids"]])
        self.asked.append(names)
        self.overlaps += [name for name in names if name in self._busy]
        self._busy += names
        act = next(self._acts, DONE)
        refused = [name for name in names if self._left.get(name, 0)]
        for name in refused:
            self._left[name] -= 1
        status = 422 if refused else act.status
        chosen = self._chosen(act, status, names, refused)
        try:
            if not act.later_s or status in (200, 422):
                self._apply(chosen, body["leverage"])
                chosen = []
            if act.wait_s:
                await asyncio.sleep(act.wait_s)
            if status == HANG_UP:
                exchange.close()
            else:
                await exchange.send(reply(act.body, status))
        finally:
            for name in names:
                self._busy.remove(name)
            if chosen:
                task = asyncio.create_task(self._set_later(act.later_s, chosen, body["leverage"]))
                self._later.add(task)
                task.add_done_callback(self._later.discard)

    def _chosen(self, act: Act, status: int, names: tuple[str, ...], refused: list[str]) -> list[str]:
        if status in _BEFORE_ACTING or (status == 422 and len(names) == 1):
            return []
        if status == 200 or act.sets == "all":
            return [name for name in names if name not in refused]
        return [name for name in names[1::2] if name not in refused] if act.sets == "odd" else []

    async def _set_later(self, seconds: float, names: list[str], leverage: str) -> None:
        await (self._afterwards.wait() if seconds == AFTERWARDS else asyncio.sleep(seconds))
        self._apply(names, leverage)

    def _apply(self, names: list[str], leverage: str) -> None:
        for name in names:
            self.set_to.append((name, Decimal(leverage)))
            if self._now[name] not in (None, "0") and name not in self.deaf:
                self._now[name] = leverage
