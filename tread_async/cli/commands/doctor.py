"""``tread doctor``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from tread_async.cli import options

__all__ = ["doctor"]


def doctor(
    profile: options.Profile = None,
    token: options.Tokens = None,
    deadline: Annotated[
        float, typer.Option(min=1.0, max=3600.0, help="Stop after so many seconds. Example: --deadline 20")
    ] = 60.0,
    json: Annotated[
        bool,
        typer.Option("--json", help="One document of JSON at the end. Example: tread doctor --json | jq"),
    ] = False,
) -> None:
    """Checks what stands between this machine and its balances, and says what to do about it.

    The host's name, TCP, TLS, a first read with each token, how old cached balances are, the clock, fields
    that are new or missing, latency over 20 reads, and whether connections are kept. It only reads.

    Exit codes: 0 nothing failed, 5 a token is refused, 6 too many requests, 2 usage, or
    a token that cannot be had, 1 anything else failed; 130 after Ctrl-C, 143 after SIGTERM, 141 when nobody
    reads any more.

    Example: tread doctor --token desk-a
    """
    from tread_async.cli.connecting import Connection
    from tread_async.cli.doctor.running import run  # with it aiohttp and rich, which --help does not need

    connection = Connection(profile, tuple(token or ()))
    raise typer.Exit(asyncio.run(run(connection, deadline_s=deadline, json=json)))
