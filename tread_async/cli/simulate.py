"""``tread simulate``: the simulator as a command, for whoever has two terminals."""

from __future__ import annotations

import errno
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tread_async.cli.ending import until_signal
from tread_async.cli.streams import OutputError, say, tell

if TYPE_CHECKING:
    from tread_async.simulator import Simulator

__all__ = ["run"]

_COMMAND: Final = "simulate"


async def run(settings: Mapping[str, Any], *, until_stdin_closes: bool) -> int:
    """Serves, and returns the exit code: 2 where it cannot, else as `until_signal`; 0 after the parent, and
    1 or that of SIGPIPE where the line with its URL could not be written.

    *settings* are the arguments of `Simulator`.
    """
    from tread_async.simulator import Simulator  # nothing else of the package loads it
    from tread_async.simulator.serving import ready_line, serve

    def announce(sim: Simulator) -> None:
        line = ready_line(sim, accounts=settings["accounts"], seed=settings["seed"])
        print(line, flush=True)  # noqa: T201
        if sys.stderr.isatty():
            tell(_how_to_use(sim.url, sim.tokens))

    async def work() -> int:
        await serve(Simulator(**settings), announce, until_stdin_closes=until_stdin_closes)
        return 0

    try:
        return await until_signal(work())
    except OutputError as error:
        say(_COMMAND, f"the line that says where it listens cannot be written: {error.why}")
        return error.code
    except ValueError as error:
        say(_COMMAND, str(error))
    except OSError as error:
        say(_COMMAND, _in_words(error, **settings))
    return 2


def _how_to_use(url: str, tokens: tuple[str, ...]) -> str:
    """What to paste in another terminal; each of several tokens is a user with accounts of its own."""
    pastes = [f"  export TREAD_BASE_URL={shlex.quote(url)} TREAD_API_TOKEN={token}" for token in tokens]
    which = "this" if len(tokens) == 1 else "one of these"
    return "\n".join((f"In another terminal, paste {which}:", *pastes, "Ctrl-C ends it."))


def _in_words(error: OSError, *, host: str, port: int, **_: Any) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken; give another with --port, or 0 for a free one"
    return f"cannot listen on port {port} of {host}; give another with --host and --port"
