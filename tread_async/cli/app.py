"""The commands and their options."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from tread_async._version import __version__
from tread_async.cli.watch_choice import Choice, Sort, Source

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tread-async {__version__}")
        raise typer.Exit


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number")
    return value


@app.callback()
def tread(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Balances and leverage of many exchange accounts through Tread.fi."""


@app.command()
def demo() -> None:
    """Polls 600 simulated accounts and sets their leverage, and checks every figure. Sends nothing out.

    Example: tread demo
    """
    from tread_async.cli import demo as module  # with it aiohttp, which --help does not need

    raise typer.Exit(asyncio.run(module.run()))


@app.command()
def watch(
    interval: Annotated[
        float, typer.Option(help="Seconds from one poll to the next. Example: --interval 5")
    ] = 1.0,
    source: Annotated[
        Source,
        typer.Option(
            help="The server's cache, the exchanges, or the cache where they fail. Example: --source live"
        ),
    ] = Source.CACHED,
    max_age: Annotated[
        float | None, typer.Option(help="Balances of more seconds are stale. Example: --max-age 60")
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(help="Ask for this name or id only; may be repeated. Example: --account binance-main"),
    ] = None,
    exchange: Annotated[
        str | None, typer.Option(help="Show accounts of this exchange only. Example: --exchange OKX")
    ] = None,
    symbol: Annotated[
        str | None,
        typer.Option(help="Show and count positions of this symbol only. Example: --symbol ETH:PERP-USDT"),
    ] = None,
    min_notional: Annotated[
        Decimal | None,
        typer.Option(
            parser=_amount,
            metavar="AMOUNT",
            help="Show accounts only whose positions add up to as much. Example: --min-notional 10000",
        ),
    ] = None,
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
) -> None:
    """Shows what every account holds, how old that is and which fail, until Ctrl-C.

    The token is TREAD_API_TOKEN in the environment; TREAD_BASE_URL is another server.

    Accounts that are not ok come first. Without a terminal it is one table after the other.

    Exit codes: 0 complete, 3 partial, 4 stale, as of the last of --rounds;
    2 usage, 5 the token is refused, 6 too many requests, 1 anything else;
    130 after Ctrl-C, 143 after SIGTERM, 141 when nobody reads any more.

    Example: tread watch --sort leverage --max-age 60
    """
    from tread_async.cli import watch as module  # with it rich, which takes long

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
    )
    raise typer.Exit(asyncio.run(module.run(choice)))
