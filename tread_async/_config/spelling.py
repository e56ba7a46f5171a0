"""How the source of a token is written in a configuration file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from tread_async._codec import arguments as check
from tread_async._config.sources import Command, File, Keyring, Source, Stdin, Variable
from tread_async.errors import UsageError

__all__ = ["SOURCES", "source"]

SOURCES: Final[Mapping[str, Callable[[str, str], Source]]] = {
    Variable.key: Variable,
    File.key: File,
    Command.key: Command,
    Keyring.key: Keyring,
    Stdin.key: Stdin,
}
# Each is so narrow that a token which somebody put in its place does not fit, and is not shown.
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_PATH: Final = re.compile(r"~?/.+", re.DOTALL)
_KEYRING: Final = re.compile(r".+/[^/]+", re.DOTALL)


def source(key: str, given: object, whose: str) -> Source:
    """The source that ``key = given`` means. Raises `UsageError`, which does not repeat *given*."""
    if key == Stdin.key:
        if given is not True:
            raise UsageError(f"{key} is true, or left out")
        return Stdin("", whose)
    text = check.required_text(given, key)
    if key == Variable.key and not _VARIABLE.fullmatch(text):
        raise UsageError(f"{key} is the name of a variable in capital letters, such as DESK_A_TOKEN")
    if key == File.key and not _PATH.fullmatch(text):
        raise UsageError(f"{key} is a path that begins with / or ~/")
    if key == Keyring.key and not _KEYRING.fullmatch(text):
        raise UsageError(f"{key} is SERVICE/USER, such as tread/desk-a")
    if key == Command.key and not _words(text):
        raise UsageError(f"{key} is a program and its arguments, with every quotation closed")
    return SOURCES[key](text, whose)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
