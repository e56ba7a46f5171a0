"""The questions: those that are answered in a minute or so, and the long proofs."""

from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import Final

from benchmarks import (
    accounts,
    calls,
    decode,
    growth,
    hedging,
    imports,
    leverage,
    memory,
    outage,
    refresh,
    simulator_speed,
    soak,
    watch,
    watch_soak,
)
from benchmarks.answers import Answer

__all__ = ["NAMES", "PROOFS", "QUESTIONS", "answered", "listed", "proven"]

QUESTIONS: Final[dict[str, ModuleType]] = {
    "calls": calls,
    "decode": decode,
    "accounts": accounts,
    "refresh": refresh,
    "growth": growth,
    "imports": imports,
    "outage": outage,
    "hedging": hedging,
    "leverage": leverage,
    "memory": memory,
    "watch": watch,
}
PROOFS: Final[dict[str, ModuleType]] = {
    "simulator": simulator_speed,
    "soak": soak,
    "watch-soak": watch_soak,
}
NAMES: Final = [*QUESTIONS, *PROOFS]


def answered(name: str) -> Answer:
    """Measures, and says so on standard error."""
    print(f"{name}: measuring ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    module = QUESTIONS[name]
    question, _, meaning = (module.__doc__ or "").partition("\n")
    found = module.measure()
    print(f"{name}: measured in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return Answer(name=name, question=question, meaning=meaning.strip(), found=found)


def proven(name: str, requests: int) -> None:
    """Runs a long proof, which prints what it finds."""
    module = PROOFS[name]
    module.main(requests) if module is soak else module.main()


def listed() -> str:
    """Every question with its name."""
    lines = []
    for title, modules in (("all of these: all", QUESTIONS), ("long proofs", PROOFS)):
        lines.append(f"{title}")
        lines += [f"  {name:14} {(module.__doc__ or '').splitlines()[0]}" for name, module in modules.items()]
    return "\n".join(lines)
