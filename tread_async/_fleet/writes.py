"""Values for many accounts of many tokens, put together."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec

from tread_async._codec.redaction import sanitised
from tread_async._codec.requests import Request
from tread_async._fleet.directory import Directory
from tread_async._fleet.lines import Line, Tally
from tread_async._fleet.verifying import verified
from tread_async._fleet.writing import Target, Writing
from tread_async._intents import Intent, Intents, Key
from tread_async._together import together
from tread_async.errors import NameConflictError, NotSentError, TreadError, UsageError
from tread_async.keys import AccountKey, AllAccounts
from tread_async.reports import NotApplied, WriteOutcome

__all__ = ["Accounts", "Done", "Manner", "Order", "Progress", "Seen", "Writes"]

Accounts: TypeAlias = Iterable[AccountKey | str] | AllAccounts
Progress: TypeAlias = Callable[[AccountKey, WriteOutcome], None]
Seen: TypeAlias = Mapping[AccountKey, Sequence[Decimal | str]]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, and how.

    Attributes:
        endpoint: Its name.
        request: For the ids of a batch.
        intent_key: What it sets of an account with that id.
        wanted: The value, as reading back shows it.
        read_back: The values that accounts have now.
        batch: Accounts in one request.
    """

    endpoint: str
    request: Callable[[list[str]], Request[None]]
    intent_key: Callable[[str], Key]
    wanted: Decimal | str
    read_back: Callable[[list[AccountKey], float, Tally], Awaitable[Seen]]
    batch: int


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How an order is carried out.

    Attributes:
        deadline: On the loop's clock.
        forgiving: An account that is not listed is one outcome, and not an error before all.
    """

    deadline: float
    verify: bool
    dry_run: bool = False
    on_progress: Progress | None = None
    forgiving: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order."""

    outcomes: dict[AccountKey, WriteOutcome]
    unlisted: dict[str, TreadError]
    requests_sent: int
    requests_planned: int


class _Collected:
    """The outcomes so far, and the one who wants to hear of them."""

    def __init__(self, on_progress: Progress | None) -> None:
        self.outcomes: dict[AccountKey, WriteOutcome] = {}
        self._on_progress = on_progress

    def settle(self, key: AccountKey, outcome: WriteOutcome) -> None:
        self.outcomes[key] = outcome
        if self._on_progress is None:
            return
        try:
            self._on_progress(key, outcome)
        except Exception as problem:  # theirs: it must not leave writes half done
            self._on_progress = None
            message = "on_progress raised and is not called any more"
            asyncio.get_running_loop().call_exception_handler({"message": message, "exception": problem})


