"""Findings on standard output: a line each as they come, or one document of JSON at the end."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
from rich.console import Console
from rich.text import Text

from tread_async.cli.doctor.findings import Finding, Verdict
from tread_async.cli.tables import terminal
from tread_async.cli.writing import FOR_MACHINES, written

__all__ = ["Document", "Lines", "Report"]

_STYLES: Final = {
    Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red", Verdict.NOT_CHECKED: "dim",
}  # fmt: skip
_VERDICT_WIDTH: Final = 13
_CHECK_WIDTH: Final = 22


class Report(Protocol):
    """Where findings go."""

    async def show(self, finding: Finding) -> None:
        """Tells of one more."""

    async def end(self, base_url: str, findings: Sequence[Finding], code: int) -> None:
        """Tells of all of them."""


class Lines:
    """For people; in colours where standard output is a terminal."""

    def __init__(self) -> None:
        screen = terminal()
        self._coloured = screen is not None and not screen.no_color

    async def show(self, finding: Finding) -> None:
        line = Text().append(f"{finding.verdict:<{_VERDICT_WIDTH}}", style=_STYLES[finding.verdict])
        line.append(f"{finding.check:<{_CHECK_WIDTH}} ", style="bold").append(finding.said)
        below = [*finding.details, *([f"-> {finding.todo}"] if finding.todo else [])]
        for text in below:
            line.append(f"\n{'':<{_VERDICT_WIDTH}}{text}")
        await self._write(line)

    async def end(self, base_url: str, findings: Sequence[Finding], code: int) -> None:
        counted = Counter(finding.verdict for finding in findings)
        counts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict)
        await self._write(Text(f"{base_url}: {counts}"))

    async def _write(self, text: Text) -> None:
        page = io.StringIO()
        console = Console(file=page, force_terminal=self._coloured, no_color=not self._coloured)
        console.print(text, soft_wrap=True)
        await written(page.getvalue())


class Document:
    """For programs: an object with ``base_url``, ``findings``, ``counts`` and ``exit_code``."""

    async def show(self, finding: Finding) -> None:
        """Waits for the others."""

    async def end(self, base_url: str, findings: Sequence[Finding], code: int) -> None:
        counted = Counter(finding.verdict for finding in findings)
        document: dict[str, Any] = {
            "base_url": base_url,
            "exit_code": code,
            "counts": {verdict.value: counted[verdict] for verdict in Verdict},
            "findings": [_plain(finding) for finding in findings],
        }
        await written(json.dumps(document, indent=2) + "\n", encoding=FOR_MACHINES)


def _plain(finding: Finding) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(finding)
    del plain["code"]
    return plain
