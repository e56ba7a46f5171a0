"""``tread simulate``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

__all__ = ["simulate"]

# Of its own, so that two terminals need no agreement, and not one of those that everybody takes.
_PORT: Final = 8732  # "TREA" on a telephone


def simulate(
    host: Annotated[str, typer.Option(help="Listen on this address. Example: --host ::1")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Listen on this port; 0 takes a free one. Example: --port 0"),
    ] = _PORT,
    accounts: Annotated[
        int, typer.Option(min=0, help="Accounts of each token. Example: --accounts 200")
    ] = 20,
    assets: Annotated[int, typer.Option(min=0, help="Rows of each account. Example: --assets 4")] = 10,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens, one user each. Example: --tokens 2")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed, the same data. Example: --seed 8")] = 7,
    latency_s: Annotated[
        float, typer.Option(min=0.0, help="Seconds added to every answer. Example: --latency-s 0.04")
    ] = 0.0,
    empty_errors: Annotated[
        bool,
        typer.Option(
            "--empty-errors",
            help='Cached balances say "errors": [] when there are none. Example: --empty-errors',
        ),
    ] = False,
    until_stdin_closes: Annotated[
        bool,
        typer.Option(
            "--until-stdin-closes",
            help="Also stop when standard input ends, with the parent. Example: --until-stdin-closes",
        ),
    ] = False,
) -> None:
    """Runs a Tread server on this machine: seeded accounts, moving balances, faults on demand.

    Prints one line of JSON when it is ready, with its URL and tokens; on a terminal it also says what
    to paste in another one. The same options give the same tokens. Nothing is sent out.

    Exit codes: 130 after Ctrl-C, 143 after SIGTERM, 0 when standard input ends, 2 usage or a port
    that is taken.

    Example: tread simulate --accounts 200 --latency-s 0.04
    """
    from tread_async.cli import simulate as module  # with it aiohttp, which --help does not need

    settings = {
        "host": host,
        "port": port,
        "accounts": accounts,
        "assets": assets,
        "tokens": tokens,
        "seed": seed,
        "latency_s": latency_s,
        "empty_errors": empty_errors,
    }
    raise typer.Exit(asyncio.run(module.run(settings, until_stdin_closes=until_stdin_closes)))
