"""A simulator that serves until it is cancelled, or until its parent is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Callable

from tread_async.simulator.server import Simulator


async def serve(
    simulator: Simulator, announce: Callable[[Simulator], None], *, until_stdin_closes: bool
) -> None:
    """Opens *simulator*, tells *announce* that it is ready, and serves.

    Ends with *until_stdin_closes* when standard input does, else only when it is cancelled.

    Raises:
        OSError: the address cannot be used.
    """
    loop, parent_gone = asyncio.get_running_loop(), asyncio.Event()
    async with simulator:
        announce(simulator)
        if until_stdin_closes:
            threading.Thread(target=_watch_stdin, args=(loop, parent_gone), daemon=True).start()
        await parent_gone.wait()


def ready_line(simulator: Simulator, *, accounts: int, seed: int) -> str:
    """The one line of JSON that says where it listens and which tokens it knows."""
    return json.dumps({"url": simulator.url, "tokens": simulator.tokens, "accounts": accounts, "seed": seed})


def _watch_stdin(loop: asyncio.AbstractEventLoop, gone: asyncio.Event) -> None:
    # os.read and not sys.stdin: a thread blocked inside sys.stdin makes the interpreter abort on exit.
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed when a signal came first
        loop.call_soon_threadsafe(gone.set)
