"""The site that mkdocs makes of the documentation."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import tread_async
from tests.support.pages import ROOT
from tests.test_surface import VOCABULARY

MODULES = ["simulator", "metrics", "tracing", *VOCABULARY]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with every warning as an error: a link that leads nowhere, a page that the menu lacks."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
        timeout=60,
    )
    return folder


@pytest.fixture(scope="module")
def shown(site: Path) -> set[str]:
    """The full names of all that the reference shows."""
    lines = (site / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split()[0] for line in zlib.decompress(lines[4]).decode().splitlines()}


@pytest.mark.parametrize("part", MODULES)
def test_every_public_name_of_a_module_is_in_the_reference(shown: set[str], part: str) -> None:
    module = importlib.import_module(f"tread_async.{part}")

    assert [name for name in module.__all__ if f"tread_async.{part}.{name}" not in shown] == []


def test_every_public_name_of_the_package_is_in_the_reference(shown: set[str]) -> None:
    """Those of the private modules, too. The version is no more than a text."""
    names = {name.rpartition(".")[2] for name in shown}

    assert set(tread_async.__all__) - names == {"__version__"}


@pytest.mark.parametrize(
    "name", ["TreadClient.watch", "SessionManager.feed", "LeverageReport.counts", "Stale.age_s"]
)
def test_what_is_inherited_is_shown(shown: set[str], name: str) -> None:
    """A reader does not know the private class that it comes from."""
    assert any(one.endswith(f".{name}") for one in shown)


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    """Fonts, scripts, styles and pictures are its own. A link that somebody follows may lead anywhere."""
    fetched = re.compile(
        r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?(?:https?:)?//|@import|@font-face"
    )
    pages = [*site.rglob("*.html"), *site.rglob("*.svg")]

    assert len(pages) > 20
    assert [page.name for page in pages if fetched.search(page.read_text())] == []
