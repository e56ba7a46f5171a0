"""Where the configuration file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from tread_async._config.environment import Environment
from tread_async._config.where import Place, default_path, place_of


@pytest.mark.parametrize(
    ("platform", "folders", "xdg"),
    [("linux", Unix, ""), ("linux", Unix, "/elsewhere"), ("freebsd", Unix, ""), ("darwin", MacOS, "")],
)
def test_the_folder_is_that_of_platformdirs(
    monkeypatch: pytest.MonkeyPatch, platform: str, folders: Any, xdg: str
) -> None:
    """So that the command and a program without the extra read the same file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    found = default_path(platform, Environment({"XDG_CONFIG_HOME": xdg}))

    assert found == folders("tread").user_config_path / "config.toml"


@pytest.mark.parametrize(
    ("variables", "folder"),
    [({"LOCALAPPDATA": "/local"}, Path("/local")), ({}, Path.home() / "AppData/Local")],
)
def test_on_windows(variables: dict[str, str], folder: Path) -> None:
    """The folder of programs that do not roam."""
    assert default_path("win32", Environment(variables)) == folder / "tread" / "config.toml"


def test_a_path_holds_before_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Either may be relative to the folder or to the home."""
    monkeypatch.chdir(tmp_path)
    variable = Environment({"TREAD_CONFIG": "~/mine.toml"})

    assert place_of("a.toml", variable) == Place(tmp_path / "a.toml", named=True)
    assert place_of(None, variable) == Place(Path.home() / "mine.toml", named=True)
    assert not place_of(None, Environment({"TREAD_CONFIG": ""})).named
