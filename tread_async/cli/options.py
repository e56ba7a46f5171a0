"""Options that several commands have, said and checked in one way."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from tread_async.cli.watch_choice import Source

__all__ = [
    "Accounts", "All", "Csv", "DryRun", "Exchange", "ExchangeOfAll", "From", "Json", "JsonLines", "MaxAge",
    "MinNotional", "Profile", "Symbol", "Tokens", "WriteTo", "Yes", "path_of",
]  # fmt: skip


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number")
    return value


def path_of(text: str) -> Path:
    """The file of that name, in the bytes in which it was typed. See `usage.carried_out`."""
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


Profile: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The profile of the configuration to use. Example: --profile staging"),
]
Tokens: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Only the accounts of the token of this name; may be repeated. Example: --token desk-a",
    ),
]
Accounts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="Ask for this name or id only; may be repeated. Example: --account binance-main"),
]
Exchange: TypeAlias = Annotated[
    str | None, typer.Option(help="Show accounts of this exchange only. Example: --exchange OKX")
]
Symbol: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Show and count positions of this symbol only. Example: --symbol ETH:PERP-USDT"),
]
MinNotional: TypeAlias = Annotated[
    Decimal | None,
    typer.Option(
        parser=_amount,
        metavar="AMOUNT",
        help="Show accounts only whose positions add up to as much. Example: --min-notional 10000",
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON document. Example: --json | jq .counts")
]
JsonLines: TypeAlias = Annotated[
    bool,
    typer.Option("--jsonl", help="A line of JSON for each. Example: --jsonl | jq -c .state"),
]
Csv: TypeAlias = Annotated[
    bool, typer.Option("--csv", help="For spreadsheets. Example: --csv > accounts.csv")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask, for scripts. Example: --yes")]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be sent, and send no write. Example: --dry-run")
]
From: TypeAlias = Annotated[
    Source,
    typer.Option(
        help="The server's cache, the exchanges, or the cache where they fail. Example: --source live"
    ),
]
MaxAge: TypeAlias = Annotated[
    float | None, typer.Option(help="Balances of more seconds are stale. Example: --max-age 60")
]
WriteTo: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="Write to this name, token/name or id; may be repeated. Example: --account desk-a/binance-main",
    ),
]
All: TypeAlias = Annotated[
    bool, typer.Option("--all", help="Write to every account of every token. Example: --all")
]
ExchangeOfAll: TypeAlias = Annotated[
    str | None, typer.Option("--exchange", help="With --all: of this exchange only. Example: --exchange OKX")
]
