"""python -m benchmarks QUESTION: answers one question by measuring."""

from __future__ import annotations

import argparse

from benchmarks import decode, fleet, leverage, memory, overhead, simulator_speed

QUESTIONS = {
    "decode": decode,
    "fleet": fleet,
    "leverage": leverage,
    "memory": memory,
    "overhead": overhead,
    "simulator": simulator_speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    lines = [f"{name}: {(module.__doc__ or '').splitlines()[0]}" for name, module in QUESTIONS.items()]
    parser.add_argument("question", choices=sorted(QUESTIONS), help="; ".join(lines))
    QUESTIONS[parser.parse_args().question].main()


main()
