"""``tread leverage``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from tread_async.cli import options
from tread_async.cli.confirming import Consent
from tread_async.cli.forms import Forms
from tread_async.cli.watch_choice import Choice, Source

__all__ = ["leverage"]

leverage: typer.Typer = typer.Typer(no_args_is_help=True, help="Shows, plans and sets leverages.")

_PLAN_MAX_AGE_S: Final = 600.0  # time to read it


@leverage.command("set")
def set_leverage(
    leverage: Annotated[str, typer.Argument(help="A plain decimal above zero.")],
    pair: Annotated[str, typer.Option(help="Of which pair. Example: --pair ETH:PERP-USDT")],
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
    """Sets the leverage of a pair on accounts, after asking, and says of each whether it was applied.

    Positions are read back afterwards. Ctrl-C meanwhile says what is known of each account so far.

    Exit codes: 0 every account has it, 7 one or more are not known, 3 some do not have it;
    2 usage, and where none has it: 5 the token is refused, 6 too many requests, 1 anything else.

    Example: tread leverage set 5 --pair ETH:PERP-USDT --account desk-a/okx-main
    """
    import asyncio

    from tread_async.cli import fleet_writes as module
    from tread_async.cli.addressing import Addressees
    from tread_async.cli.connecting import Connection

    to, consent = Addressees(tuple(account or ()), all_, exchange), Consent(yes, dry_run)
    forms, connection = Forms(json, jsonl, csv), Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.set_leverage(leverage, pair, to, consent, forms, connection)))


@leverage.command()
def plan(
    file: Annotated[
        Path | None,
        typer.Argument(
            parser=options.path_of,
            metavar="[FILE]",
            help="JSON of the leverages wanted: {pair: {account: leverage}}.",
        ),
    ] = None,
    pair: Annotated[str | None, typer.Option(help="Without a file. Example: --pair ETH:PERP-USDT")] = None,
    leverage: Annotated[str | None, typer.Option(help="Without a file. Example: --leverage 5")] = None,
    account: options.WriteTo = None,
    all_: options.All = False,
    exchange: options.ExchangeOfAll = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=options.path_of,
            metavar="FILE",
            help="Write the plan to this file, for apply. Example: --out plan.json",
        ),
    ] = None,
    max_age: Annotated[
        float,
        typer.Option(help="Seconds for which the plan can be applied. Example: --max-age 60"),
    ] = _PLAN_MAX_AGE_S,
    profile: options.Profile = None,
    token: options.Tokens = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Reads positions, and says which leverages would have to be changed. Sets nothing.

    Exit codes: 0 it is known of every account, 3 not of all;
    2 usage, 5 the token is refused, 6 too many requests, 1 anything else.

    Example: tread leverage plan --pair ETH:PERP-USDT --leverage 5 --all --out plan.json
    """
    import asyncio

    from tread_async.cli import leverage_plans as module
    from tread_async.cli.addressing import Addressees
    from tread_async.cli.connecting import Connection

    to = Addressees(tuple(account or ()), all_, exchange)
    wanted = module.Wanted(file, pair, leverage, to)
    forms, connection = Forms(json, jsonl, csv), Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.plan(wanted, max_age, out, forms, connection)))


@leverage.command()
def apply(
    file: Annotated[
        Path, typer.Argument(parser=options.path_of, metavar="FILE", help="What plan has written.")
    ],
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    profile: options.Profile = None,
    token: options.Tokens = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Sends the changes of a plan and nothing else, after asking.

    A plan that is too old, or that was made for another server or other tokens, is refused.
    Exit codes are those of set, for what the plan changes.

    Example: tread leverage apply plan.json
    """
    import asyncio

    from tread_async.cli import leverage_plans as module
    from tread_async.cli.connecting import Connection

    consent, forms = Consent(yes, dry_run), Forms(json, jsonl, csv)
    connection = Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.apply(file, consent, forms, connection)))


@leverage.command()
def show(
    source: options.From = Source.LIVE,
    max_age: options.MaxAge = None,
    profile: options.Profile = None,
    token: options.Tokens = None,
    account: options.Accounts = None,
    exchange: options.Exchange = None,
    symbol: options.Symbol = None,
    min_notional: options.MinNotional = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Shows the leverage of every open position. One that the exchange does not say is a dash.

    Exit codes and machine forms are those of balances --rows, with positions alone.

    Example: tread leverage show --symbol ETH:PERP-USDT
    """
    import asyncio

    from tread_async.cli import balances as module
    from tread_async.cli.connecting import Connection

    choice = Choice(
        source=source,
        max_age_s=max_age,
        accounts=tuple(account or ()),
        exchange=exchange,
        symbol=symbol,
        min_notional=min_notional,
    )
    forms, connection = Forms(json, jsonl, csv), Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(module.run(choice, module.View.LEVERAGES, forms, connection)))
