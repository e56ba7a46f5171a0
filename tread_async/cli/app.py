"""The commands."""

from __future__ import annotations

from typing import Annotated

import typer

from tread_async._version import __version__
from tread_async.cli.commands.accounts import accounts
from tread_async.cli.commands.balances import balances
from tread_async.cli.commands.config import config
from tread_async.cli.commands.demo import demo
from tread_async.cli.commands.doctor import doctor
from tread_async.cli.commands.leverage import leverage
from tread_async.cli.commands.simulate import simulate
from tread_async.cli.commands.watch import watch

app: typer.Typer = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tread-async {__version__}")
        raise typer.Exit


@app.callback()
def tread(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Balances and leverage of many exchange accounts through Tread.fi."""


app.command()(watch)
app.command()(demo)
app.command()(simulate)
app.command()(doctor)
app.command()(balances)
app.add_typer(accounts, name="accounts")
app.add_typer(leverage, name="leverage")
app.add_typer(config, name="config")
