"""``tread accounts create`` and ``archive``: writes to one account of one token."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from msgspec import structs

from tread_async.cli.account_secrets import AccountSecrets
from tread_async.cli.accounts import ACCOUNT_FIELDS, account_fields, is_called
from tread_async.cli.confirming import Consent
from tread_async.cli.connecting import Connection
from tread_async.cli.ending import INTERRUPTED, ended, failed
from tread_async.cli.forms import Form, Forms
from tread_async.cli.machine import key_fields
from tread_async.cli.settling import settled
from tread_async.cli.sheets import Sheet, shown
from tread_async.client import TreadClient
from tread_async.errors import (
    ClientClosedError,
    NameConflictError,
    OutcomeUnknownError,
    TreadError,
    UsageError,
)
from tread_async.keys import AccountKey
from tread_async.models import Account
from tread_async.reports import Applied, NotApplied

__all__ = ["NewAccount", "archive", "create"]

_COLUMNS: Final = ("credential", "account", "outcome", *ACCOUNT_FIELDS)
_ADVICE: Final = "see 'tread accounts list' before you try again"
_CREATE: Final = "accounts create"
_NOT_DONE: Final = 1


class NewAccount(NamedTuple):
    """The account to create."""

    name: str
    exchange: str

    def seen_as(self, account_id: str) -> Account:
        """What is known of it when no more than its id has been seen."""
        return Account(id=account_id, name=self.name, exchange=self.exchange)


def create(
    new: NewAccount, secrets_file: str | None, consent: Consent, forms: Forms, connection: Connection
) -> int:
    """Links an exchange account, and returns the exit code. Not for a loop: it may ask for secrets."""
    try:
        consent.check()
        secrets = AccountSecrets.read(secrets_file)
    except UsageError as error:
        return failed(_CREATE, error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return asyncio.run(ended(_CREATE, _create(new, secrets, consent, forms, connection)))


async def archive(name: str, consent: Consent, forms: Forms, connection: Connection) -> int:
    """Archives the account called *name*, or with that id, and returns the exit code."""
    return await ended("accounts archive", _archive(name, consent, forms, connection))


async def _create(
    new: NewAccount, secrets: AccountSecrets, consent: Consent, forms: Forms, connection: Connection
) -> int:
    form = forms.one
    credential, client = connection.client()
    async with client:
        if any(account.name == new.name for account in await client.accounts()):
            raise NameConflictError(f"there is an account {new.name!r} already; nothing was sent")
        where = f"At {client.base_url}, of the token {credential}"
        if not await consent.given(f"{where}: creates the account {new.name} of {new.exchange}."):
            return 0 if consent.dry_run else _NOT_DONE
        write = client.create_account(**new._asdict(), **secrets._asdict())
        await _finish(credential, client, write, form, new.seen_as)
    return 0


async def _archive(name: str, consent: Consent, forms: Forms, connection: Connection) -> int:
    form = forms.one
    consent.check()
    credential, client = connection.client()
    async with client:
        account = _named(name, await client.accounts(), credential)
        which = f"the account of id {account.id}, {account.name} of {account.exchange}"
        where = f"At {client.base_url}, of the token {credential}"
        if not await consent.given(f"{where}: archives {which}."):
            return 0 if consent.dry_run else _NOT_DONE
        write = client.archive_account(account.name, expect_id=account.id)
        await _finish(credential, client, write, form, functools.partial(_archived, account))
    return 0


def _named(name: str, accounts: tuple[Account, ...], credential: str) -> Account:
    found = [one for one in accounts if is_called(name, AccountKey(credential, one.name), one)]
    if len(found) != 1:
        raise UsageError(f"{len(found) or 'no'} accounts are called {name!r}; nothing was sent")
    return found[0]


def _archived(account: Account, name: str) -> Account:
    return structs.replace(account, name=name, archived=True)


async def _finish(
    credential: str,
    client: TreadClient,
    write: Coroutine[Any, Any, Account],
    form: Form,
    seen_as: Callable[[str], Account],
) -> None:
    """Sends *write*, finds out what became of it, and shows the account."""
    try:
        account = await settled(write, client.close)
    except OutcomeUnknownError as error:
        account = seen_as(await _looked_up(client, error))
    except ClientClosedError:
        raise ClientClosedError("it was interrupted; nothing was applied") from None
    key, fields = AccountKey(credential, account.name), account_fields(account)
    record = {**key_fields(key), "outcome": "applied", **fields}
    document = {"outcome": "applied", "accounts": {str(key): fields}}
    heads = ("account", "exchange", "margin_mode", "account_id", "outcome")
    await shown(Sheet(records=[record], columns=_COLUMNS, document=document, heads=heads), form)


async def _looked_up(client: TreadClient, error: OutcomeUnknownError) -> str:
    """What shows that a write was applied of which nothing was known at first.

    That is enough: to ask for more could fail, and so hide that it was applied.
    """
    if isinstance(error, ClientClosedError):
        raise _advised(error)
    outcome = await settled(error.resolve(), client.close)
    if isinstance(outcome, Applied):
        return str(outcome.seen)
    raise outcome.error if isinstance(outcome, NotApplied) else _advised(outcome.error)


def _advised(error: TreadError) -> TreadError:
    error.message = f"it is not known whether it was applied, {_ADVICE}: {error.message}"
    return error.with_traceback(None)
