"""``tread watch``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from tread_async.cli import options
from tread_async.cli.watch_choice import Choice, Sort, Source

__all__ = ["watch"]


def watch(
    interval: Annotated[
        float, typer.Option(help="Seconds from one poll to the next. Example: --interval 5")
    ] = 1.0,
    source: options.From = Source.CACHED,
    max_age: options.MaxAge = None,
    profile: options.Profile = None,
    token: options.Tokens = None,
    account: options.Accounts = None,
    exchange: options.Exchange = None,
    symbol: options.Symbol = None,
    min_notional: options.MinNotional = None,
    sort: Annotated[
        Sort,
        typer.Option(help="Highest first, for pnl the greatest loss. Example: --sort leverage"),
    ] = Sort.ACCOUNT,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many updates. Example: --rounds 1")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each update. Example: tread watch --json | jq")
    ] = False,
    changes_only: Annotated[
        bool,
        typer.Option("--changes-only", help="No update without a change. Example: --changes-only"),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST]:PORT",
            help="Serve metrics to Prometheus; without HOST to this machine alone. Example: --metrics :9464",
        ),
    ] = None,
) -> None:
    """Shows what every account holds, how old that is and which fail, until Ctrl-C.

    The tokens are those of the profile (see tread config show), or TREAD_API_TOKEN in the environment.

    Accounts that are not ok come first. Without a terminal it is one table after the other.

    Exit codes: 0 complete, 3 partial, 4 stale, as of the last of --rounds;
    2 usage, 5 the token is refused, 6 too many requests, 1 anything else;
    130 after Ctrl-C, 143 after SIGTERM, 141 when nobody reads any more.

    Example: tread watch --sort leverage --max-age 60
    """
    from tread_async.cli import watch as module  # with it rich, which takes long
    from tread_async.cli.connecting import Connection

    choice = Choice(
        interval_s=interval,
        source=source,
        max_age_s=max_age,
        accounts=tuple(account or ()),
        exchange=exchange,
        symbol=symbol,
        min_notional=min_notional,
        sort=sort,
        rounds=rounds,
        json=json,
        changes_only=changes_only,
        metrics=metrics,
    )
    raise typer.Exit(asyncio.run(module.run(choice, Connection(profile, tuple(token or ())))))
