"""What does it cost to import tread_async, against importing aiohttp?

Each import is a process of its own, and they take turns in every round. The figures are CPU, with the
kernel's share, and wall time from start to end of the process, less those of an empty process in the same
round; of the command they are the whole, since that is what its user waits for. The bytecode of all modules
is there from a round before that does not count: where it is not kept, every import costs far more. The files
are in the memory of the machine, so nothing is said of a first start from a disk. `import tread_async` alone
loads no name: a program that has a client pays the line below it, and aiohttp in addition when it opens one.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Final

from benchmarks.answers import Found, figure, figures, goal, share
from benchmarks.measuring import machine

ROUNDS = 31
EMPTY: Final = "an empty process"
PACKAGE: Final = "import tread_async"
CLIENT: Final = "from tread_async import TreadClient, SessionManager"
AIOHTTP: Final = "import aiohttp"
HELP: Final = "tread --help"
SCRIPTS: Final = {
    EMPTY: "pass",
    PACKAGE: PACKAGE,
    CLIENT: CLIENT,
    AIOHTTP: AIOHTTP,
    "import httpx": "import httpx",
    "import taas_api.client": "import taas_api.client",
    HELP: "import sys; sys.argv[0] = 'tread'; from tread_async.cli import main; main()",
}
NEEDS: Final = {"import httpx": "httpx", "import taas_api.client": "taas_api", HELP: "typer"}
MOST_OF_AIOHTTP = 0.60
MOST_OF_HELP_MS = 250


def measure() -> Found:
    """Runs a process for each import that is installed."""
    lacking = {name: package for name, package in NEEDS.items() if importlib.util.find_spec(package) is None}
    scripts = {name: script for name, script in SCRIPTS.items() if name not in lacking}
    with tempfile.TemporaryDirectory() as bytecode:
        taken = _in_turn(scripts, bytecode)
    found, goals = [], []
    for place, what in enumerate(("CPU", "wall time")):
        whole_ms = {name: [one[place] * 1e3 for one in rounds] for name, rounds in taken.items()}
        net_ms = {name: _less(whole_ms, name, EMPTY) for name in whole_ms if name not in (EMPTY, HELP)}
        found += figures(f"{what} beyond {EMPTY}", "ms", net_ms)
        found += [figure(what, name, "ms", whole_ms[name]) for name in (EMPTY, HELP) if name in whole_ms]
        goals += [
            goal(f"{what}, {name} over {AIOHTTP}", share(net_ms, name, AIOHTTP), at_most=MOST_OF_AIOHTTP)
            for name in (PACKAGE, CLIENT)
        ]
        if HELP in whole_ms:
            goals.append(goal(f"{what} of {HELP}, ms", whole_ms[HELP], at_most=MOST_OF_HELP_MS))
    return Found(
        conditions=f"{machine()}; {ROUNDS} rounds of a process for each",
        figures=tuple(found),
        goals=tuple(goals),
        skipped=tuple(f"{name} ({package})" for name, package in lacking.items()),
    )


def _in_turn(scripts: Mapping[str, str], bytecode: str) -> dict[str, list[tuple[float, float]]]:
    """Seconds of CPU and of wall time of every process, after one round that does not count."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in scripts}
    for number in range(ROUNDS + 1):
        for name, script in scripts.items():
            took = _process(script, environment)
            if number:
                taken[name].append(took)
    return taken


def _process(script: str, environment: Mapping[str, str]) -> tuple[float, float]:
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    command = [sys.executable, "-c", script, "--help"]
    began = time.perf_counter()
    child = os.posix_spawn(sys.executable, command, environment, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    took = time.perf_counter() - began
    if status:
        raise RuntimeError(f"a process failed; what it said is above: {script}")
    return used.ru_utime + used.ru_stime, took


def _less(taken: Mapping[str, list[float]], name: str, base: str) -> list[float]:
    return [one - other for one, other in zip(taken[name], taken[base], strict=True)]
