"""What the doctor finds, by what was checked."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from tread_async import SessionManager
from tread_async.cli.doctor.examination import examined
from tread_async.cli.doctor.findings import Finding
from tread_async.cli.doctor.patient import Patient


async def examine(base_url: str, *tokens: Any, **settings: Any) -> Mapping[str, Finding]:
    """The findings of *tokens*, which are called a, b, c, ..."""
    credentials = dict(zip(string.ascii_lowercase, tokens, strict=False))
    async with SessionManager(credentials, base_url=base_url, **settings) as desk:
        return {finding.check: finding async for finding in examined(Patient(desk))}


def verdicts(findings: Mapping[str, Finding], *checks: str) -> list[str]:
    """``ok``, ``warning``, ... of *checks*."""
    return [findings[check].verdict.value for check in checks]


def not_well(findings: Mapping[str, Finding]) -> dict[str, str]:
    """The verdicts of all that are not ``ok``."""
    return {check: finding.verdict.value for check, finding in findings.items() if finding.verdict != "ok"}
