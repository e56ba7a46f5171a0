"""A program that gives a token."""

from __future__ import annotations

import asyncio
import shlex
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Final

from tread_async._config.files import UnreadableError

__all__ = ["output_of"]

_WITHIN_S: Final = 60.0  # somebody may have to type a PIN; the deadline of the call is usually earlier
_MOST_BYTES: Final = 1 << 16


async def output_of(command: str, *, within_s: float = _WITHIN_S) -> bytes:
    """What *command* writes to standard output. Its words on standard error go where ours do.

    It is killed when the time is up or the caller is cancelled.

    Raises:
        UnreadableError: it could not be started, failed, took too long or wrote too much.
    """
    try:
        process = await asyncio.create_subprocess_exec(*shlex.split(command), stdin=DEVNULL, stdout=PIPE)
    except OSError as error:
        raise UnreadableError(f"its token_command cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(within_s):
            output = await _all_of(process)
            status = await process.wait()
    except TimeoutError:
        raise UnreadableError(f"its token_command did not end within {within_s:g} s") from None
    finally:
        await _end(process)
    if status != 0:
        how = f"exited with {status}" if status > 0 else f"was ended by signal {-status}"
        raise UnreadableError(f"its token_command {how}")
    return output


async def _all_of(process: Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - for mypy: it is a pipe
    output = b""
    while more := await process.stdout.read(_MOST_BYTES):
        output += more
        if len(output) > _MOST_BYTES:
            raise UnreadableError(f"its token_command writes more than {_MOST_BYTES >> 10} KiB")
    return output


async def _end(process: Process) -> None:
    # The transport alone can close the pipe, which a child of the program may still hold open.
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()
