"""The commands and their options."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from tread_async._version import __version__

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


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


@app.command()
def demo() -> None:
    """Polls 600 simulated accounts and sets their leverage, and checks every figure. Sends nothing out.

    Example: tread demo
    """
    from tread_async.cli import demo as module  # with it aiohttp, which --help does not need

    raise typer.Exit(asyncio.run(module.run()))
