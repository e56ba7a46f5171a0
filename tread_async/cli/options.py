"""Options that several commands have, said and checked in one way."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, TypeAlias

import typer

__all__ = ["Accounts", "Exchange", "MinNotional", "Profile", "Symbol", "Tokens"]


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number")
    return value


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
