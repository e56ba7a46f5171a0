"""Runs what a page of the documentation shows, in its order: ``python run_page.py docs/tutorial.md``.

The Python blocks of a page share their names, as if they were typed into one session. Each shell block is a
bash of its own that ends with the first command that fails. Tracebacks have the lines of the page.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser


def run_in_bash(example: Example) -> None:
    subprocess.run(["bash", "-ec", example.parsed], check=True)


def run(page: Path) -> None:
    document = Document.parse(str(page), PythonCodeBlockParser(), CodeBlockParser("sh", run_in_bash))
    document.namespace["__name__"] = "__main__"
    for example in document.examples():
        print(f"{page.name}, line {example.line}:", flush=True)  # noqa: T201 - the last one is where it ended
        example.evaluate()


run(Path(sys.argv[1]))
