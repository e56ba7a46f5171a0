"""``tread accounts create`` and ``archive``: writes to one account of one token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from msgspec import structs

from tread_async._codec import arguments as check
from tread_async._exports.words import error_of
from tread_async.cli.account_secrets import AccountSecrets
from tread_async.cli.accounts import ACCOUNT_FIELDS, account_fields, is_called
from tread_async.cli.confirming import Consent, nothing_sent
from tread_async.cli.connecting import Connection
from tread_async.cli.ending import INTERRUPTED, ended, failed, reported
from tread_async.cli.forms import Form, Forms
from tread_async.cli.machine import NO_ERROR, key_fields
from tread_async.cli.settling import settled
from tread_async.cli.sheets import Sheet, shown
from tread_async.client import TreadClient
from tread_async.errors import (
    ClientClosedError,
    NameConflictError,
    NotSentError,
    OutcomeUnknownError,
    TreadError,
    UsageError,
)
from tread_async.keys import AccountKey
from tread_async.models import Account
from tread_async.reports import Applied, NotApplied

__all__ = ["NewAccount", "archive", "create"]

_COLUMNS: Final = ("credential", "account", "outcome", *NO_ERROR, *ACCOUNT_FIELDS)
_NOTHING_KNOWN: Final = dict.fromkeys(ACCOUNT_FIELDS)
_ADVICE: Final = "see 'tread accounts list' before you try again"
_CREATE: Final = "accounts create"
_ARCHIVE: Final = "accounts archive"
_NOT_DONE: Final = 1


class NewAccount(NamedTuple):
    """The account to create."""

    name: str
    exchange: str

    def check(self) -> None:
        """Raises `UsageError` for what no account can be called, nor an exchange."""
        check.account_name(self.name)
        check.required_text(self.exchange, "--exchange")

    def seen_as(self, account_id: str) -> Account:
        """What is known of it when no more than its id has been seen."""
        return Account(id=account_id, name=self.name, exchange=self.exchange)


class _About(NamedTuple):
    """The account that is written to, as far as it is known before.

    Attributes:
        form: In which it is shown.
        seen_as: The account as it is afterwards, from what reading back shows of it.
    """

    key: AccountKey
    fields: dict[str, Any]
    form: Form
    seen_as: Callable[[str], Account]


def create(
    new: NewAccount, secrets_file: str | None, consent: Consent, forms: Forms, connection: Connection
) -> int:
    """Links an exchange account, and returns the exit code. Not for a loop: it may ask for secrets."""
    try:
        new.check()
        consent.check()
        with nothing_sent():
            secrets = AccountSecrets.read(secrets_file)
    except UsageError as error:
        return failed(_CREATE, error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return asyncio.run(ended(_CREATE, _create(new, secrets, consent, forms, connection)))


async def archive(name: str, consent: Consent, forms: Forms, connection: Connection) -> int:
    """Archives the account called *name*, or with that id, and returns the exit code."""
    return await ended(_ARCHIVE, _archive(name, consent, forms, connection))


async def _create(
    new: NewAccount, secrets: AccountSecrets, consent: Consent, forms: Forms, connection: Connection
) -> int:
    form = forms.one
    credential, client = connection.client()
    fields = {**_NOTHING_KNOWN, "exchange": new.exchange}
    about = _About(AccountKey(credential, new.name), fields, form, new.seen_as)
    async with client:
        with nothing_sent():
            if any(account.name == new.name for account in await client.accounts()):
                taken = NameConflictError(f"there is an account {new.name!r} already; nothing was sent")
                return await _not_done(_CREATE, about, taken)
            where = f"At {client.base_url}, of the token {credential}"
            given = await consent.given(f"{where}: creates the account {new.name} of {new.exchange}.")
        if not given:
            return await _not_sent(about, consent)
        write = client.create_account(**new._asdict(), **secrets._asdict())
        return await _finish(_CREATE, about, client, write)


async def _archive(name: str, consent: Consent, forms: Forms, connection: Connection) -> int:
    form = forms.one
    consent.check()
    credential, client = connection.client(of=name)
    async with client:
        with nothing_sent():
            account = _named(name, await client.accounts(), credential)
            which = f"the account of id {account.id}, {account.name} of {account.exchange}"
            where = f"At {client.base_url}, of the token {credential}"
            given = await consent.given(f"{where}: archives {which}.")

        def archived(name: str) -> Account:
            return structs.replace(account, name=name, archived=True)

        about = _About(AccountKey(credential, account.name), account_fields(account), form, archived)
        if not given:
            return await _not_sent(about, consent)
        write = client.archive_account(account.name, expect_id=account.id)
        return await _finish(_ARCHIVE, about, client, write)


def _named(name: str, accounts: tuple[Account, ...], credential: str) -> Account:
    found = [one for one in accounts if is_called(name, AccountKey(credential, one.name), one)]
    if len(found) != 1:
        raise UsageError(f"{len(found) or 'no'} accounts are called {name!r}; nothing was sent")
    return found[0]


async def _finish(
    command: str, about: _About, client: TreadClient, write: Coroutine[Any, Any, Account]
) -> int:
    """Sends *write*, finds out what became of it, shows that, and returns the exit code."""
    try:
        account = await _written(about, client, write)
    except UsageError:
        raise
    except TreadError as error:
        return await _not_done(command, about, error)
    key = AccountKey(about.key.credential, account.name)
    showing = shown(_sheet(key, account_fields(account), {"outcome": "applied", **NO_ERROR}), about.form)
    return await reported(command, showing, f"applied, the id of the account is {account.id}", 0)


async def _not_sent(about: _About, consent: Consent) -> int:
    if not consent.dry_run:
        return _NOT_DONE
    if about.form is not Form.TABLE:
        outcome = {"outcome": "not_applied", **error_of(NotSentError("a dry run: nothing was sent"))}
        await shown(_sheet(about.key, about.fields, outcome, dry_run=True), about.form)
    return 0


async def _not_done(command: str, about: _About, error: TreadError) -> int:
    """Says *error*: as the outcome of the account, where that is for a machine; and returns the exit code."""
    if about.form is not Form.TABLE:
        outcome = "unknown" if isinstance(error, OutcomeUnknownError) else "not_applied"
        await shown(_sheet(about.key, about.fields, {"outcome": outcome, **error_of(error)}), about.form)
    return failed(command, error)


def _sheet(
    key: AccountKey, fields: dict[str, Any], outcome: dict[str, Any], *, dry_run: bool = False
) -> Sheet:
    return Sheet(
        records=[{**key_fields(key), **outcome, **fields}],
        columns=_COLUMNS,
        document={"dry_run": dry_run, **outcome, "accounts": {str(key): fields}},
        heads=("account", "exchange", "margin_mode", "account_id", "outcome"),
    )


async def _written(about: _About, client: TreadClient, write: Coroutine[Any, Any, Account]) -> Account:
    try:
        return await settled(write, client.close)
    except OutcomeUnknownError as error:
        return about.seen_as(await _looked_up(client, error))
    except ClientClosedError:
        raise ClientClosedError("it was interrupted; nothing was applied") from None


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
