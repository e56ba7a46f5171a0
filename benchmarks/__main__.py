"""python -m benchmarks QUESTION: answers one question by measuring."""

from __future__ import annotations

import argparse
import sys

from benchmarks import (
    balances_memory,
    decode,
    fleet,
    leverage,
    memory,
    overhead,
    simulator_speed,
    soak,
    watch,
    watch_soak,
)

QUESTIONS = {
    "balances-memory": balances_memory,
    "decode": decode,
    "fleet": fleet,
    "leverage": leverage,
    "memory": memory,
    "overhead": overhead,
    "simulator": simulator_speed,
    "soak": soak,
    "watch": watch,
    "watch-soak": watch_soak,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    lines = [f"{name}: {(module.__doc__ or '').splitlines()[0]}" for name, module in QUESTIONS.items()]
    parser.add_argument("question", choices=sorted(QUESTIONS), help="; ".join(lines))
    parser.add_argument(
        "--requests", type=int, default=soak.REQUESTS, metavar="N", help="for soak; %(default)s unless told"
    )
    asked = parser.parse_args()
    if asked.question == "soak":
        sys.exit(soak.main(asked.requests))
    QUESTIONS[asked.question].main()


main()
