"""``tread accounts``."""

from __future__ import annotations

from typing import Annotated

import typer

from tread_async.cli import options
from tread_async.cli.confirming import Consent
from tread_async.cli.forms import Forms

__all__ = ["accounts"]

accounts: typer.Typer = typer.Typer(
    no_args_is_help=True, help="Lists, creates, updates and archives accounts."
)


@accounts.command("list")
def list_accounts(
    profile: options.Profile = None,
    token: options.Tokens = None,
    account: options.Accounts = None,
    exchange: options.Exchange = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Lists the accounts of every token that are not archived. Nothing of their keys is shown.

    Exit codes: 0 complete, 3 a token could not be listed; 5 it was refused, 6 too many requests, 1 it failed.

    Example: tread accounts list --exchange OKX
    """
    import asyncio

    from tread_async.cli import accounts as module
    from tread_async.cli.connecting import Connection

    which = module.Which(tuple(account or ()), exchange)
    connection = Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.run(which, Forms(json, jsonl, csv), connection)))


@accounts.command()
def create(
    name: Annotated[str, typer.Argument(help="Unique among the accounts of the token.")],
    exchange: Annotated[str, typer.Option(help="Where the account is. Example: --exchange OKX")],
    secrets_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="JSON with api_key, api_secret and password, readable by you alone; - is stdin. "
            "Example: --secrets-file okx.json",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    profile: options.Profile = None,
    token: options.Tokens = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Links an exchange account, after asking. It is sent once.

    The key, secret and password are never arguments. They come from --secrets-file, or from
    TREAD_ACCOUNT_API_KEY, TREAD_ACCOUNT_API_SECRET and TREAD_ACCOUNT_PASSWORD in the environment, or are
    asked for without echo.

    Exit codes: 0 created, 7 it is not known, 1 it was not; 2 usage, 5 the token is refused.

    Example: tread accounts create okx-main --exchange OKX --secrets-file okx.json
    """
    from tread_async.cli import account_writes as module
    from tread_async.cli.connecting import Connection

    new, consent = module.NewAccount(name, exchange), Consent(yes, dry_run)
    forms, connection = Forms(json, jsonl, csv), Connection(profile, tuple(token or ()))
    secrets = None if secrets_file is None else str(options.path_of(secrets_file))
    raise typer.Exit(module.create(new, secrets, consent, forms, connection))


@accounts.command()
def update(
    margin_mode: Annotated[str, typer.Option(help="ISOLATED, CROSS or CASH. Example: --margin-mode CROSS")],
    account: options.WriteTo = None,
    all_: options.All = False,
    exchange: options.ExchangeOfAll = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    profile: options.Profile = None,
    token: options.Tokens = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Sets the margin mode of accounts, after asking, and says of each whether it was applied.

    Exit codes: 0 every account has it, 7 one or more are not known, 3 some do not have it;
    2 usage, and where none has it: 5 the token is refused, 6 too many requests, 1 anything else.

    Example: tread accounts update --margin-mode CROSS --account desk-a/okx-main
    """
    import asyncio

    from tread_async.cli import fleet_writes as module
    from tread_async.cli.addressing import Addressees
    from tread_async.cli.connecting import Connection

    to, consent = Addressees(tuple(account or ()), all_, exchange), Consent(yes, dry_run)
    forms, connection = Forms(json, jsonl, csv), Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.update(margin_mode, to, consent, forms, connection)))


@accounts.command()
def archive(
    name: Annotated[str, typer.Argument(help="The name or id of the account.")],
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    profile: options.Profile = None,
    token: options.Tokens = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Archives an account, after asking. The server renames it. It is sent once.

    Exit codes: 0 archived, 7 it is not known, 1 it was not; 2 usage, 5 the token is refused.

    Example: tread accounts archive okx-old --token desk-a
    """
    import asyncio

    from tread_async.cli import account_writes as module
    from tread_async.cli.connecting import Connection

    consent, forms = Consent(yes, dry_run), Forms(json, jsonl, csv)
    connection = Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.archive(name, consent, forms, connection)))
