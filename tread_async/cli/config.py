"""``tread config``: what is configured, and where it comes from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from tread_async._codec.redaction import sanitised
from tread_async._config.environment import Environment
from tread_async._config.where import place_of
from tread_async.cli.config_example import EXAMPLE
from tread_async.cli.ending import code_of
from tread_async.config import Config, Setting
from tread_async.errors import TreadError, UsageError

__all__ = ["init", "path", "show"]


def show(profile: str | None, *, as_json: bool) -> int:
    """Prints every setting, its value and where it comes from. Returns the exit code."""

    def work() -> None:
        config = Config.load(profile)
        print(_json(config) if as_json else _table(config))  # noqa: T201

    return _ended(work)


def path() -> int:
    """Prints where the file is, or would be. Returns the exit code."""

    def work() -> None:
        print(place_of(None, Environment()).path)  # noqa: T201

    return _ended(work)


def init() -> int:
    """Writes an example where the file would be. Returns the exit code."""
    return _ended(_write_example)


def _write_example() -> None:
    file = place_of(None, Environment()).path
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already and is left as it is")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    with open(descriptor, "w", encoding="utf-8") as example:
        example.write(EXAMPLE)
    print(f"tread config: wrote {file}; edit it, then see: tread config show", file=sys.stderr)  # noqa: T201


def _ended(work: Callable[[], None]) -> int:
    try:
        work()
    except TreadError as error:
        print(f"tread config: {sanitised(str(error))}", file=sys.stderr)  # noqa: T201
        return code_of(error)
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
