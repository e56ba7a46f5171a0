"""python -m benchmarks [QUESTION ... | all]: answers questions about cost by measuring on this machine.

Without a question it lists them. ``all`` puts every question but the long proofs, and writes what it found to
benchmarks/results/: latest.json, latest.md and charts.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import questions, results
from benchmarks.showing import text
from benchmarks.soak import REQUESTS


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="QUESTION", choices=[[], "all", *questions.NAMES])
    parser.add_argument(
        "--requests", type=int, default=REQUESTS, metavar="N", help="for soak; %(default)s unless told"
    )
    asked = parser.parse_args()
    if not asked.names:
        print(questions.listed())
    elif "all" in asked.names:
        results.write([questions.answered(name) for name in questions.QUESTIONS])
    else:
        sys.exit(sum(_put(name, asked.requests) for name in asked.names))


def _put(name: str, requests: int) -> int:
    if name in questions.PROOFS:
        return questions.proven(name, requests)
    print(text(questions.answered(name)), flush=True)
    return 0


main()
