"""What does it cost to import tread_async, against importing aiohttp?

Each import is a process of its own, and they take turns in every round. The figures are CPU, with the
kernel's share, and wall time from start to end of the process, less those of an empty process in the same
round; of the command and of what is opened they are the whole, since that is what one waits for. The bytecode
of all modules is there from a round before that does not count: where it is not kept, every import costs far
more. The files are in the memory of the machine, so nothing is said of a first start from a disk.
`import tread_async` alone loads no name: a program that has a client pays the line below it, and aiohttp in
addition when it opens one. So the imports alone are not what a program pays in the end: that is said by a
manager that is opened and closed, against a session of aiohttp. The goals are for CPU.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.answers import Figure, Found, figures, goal, share
from benchmarks.measuring import machine

ROUNDS = 31
EMPTY: Final = "an empty process"
PACKAGE: Final = "import tread_async"
CLIENT: Final = "from tread_async import TreadClient, SessionManager"
AIOHTTP: Final = "import aiohttp"
HELP: Final = "tread --help"
DESK: Final = "a SessionManager opened"
SESSION: Final = "an aiohttp.ClientSession opened"
WHOLE: Final = (EMPTY, DESK, SESSION, HELP)
OPENED: Final = "import asyncio, {package}\nasync def main():\n async with {made}: pass\nasyncio.run(main())"
SCRIPTS: Final = {
    EMPTY: "pass",
    PACKAGE: PACKAGE,
    CLIENT: CLIENT,
    AIOHTTP: AIOHTTP,
    "import httpx": "import httpx",
    "import taas_api.client": "import taas_api.client",
    DESK: OPENED.format(package="tread_async", made="tread_async.SessionManager({'desk': '0' * 40})"),
    SESSION: OPENED.format(package="aiohttp", made="aiohttp.ClientSession()"),
    HELP: "import sys; sys.argv[0] = 'tread'; from tread_async.cli import main; main()",
}
NEEDS: Final = {"import httpx": "httpx", "import taas_api.client": "taas_api", HELP: "typer"}
NOTES: Final = {
    PACKAGE: "the package; no name of it is loaded before it is used",
    CLIENT: "what a program writes; aiohttp is not imported yet",
    DESK: "opened and closed on a running loop with one credential, and no request; aiohttp is imported then",
    SESSION: "opened and closed on a running loop, and no request",
    HELP: "the command of the extra cli, which shows its help",
}
MOST_OF_AIOHTTP = 0.60
MOST_OF_HELP_MS = 250


def measure() -> Found:
    """Runs a process for each import that is installed."""
    lacking = {name: package for name, package in NEEDS.items() if importlib.util.find_spec(package) is None}
    scripts = {name: script for name, script in SCRIPTS.items() if name not in lacking}
    with tempfile.TemporaryDirectory() as bytecode:
        taken = _in_turn(scripts, bytecode)
    cpu_ms, wall_ms = (
        {name: [one[place] * 1e3 for one in rounds] for name, rounds in taken.items()} for place in (0, 1)
    )
    net_ms = _beyond_empty(cpu_ms)
    goals = [
        goal(f"CPU, {name} over {AIOHTTP}", share(net_ms, name, AIOHTTP), at_most=MOST_OF_AIOHTTP)
        for name in (PACKAGE, CLIENT)
    ]
    if HELP in cpu_ms:
        goals.append(goal(f"ms of CPU, {HELP}", cpu_ms[HELP], at_most=MOST_OF_HELP_MS))
    return Found(
        conditions=f"{machine()}; {ROUNDS} rounds of a process for each",
        figures=(*_figures("CPU", cpu_ms), *_figures("wall time", wall_ms)),
        goals=tuple(goals),
        skipped=tuple(f"{name} ({package})" for name, package in lacking.items()),
        notes=tuple(f"{name}: {does}" for name, does in NOTES.items() if name not in lacking),
    )


def _figures(what: str, taken: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Of imports what they take beyond an empty process, and of the others the whole."""
    whole = {name: taken[name] for name in WHOLE if name in taken}
    return [
        *figures(f"{what} beyond {EMPTY}", "ms", _beyond_empty(taken)),
        *figures(f"{what} of a whole process", "ms", whole),
    ]


def _beyond_empty(taken: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    return {
        name: [one - empty for one, empty in zip(rounds, taken[EMPTY], strict=True)]
        for name, rounds in taken.items()
        if name not in WHOLE
    }


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
    child = os.posix_spawn(sys.executable, command, environment, file_actions=quiet, setpgroup=0)
    try:
        _, status, used = os.wait4(child, 0)
    except BaseException:  # or it would go on writing bytecode to a folder that is removed
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    took = time.perf_counter() - began
    if status:
        raise RuntimeError(f"a process failed; what it said is above: {script}")
    return used.ru_utime + used.ru_stime, took
