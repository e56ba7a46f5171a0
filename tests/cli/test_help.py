"""The help of every command: what it costs, what is in it, and completion in three shells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import surroundings

_MOST_S = 0.25
_TRIES = 5  # a machine that others use has bad moments
_SHELLS = {
    "bash": {"COMP_WORDS": "tread leverage ", "COMP_CWORD": "2"},
    "zsh": {"_TYPER_COMPLETE_ARGS": "tread leverage "},
    "fish": {"_TYPER_COMPLETE_ARGS": "tread leverage ", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}
_MAIN = "import sys; from tread_async.cli import main"


OURS = (
    "watch", "balances",
    "accounts list", "accounts create", "accounts update", "accounts archive",
    "leverage show", "leverage set", "leverage plan", "leverage apply",
)  # fmt: skip
_WALK = """
import json, typer.main
from tread_async.cli.app import app

def walk(group, *path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from walk(command, *path, name)
        else:
            options = [one for one in command.params if one.param_type_name == "option"]
            options = [one for one in options if one.name != "help"]
            yield " ".join([*path, name]), [command.help, {one.opts[0]: one.help for one in options}]

print(json.dumps(dict(walk(typer.main.get_command(app)))))
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, with warnings as errors."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings(None))


@pytest.fixture(scope="module")
def commands() -> dict[str, tuple[str, dict[str, str]]]:
    """The help of each command, and that of each of its options."""
    walked: dict[str, tuple[str, dict[str, str]]] = json.loads(python("-c", _WALK).stdout)
    return walked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with the command ``tread``, under its own name."""
    tread = tmp_path / "tread"
    tread.write_text(f"#!{sys.executable}\n{_MAIN}; main()\n")
    tread.chmod(0o755)
    return tmp_path


def run(folder: Path, *command: str, **environment: str) -> str:
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    places = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    known = surroundings(None, PATH=path, PYTHONPATH=places, **environment)
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=known)
    return ended.stdout


@pytest.mark.parametrize("name", OURS)
def test_every_command_and_option_has_an_example(
    commands: dict[str, tuple[str, dict[str, str]]], name: str
) -> None:
    """An option is shown as it is typed, and the command with its name."""
    said, options = commands[name]

    assert f"Example: tread {name} " in said
    assert options
    for option, help_of_it in options.items():
        assert option in help_of_it.partition("Example: ")[2]


def test_help_loads_nothing_that_a_command_needs() -> None:
    """Neither aiohttp nor what knows of accounts, whichever help it is."""
    script = (
        f"{_MAIN}\n"
        f"for name in {['', *OURS]}:\n"
        "    sys.argv[1:] = [*name.split(), '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    helped = python("-c", script)

    loaded = set(helped.stderr.split())
    assert "tread_async.cli.app" in loaded
    assert not {"aiohttp", "anyio", "tenacity", "msgspec", "tread_async.manager", "pyarrow"} & loaded


def test_help_takes_no_time() -> None:
    """At most a quarter of a second of a processor, at the best of some tries."""
    took = []
    for _ in range(_TRIES):
        script = [sys.executable, "-c", f"{_MAIN}; main()", "--help"]
        helped = subprocess.Popen(script, stdout=subprocess.DEVNULL, env=surroundings(None))
        _, status, usage = os.wait4(helped.pid, 0)
        helped.returncode = os.waitstatus_to_exitcode(status)
        assert helped.returncode == 0
        took.append(usage.ru_utime + usage.ru_stime)

    assert min(took) <= _MOST_S


@pytest.mark.parametrize("shell", _SHELLS)
def test_completion(folder: Path, shell: str) -> None:
    """The script of each shell asks `tread` itself, and it answers with the commands of the group."""
    script = run(folder, "tread", _TREAD_COMPLETE=f"source_{shell}")
    answer = run(folder, "tread", _TREAD_COMPLETE=f"complete_{shell}", **_SHELLS[shell])

    assert f"_TREAD_COMPLETE=complete_{shell}" in script
    assert all(name in answer for name in ("set", "plan", "apply", "show"))


def test_completion_of_options_in_fish(folder: Path) -> None:
    """Each line is an option and its help, which fish tells apart by a tab."""
    asked = {"_TYPER_COMPLETE_ARGS": "tread leverage set --", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    answer = run(folder, "tread", _TREAD_COMPLETE="complete_fish", **asked)

    assert "--account\t" in answer
    assert all(line.startswith("--") for line in answer.splitlines())


def test_completion_in_a_bash_of_its_own(folder: Path) -> None:
    """What a user gets who types `tread bal` and the tab key."""
    script = (
        'eval "$(_TREAD_COMPLETE=source_bash tread)"\n'
        "COMP_WORDS=(tread bal) COMP_CWORD=1\n"
        '_tread_completion tread; echo "${COMPREPLY[@]}"'
    )

    assert run(folder, "bash", "-ec", script) == "balances\n"


def test_completion_is_offered(folder: Path) -> None:
    """As an option of `tread` itself."""
    assert "--install-completion" in run(folder, "tread", "--help", COLUMNS="120")


@pytest.mark.parametrize(
    ("arguments", "command", "said"),
    [
        (["balances", "--nothing"], "tread balances", "--nothing"),
        (["accounts", "list", "extra"], "tread accounts list", "extra"),
        (["nothing"], "tread", "nothing"),
        (["watch", "--rounds", "no"], "tread watch", "tread watch: --rounds"),
        (["watch", "--source", "x"], "tread watch", "tread watch: --source: 'x' is not one of "),
    ],
)
def test_wrong_arguments_are_a_sentence(arguments: list[str], command: str, said: str) -> None:
    """On stderr, with code 2, and with where to look."""
    ended = python("-c", f"{_MAIN}; main()", *arguments)

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith(f"{command}: ")
    assert ended.stderr.endswith(f"; see {command} --help\n")
    assert said in ended.stderr.casefold()


def test_without_a_command_there_is_help() -> None:
    """And no sentence about it."""
    for group in ([], ["leverage"], ["accounts"]):
        ended = python("-c", f"{_MAIN}; main()", *group)

        assert "Usage: tread" in ended.stdout
        assert ended.stderr == ""
