"""Creating and archiving accounts: looked up, sent once, looked up again.

Create answers without an id, archive goes by name and renames, and both acknowledge with a text
that means nothing. So the account is always found by listing.
"""

from __future__ import annotations

from collections.abc import Iterable

from tread_async._calls import Calls
from tread_async._codec import requests
from tread_async.errors import NameConflictError, OutcomeUnknownError, TreadError
from tread_async.models import Account

__all__ = ["archive", "create"]


async def create(
    calls: Calls, request: requests.Request[None], name: str, exchange: str, deadline: float
) -> Account:
    """Sends *request* and returns the account of that *name* as it is listed afterwards."""
    await calls.run(request, deadline)
    for account in await _listed_after(calls, request, deadline, include_archived=False):
        if account.name == name and not account.archived:
            if account.exchange.casefold() != exchange.casefold():
                raise _unknown(request, f"acknowledged, but {name!r} is listed on {account.exchange!r}")
            return account
    raise _unknown(request, "acknowledged, but the account is not listed")


async def archive(
    calls: Calls, request: requests.Request[None], name: str, expect_id: str | None, deadline: float
) -> Account:
    """Finds who holds *name*, sends *request*, and returns that account as it is listed afterwards."""
    listed = await calls.run(requests.accounts(include_archived=False), deadline)
    account_id = _holder(listed, name, expect_id)
    await calls.run(request, deadline)
    for account in await _listed_after(calls, request, deadline, include_archived=True):
        if account.id == account_id and account.archived:
            return account
    raise _unknown(request, "acknowledged, but the account is not listed as archived")


def _holder(accounts: Iterable[Account], name: str, expect_id: str | None) -> str:
    held = [account.id for account in accounts if account.name == name and not account.archived]
    if len(held) != 1:
        raise NameConflictError(f"{len(held) or 'no'} accounts hold the name {name!r}; nothing was sent")
    if expect_id is not None and held[0] != expect_id:
        raise NameConflictError(f"the name {name!r} is held by {held[0]}, not {expect_id}; nothing was sent")
    return held[0]


async def _listed_after(
    calls: Calls, write: requests.Request[None], deadline: float, *, include_archived: bool
) -> tuple[Account, ...]:
    """The accounts after an acknowledged *write*. A failure here must not look like one of the write."""
    try:
        listed: tuple[Account, ...]
        listed = await calls.run(requests.accounts(include_archived=include_archived), deadline)
    except TreadError as error:
        cause = error
    else:
        return listed
    raise _unknown(write, "acknowledged, but the accounts could not be listed after it", cause)


def _unknown(
    write: requests.Request[None], message: str, cause: TreadError | None = None
) -> OutcomeUnknownError:
    failure = OutcomeUnknownError(message)
    failure.endpoint, failure.cause = write.endpoint.label, cause
    return failure
