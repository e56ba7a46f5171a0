"""``tread balances``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tread_async.cli import options
from tread_async.cli.forms import Forms
from tread_async.cli.watch_choice import Choice, Source

__all__ = ["balances"]


def balances(
    source: options.From = Source.CACHED,
    max_age: options.MaxAge = None,
    profile: options.Profile = None,
    token: options.Tokens = None,
    account: options.Accounts = None,
    exchange: options.Exchange = None,
    symbol: options.Symbol = None,
    min_notional: options.MinNotional = None,
    rows: Annotated[
        bool,
        typer.Option("--rows", help="Every position and asset of each. Example: --rows"),
    ] = False,
    parquet: Annotated[
        Path | None,
        typer.Option(
            parser=options.path_of,
            metavar="FILE",
            help="Write all rows to this file, and no table. Example: --parquet rows.parquet",
        ),
    ] = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    csv: options.Csv = False,
) -> None:
    """Shows once what every account holds, how old that is and which fail.

    The options --exchange, --symbol and --min-notional leave out only accounts that are known not to fit:
    one that could not be read is shown. Totals are ? where a part of them is not known.

    Exit codes, for the accounts that may fit: 0 complete, 3 partial, 4 stale;
    2 usage, 5 the token is refused, 6 too many requests, 1 anything else.

    Example: tread balances --exchange OKX --max-age 60
    """
    import asyncio

    from tread_async.cli import balances as module  # with it aiohttp, which --help does not need
    from tread_async.cli.connecting import Connection

    choice = Choice(
        source=source,
        max_age_s=max_age,
        accounts=tuple(account or ()),
        exchange=exchange,
        symbol=symbol,
        min_notional=min_notional,
    )
    view = module.View.ROWS if rows else module.View.ACCOUNTS
    connection = Connection(profile, tuple(token or ()))
    forms = Forms(json, jsonl, csv)
    raise typer.Exit(asyncio.run(module.run(choice, view, forms, connection, parquet=parquet)))
