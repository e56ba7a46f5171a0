"""Where the configuration file is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tread_async._config.environment import Environment

__all__ = ["PATH_VARIABLE", "Place", "default_path", "place_of"]

PATH_VARIABLE: Final = "TREAD_CONFIG"


class Place(NamedTuple):
    """A path, and whether somebody asked for it, who then wants to know that nothing is there."""

    path: Path
    named: bool


def place_of(path: str | os.PathLike[str] | None, environment: Environment) -> Place:
    """*path* if it is given, else ``TREAD_CONFIG``, else the platform's folder."""
    named = path or environment.get(PATH_VARIABLE)
    if named:
        return Place(Path(os.path.abspath(os.path.expanduser(named))), named=True)
    return Place(default_path(sys.platform, environment), named=False)


def default_path(platform: str, environment: Environment) -> Path:
    """``tread/config.toml`` in the platform's folder for configuration, as platformdirs finds it.

    Spelled out here, so that a program without the extra ``cli`` reads the same file as the command.
    """
    if platform == "win32":
        folder = environment.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        usual = "~/Library/Application Support" if platform == "darwin" else "~/.config"
        folder = environment.get("XDG_CONFIG_HOME") or usual
    return Path(os.path.expanduser(folder), "tread", "config.toml")
