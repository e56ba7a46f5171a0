"""What a test must not leave behind: tasks, descriptors, and errors that nobody looked at."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

_TICKS: Final = 5  # closing a transport takes one or two
_PATIENCE_S: Final = 0.25  # for the peer's half of a closing connection
_NOT_OURS: Final = ("anon_inode:", "/proc/", "/dev/")  # the loop's own, and of this look


class LeakError(AssertionError):
    """Something outlived the block."""


def open_descriptors() -> dict[int, str]:
    """Every socket, pipe and file this process holds, by number."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{name}")
            if not target.startswith(_NOT_OURS) and not _is_local(int(name), target):
                found[int(name)] = target
    return found


def _is_local(number: int, target: str) -> bool:
    """Is it a socket of this machine alone? Loops wake themselves through such pairs."""
    if not target.startswith("socket:"):
        return False
    with socket.socket(fileno=os.dup(number)) as copy:
        return copy.family == socket.AF_UNIX


@contextlib.asynccontextmanager
async def no_leaks() -> AsyncIterator[None]:
    """Raises `LeakError` at the end for whatever the block leaves behind."""
    loop = asyncio.get_running_loop()
    unseen: list[str] = []
    previous = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: unseen.append(_said(context)))
    tasks, descriptors = asyncio.all_tasks(), open_descriptors().items()
    try:
        yield
        problems = await _left_over(tasks, set(descriptors))
    finally:
        loop.set_exception_handler(previous)
    problems += [f"nobody retrieved: {text}" for text in unseen]
    if problems:
        raise LeakError("; ".join(problems))


async def _left_over(tasks: set[asyncio.Task[Any]], descriptors: set[tuple[int, str]]) -> list[str]:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _PATIENCE_S
    for tick in range(10_000):
        await asyncio.sleep(0 if tick < _TICKS else 0.005)
        leaked = asyncio.all_tasks() - tasks - {asyncio.current_task()}
        opened = set(open_descriptors().items()) - descriptors
        if not (leaked or opened) or loop.time() > give_up:
            break
    gc.collect()  # an error nobody retrieved is reported when its task or future goes
    gc.freeze()  # what is left need not be looked at after the next test again: it takes 0.1 s
    for task in leaked:
        task.cancel()
    await asyncio.gather(*leaked, return_exceptions=True)
    return [f"task still running: {task!r}" for task in leaked] + [
        f"descriptor {number} still open: {target}" for number, target in sorted(opened)
    ]


def _said(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
