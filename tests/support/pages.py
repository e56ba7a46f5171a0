"""The pages of the documentation, and the blocks of code on them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(DOCS.rglob("*.md"))

_BLOCK: Final = re.compile(r"^[ \t]*```(?P<kind>[^\n]*)\n(?P<text>.*?)^[ \t]*```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """What stands between two fences.

    Attributes:
        kind: What stands behind the first fence: ``python``.
    """

    kind: str
    text: str


def blocks(page: Path, kind: str | None = None) -> list[Block]:
    """Those of *kind*, or all."""
    found = [Block(one["kind"], one["text"]) for one in _BLOCK.finditer(page.read_text())]
    return found if kind is None else [one for one in found if one.kind == kind]


def program(page: Path, name: str) -> str:
    """The one Python block of *page* that defines the function *name*."""
    (found,) = [
        one.text for one in blocks(page, "python") if re.search(rf"^(async )?def {name}\(", one.text, re.M)
    ]
    return found