class Writes:
    """Carries out orders over all lines."""

    def __init__(self, lines: Mapping[str, Line], directory: Directory, intents: Intents) -> None:
        self._lines = lines
        self._directory = directory
        self._intents = intents

    async def carry_out(self, order: Order, accounts: Accounts, manner: Manner) -> Done:
        """Settles every account; raises `UsageError` before anything is sent."""
        with self._intents.expected() as number:
            return await self._carry_out(order, accounts, manner, number)

    async def carry_out_all(self, orders: Iterable[tuple[Order, Accounts]], manner: Manner) -> list[Done]:
        """The same for the orders of one call, at once: none of them is newer than a call after it."""
        with self._intents.expected() as number:
            return await together(
                [functools.partial(self._carry_out, *one, manner, number) for one in orders]
            )

    async def _carry_out(self, order: Order, accounts: Accounts, manner: Manner, number: int) -> Done:
        tally = Tally()
        collected = _Collected(manner.on_progress)
        keys, unlisted = await self._addressed(accounts, manner, tally)
        targets = self._targets(keys, order, unlisted, collected)
        planned = sum(-(-len(some) // order.batch) for some in targets.values())
        if manner.dry_run:
            for target in _flat(targets):
                error = NotSentError("a dry run: nothing was sent")
                collected.settle(target.key, NotApplied(error=error))
        elif targets:
            declared = [target.intent_key for target in _flat(targets)]
            with self._intents.declared(declared, number) as intent:
                await together(
                    [
                        functools.partial(
                            self._write, order, manner, self._lines[name], some, intent, collected, tally
                        )
                        for name, some in targets.items()
                    ]
                )
        return Done(
            outcomes={key: collected.outcomes[key] for key in keys},
            unlisted=unlisted if isinstance(accounts, AllAccounts) else {},
            requests_sent=tally.requests_sent,
            requests_planned=planned,
        )

    async def _addressed(
        self, accounts: Accounts, manner: Manner, tally: Tally
    ) -> tuple[list[AccountKey], dict[str, TreadError]]:
        """The accounts meant, and the credentials that could not be listed."""
        deadline = manner.deadline
        if isinstance(accounts, AllAccounts):
            unlisted = await self._directory.know(self._lines, deadline, tally)
            listed = [line.listed for line in self._lines.values() if line.listed is not None]
            return [key for one in listed for key in one.keys.values()], unlisted
        keys = await self._directory.resolve(accounts, deadline, tally)
        names = {key.credential for key in keys}
        unlisted = await self._directory.know(names, deadline, tally)
        if strange := self._strange(keys):
            unlisted |= await self._directory.know(
                {key.credential for key in strange}, deadline, tally, anew=True
            )
        strange = [key for key in self._strange(keys) if key.credential not in unlisted]
        if strange and not manner.forgiving:
            more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
            raise UsageError(f"there is no account {strange[0]}{more}; nothing was sent")
        return keys, unlisted

    def _strange(self, keys: Iterable[AccountKey]) -> list[AccountKey]:
        """Those that the list of their token does not have."""
        lists = {name: line.listed for name, line in self._lines.items()}
        return [
            key
            for key in keys
            if (listed := lists[key.credential]) is not None and key.name not in listed.keys
        ]

    def _targets(
        self,
        keys: Iterable[AccountKey],
        order: Order,
        unlisted: Mapping[str, TreadError],
        collected: _Collected,
    ) -> dict[str, list[Target]]:
        targets: dict[str, list[Target]] = {}
        for key in keys:
            account_id = self._lines[key.credential].id_of(key.name)
            if account_id is not None:
                target = Target(key, account_id, order.intent_key(account_id))
                targets.setdefault(key.credential, []).append(target)
                continue
            named = sanitised(str(key))
            conflict = NameConflictError(f"no account, or two, are listed as {named}; nothing was sent")
            collected.settle(key, NotApplied(error=unlisted.get(key.credential, conflict)))
        return targets

    async def _write(
        self,
        order: Order,
        manner: Manner,
        line: Line,
        targets: list[Target],
        intent: Intent,
        collected: _Collected,
        tally: Tally,
    ) -> None:
        """Writes to the accounts of one token, reads them back, and tells hooks of those left open."""

        def settled(target: Target, outcome: WriteOutcome) -> None:
            target.outcome = outcome
            if not manner.verify:
                collected.settle(target.key, outcome)

        writing = Writing(
            line, targets, order.request, intent, settled, batch=order.batch, deadline=manner.deadline
        )
        try:
            await writing.run()
            if manner.verify:
                await self._verify(order, manner, targets, intent, collected, tally)
        finally:
            tally.requests_sent += writing.tally.requests_sent
            for target in targets:
                if target.is_open:
                    line.calls.left_open(order.endpoint)

    async def _verify(
        self,
        order: Order,
        manner: Manner,
        targets: list[Target],
        intent: Intent,
        collected: _Collected,
        tally: Tally,
    ) -> None:
        seen = await order.read_back([target.key for target in targets], manner.deadline, tally)
        for target in targets:
            # What a newer call has set says nothing about this one.
            values = () if intent.gives_way(target.intent_key) else seen.get(target.key, ())
            lost = intent.may_arrive_late(target.intent_key)
            assert target.outcome is not None  # noqa: S101 - for mypy: it has been written to
            target.outcome = verified(target.outcome, order.wanted, values, lost=lost, shared=target.shared)
            collected.settle(target.key, target.outcome)


def _flat(targets: Mapping[str, list[Target]]) -> list[Target]:
    return [target for some in targets.values() for target in some]
