"""``tread leverage set`` and ``tread accounts update``: one value for many accounts."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import structs

from tread_async._exports.json_text import errors_of
from tread_async.cli.addressing import Addressees
from tread_async.cli.confirming import Consent, nothing_sent
from tread_async.cli.connecting import Connection
from tread_async.cli.ending import ended, reported
from tread_async.cli.forms import Forms
from tread_async.cli.machine import reason_of
from tread_async.cli.progress import progress
from tread_async.cli.reporting import Report, code_of_reports, counts_of, document_of, remarks, sheet_of
from tread_async.cli.settling import settled
from tread_async.cli.sheets import shown
from tread_async.cli.streams import say, tell
from tread_async.errors import ClientClosedError
from tread_async.keys import AccountKey
from tread_async.manager import SessionManager
from tread_async.reports import LeverageReport, MarginModeReport

__all__ = ["by_token", "left_out", "report_of", "set_leverage", "update"]

_SET: Final = "leverage set"
_UPDATE: Final = "accounts update"
_NOT_DONE: Final = 1
_MOST_NAMED: Final = 4

T = TypeVar("T")


class _Order(NamedTuple):
    """What is to be written.

    Attributes:
        intent: What is done, in a sentence that goes on with the accounts.
        kind: Of its report.
        send: A coroutine function of a manager.
    """

    intent: str
    kind: type[LeverageReport] | type[MarginModeReport]
    send: Callable[..., Coroutine[Any, Any, Report]]


async def set_leverage(
    leverage: str, pair: str, to: Addressees, consent: Consent, forms: Forms, connection: Connection
) -> int:
    """Sets the leverage of *pair*, and returns the exit code."""

    def order(desk: SessionManager) -> _Order:
        send = functools.partial(desk.set_leverage, leverage, pair=pair)
        return _Order(f"sets the leverage of {pair} to {leverage}", LeverageReport, send)

    return await ended(_SET, _carry_out(_SET, order, to, consent, forms, connection))


async def update(
    margin_mode: str, to: Addressees, consent: Consent, forms: Forms, connection: Connection
) -> int:
    """Sets the margin mode of accounts, and returns the exit code."""

    def order(desk: SessionManager) -> _Order:
        send = functools.partial(desk.update_margin_mode, margin_mode)
        return _Order(f"sets the margin mode to {margin_mode}", MarginModeReport, send)

    return await ended(_UPDATE, _carry_out(_UPDATE, order, to, consent, forms, connection))


async def _carry_out(
    command: str,
    order_of: Callable[[SessionManager], _Order],
    to: Addressees,
    consent: Consent,
    forms: Forms,
    connection: Connection,
) -> int:
    form = forms.one
    to.check()
    consent.check()
    async with connection.desk() as desk:
        order = order_of(desk)
        with nothing_sent():
            accounts, unlisted = await to.found(desk)
            # As a dry run first: it finds the accounts, and refuses what cannot be sent.
            report = await order.send(accounts=accounts, dry_run=True)
            intent = f"At {desk.base_url}: {order.intent} on {by_token(report.outcomes)}."
            given = await consent.given(intent, left_out(errors_of(unlisted)))
        if given:
            report = await _sent(desk, order, list(report.outcomes))
        elif not consent.dry_run:
            return _NOT_DONE
    report = structs.replace(report, unlisted=unlisted)
    came_to = "nothing was sent" if consent.dry_run else counts_of([report])
    showing = shown(sheet_of([report], document_of(report)), form)
    code = await reported(command, showing, came_to, code_of_reports([report]))
    for remark in remarks([report]):
        say(command, remark)
    return code


async def _sent(desk: SessionManager, order: _Order, keys: Sequence[AccountKey]) -> Report:
    with progress(len(keys)) as tell:
        try:
            return await settled(order.send(accounts=keys, on_progress=tell), desk.close)
        except ClientClosedError as error:
            return report_of(error, order.kind)


def report_of(error: ClientClosedError, kind: type[T]) -> T:
    """What a write that was interrupted has settled until then."""
    if not isinstance(error.report, kind):
        raise error
    tell("Interrupted; this is what is known of each account.")
    return error.report


def by_token(keys: Iterable[AccountKey]) -> str:
    """``3 accounts (2 of desk-a, 1 of desk-b)``, or ``9 accounts (of 9 tokens)`` where they are many."""
    counts = Counter(key.credential for key in keys)
    accounts = "1 account" if counts.total() == 1 else f"{counts.total()} accounts"
    if len(counts) > _MOST_NAMED:
        return f"{accounts} (of {len(counts)} tokens)"
    return f"{accounts} ({', '.join(f'{count} of {name}' for name, count in counts.items())})"


def left_out(unlisted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """``desk-b could not be listed: HTTP 401: ...; its accounts are left out.``, of what `errors_of` has."""
    return [
        f"{name} could not be listed: {reason_of(error)}; its accounts are left out."
        for name, error in unlisted.items()
    ]
