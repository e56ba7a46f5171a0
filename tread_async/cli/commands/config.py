"""``tread config``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from tread_async.cli import options

__all__ = ["config"]

config = typer.Typer(
    no_args_is_help=True,
    help="Shows what is configured and where it comes from. Exit codes: 0, and 2 where it cannot work.",
)


@config.command()
def show(
    profile: options.Profile = None,
    json: Annotated[
        bool, typer.Option("--json", help="As JSON. Example: tread config show --json | jq .settings")
    ] = False,
) -> None:
    """Shows each setting, its value and where that comes from. No token is asked for or shown.

    Example: tread config show --profile staging
    """
    from tread_async.cli import config as module

    raise typer.Exit(asyncio.run(module.show(profile, as_json=json)))


@config.command()
def path() -> None:
    """Shows where the file is, or would be: TREAD_CONFIG, or the platform's folder for configuration.

    Example: tread config path
    """
    from tread_async.cli import config as module

    raise typer.Exit(asyncio.run(module.path()))


@config.command()
def init() -> None:
    """Writes an example file with the mode 0600, if there is none yet.

    Example: tread config init
    """
    from tread_async.cli import config as module

    raise typer.Exit(module.init())
