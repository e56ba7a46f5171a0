"""What is wrong with the arguments is one sentence, as everything else that goes wrong is."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Final

import typer

from tread_async.cli.masking import masked
from tread_async.cli.streams import OutputError, tell, unwritten

__all__ = ["carried_out"]

_Wrong: Final[Any] = (
    typer.BadParameter.__base__
)  # typer brings a click of its own, or uses the one that is there
_NAME: Final = "tread"
_COMPLETING: Final = "_TREAD_COMPLETE"
_ON_ONE_LINE: Final = "10000"
_USAGE: Final = 2
_IN_OPTION: Final = r"Invalid value for '(\S+)': "
_PLAINLY: Final = tuple(
    (re.compile(said), plainly)
    for said, plainly in (
        ("Value error, ", ""),
        (_IN_OPTION + "Input should be greater than or equal to ", r"\1 is at least "),
        (_IN_OPTION + "Input should be less than or equal to ", r"\1 is at most "),
        (_IN_OPTION + "Input should be a valid integer.*", r"\1 is a whole number"),
        (_IN_OPTION + "Input should be a valid number.*", r"\1 is a number"),
        (_IN_OPTION, r"\1: "),
        (r"^No such option:? '?(-\.?\d[^\s']*).*", r"\1 is not above zero"),
    )
)
"""How what typer says of an argument reads in plain words."""
_INTERRUPTED: Final = 130


def carried_out(app: typer.Typer) -> int:
    """Runs the command that the arguments name, and returns its exit code.

    Arguments are UTF-8, whatever the locale says.
    """
    if _COMPLETING in os.environ:
        os.environ["COLUMNS"] = _ON_ONE_LINE  # fish takes each line for something to choose
    sys.argv[1:] = [_in_utf_8(argument) for argument in sys.argv[1:]]
    try:
        return app(prog_name=_NAME, standalone_mode=False) or 0
    except typer.Abort:
        return _INTERRUPTED
    except OutputError as error:
        return unwritten("", error)
    except _Wrong as error:
        if message := " ".join(error.format_message().split()):  # none where all is in the help just shown
            command = _named(app) if error.ctx is None else error.ctx.command_path
            tell(f"{command}: {masked(_plain(message.rstrip('.')))}; see {command} --help")
        return _USAGE


def _in_utf_8(argument: str) -> str:
    """What is not stays as it is, and is refused where it is no file; `options.path_of` has those."""
    return os.fsencode(argument).decode("utf-8", "surrogateescape")


def _named(app: typer.Typer) -> str:
    """The command that the arguments begin with, which the parser of options does not know."""
    command: Any = typer.main.get_command(app)
    names = [_NAME]
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        names.append(word)
    return " ".join(names)


def _plain(message: str) -> str:
    for said, plainly in _PLAINLY:
        message = said.sub(plainly, message)
    return message
