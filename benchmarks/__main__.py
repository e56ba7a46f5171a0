"""python -m benchmarks [QUESTION ... | all]: answers questions about cost by measuring on this machine.

Without a question it lists them. ``all`` puts every question but the long proofs, which takes about nine
minutes, and writes what it found to benchmarks/results/: latest.json, latest.md and charts.

The exit status is 0 when everything was measured, whether goals were reached or not: that is in what is said.
"""

from __future__ import annotations

import argparse
import os
import sys

from benchmarks import questions, results
from benchmarks.showing import text
from benchmarks.soak import FEWEST, REQUESTS

INTERRUPTED = 128 + 2  # SIGINT
NOBODY_READS = 128 + 13  # SIGPIPE


def main() -> None:
    asked = _parser().parse_args()
    try:
        _answer(asked.names, asked.requests)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is not written at exit
        sys.exit(NOBODY_READS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=questions.listed(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="QUESTION", type=_name, help="a name from below, or all")
    parser.add_argument(
        "--requests",
        type=_requests,
        default=REQUESTS,
        metavar="N",
        help=f"for soak; {REQUESTS:,} unless told, at least {FEWEST:,}",
    )
    return parser


def _name(said: str) -> str:
    if said not in ("all", *questions.NAMES):
        raise argparse.ArgumentTypeError(
            f"no question is called {said!r}; there are all, {', '.join(questions.NAMES)}"
        )
    return said


def _requests(said: str) -> int:
    if not said.isdecimal() or int(said) < FEWEST:
        raise argparse.ArgumentTypeError(f"at least {FEWEST:,}, got {said!r}")
    return int(said)


def _answer(names: list[str], requests: int) -> None:
    if not names:
        print(questions.listed())
    elif "all" in names:
        results.announce()
        results.write([questions.answered(name) for name in questions.QUESTIONS])
    else:
        for name in names:
            _put(name, requests)


def _put(name: str, requests: int) -> None:
    if name in questions.PROOFS:
        questions.proven(name, requests)
    else:
        print(text(questions.answered(name)), end="\n\n", flush=True)


main()
