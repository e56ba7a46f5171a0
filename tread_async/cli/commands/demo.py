"""``tread demo``."""

from __future__ import annotations

import asyncio

import typer

__all__ = ["demo"]


def demo() -> None:
    """Polls 600 simulated accounts and sets their leverage, and checks every figure. Sends nothing out.

    Example: tread demo
    """
    from tread_async.cli import demo as module  # with it aiohttp, which --help does not need
    from tread_async.cli.ending import ended

    raise typer.Exit(asyncio.run(ended("demo", module.run())))
