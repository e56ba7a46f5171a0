"""The simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from tread_async.simulator.server import Simulator
from tread_async.simulator.serving import ready_line, serve

EXAMPLE = """\
example:
  python -m tread_async.simulator --port 8080 --accounts 200 --latency-s 0.04
prints one line when it is ready,
  {"url": "http://127.0.0.1:8080", "tokens": ["4f1c..."], "accounts": 200, "seed": 7}
and then serves until it is interrupted. Try, with a token of that line:
  curl -H "Authorization: Token 4f1c..." http://127.0.0.1:8080/api/balances/
  curl http://127.0.0.1:8080/_simulator/summary
  curl -d '[{"endpoint": "balances", "status": 503, "times": 2}]' http://127.0.0.1:8080/_simulator/faults
"""


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tread_async.simulator",
        description="A stateful Tread server: seeded accounts, moving balances, faults on demand.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=_port, default=0, help="port to listen on; 0 takes a free one (default)")
    made.add_argument(
        "--accounts", type=int, default=20, help="accounts of each token (default: %(default)s)"
    )
    made.add_argument("--assets", type=int, default=10, help="rows of each account (default: %(default)s)")
    made.add_argument("--tokens", type=int, default=1, help="tokens, one user each (default: %(default)s)")
    made.add_argument(
        "--seed", type=int, default=7, help="the same seed, the same data (default: %(default)s)"
    )
    made.add_argument(
        "--latency-s", type=float, default=0.0, help="seconds added to every answer (default: %(default)s)"
    )
    made.add_argument(
        "--empty-errors", action="store_true", help='cached balances say "errors": [] when there are none'
    )
    made.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="also stop when standard input ends, with the parent",
    )
    return made


class UnannouncedError(Exception):
    """The ready line could not be written, so that nobody knows where it listens."""


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError as exc:
        # What is left in the buffer must not fail once more when the process ends.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise UnannouncedError(f"the ready line cannot be written: {exc.strerror}") from None


async def run(options: argparse.Namespace) -> None:
    """Print the ready line, then serve until a signal or the end of standard input."""
    simulator = Simulator(
        seed=options.seed,
        tokens=options.tokens,
        accounts=options.accounts,
        assets=options.assets,
        host=options.host,
        port=options.port,
        latency_s=options.latency_s,
        empty_errors=options.empty_errors,
    )

    def announce(sim: Simulator) -> None:
        _print(ready_line(sim, accounts=options.accounts, seed=options.seed))

    serving = asyncio.ensure_future(serve(simulator, announce, until_stdin_closes=options.until_stdin_closes))
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process; 0 after a clean stop, 1 where nobody can be told where it listens, 2 for arguments or
    an address that cannot be used.
    """
    options = parser().parse_args(arguments)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(options))
    except UnannouncedError as exc:
        print(f"simulator: {exc}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as exc:
        print(f"simulator: {exc}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
