"""``tread config``: what is configured, and where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tread_async._codec.redaction import sanitised
from tread_async._config.environment import Environment
from tread_async._config.where import place_of
from tread_async.cli.config_example import EXAMPLE
from tread_async.cli.ending import ended, failed
from tread_async.cli.streams import say
from tread_async.cli.writing import written
from tread_async.config import Config, Setting
from tread_async.errors import TreadError, UsageError

__all__ = ["init", "path", "show"]

_CONFIG: Final = "config"


async def show(profile: str | None, *, as_json: bool) -> int:
    """Prints every setting, its value and where it comes from. Returns the exit code."""
    form = _json if as_json else _table
    return await ended(_CONFIG, _printed(lambda: form(Config.load(profile))))


async def path() -> int:
    """Prints where the file is, or would be. Returns the exit code."""
    return await ended(_CONFIG, _printed(lambda: str(_path())))


def init() -> int:
    """Writes an example where the file would be. Returns the exit code."""
    try:
        _write_example(_path())
    except TreadError as error:
        return failed(_CONFIG, error)
    return 0


def _path() -> Path:
    return place_of(None, Environment()).path


def _write_example(file: Path) -> None:
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already and is left as it is")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    with open(descriptor, "w", encoding="utf-8") as example:
        example.write(EXAMPLE)
    say(_CONFIG, f"wrote {file}; edit it, then see: tread config show")


async def _printed(made: Callable[[], str]) -> int:
    await written(f"{made()}\n")
    return 0


def _json(config: Config) -> str:
    settings = [setting._asdict() for setting in config.settings]
    return json.dumps({"path": str(config.path), "settings": settings})


def _table(config: Config) -> str:
    rows = [_cells(setting) for setting in config.settings]
    widths = [max(len(row[place]) for row in rows) for place in range(2)]
    lines = [f"{name:{widths[0]}}  {value:{widths[1]}}  {origin}" for name, value, origin in rows]
    file = str(config.path) if config.path.exists() else f"{config.path} (not there)"
    return "\n".join([sanitised(file), *lines])


def _cells(setting: Setting) -> tuple[str, str, str]:
    return sanitised(setting.name), sanitised(_words(setting.value)), sanitised(setting.origin)


def _words(value: Any) -> str:
    if value is None or value == {}:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(part)}" for name, part in value.items())
    return str(value)
