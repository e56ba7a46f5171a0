"""What a check has found."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from tread_async._codec.redaction import sanitiser
from tread_async.secret import Secret

__all__ = ["Finding", "Verdict", "code_of_findings", "not_checked", "safe"]

_BEFORE_OTHERS: Final = (5, 6, 2)


class Verdict(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line.

    Attributes:
        check: What was looked at.
        said: What was found.
        details: More of it, a line each.
        todo: What to do about it; empty where it is well.
        figures: What was measured, with its unit in the name.
        code: The exit code where it has failed.
    """

    check: str
    verdict: Verdict
    said: str
    details: tuple[str, ...] = ()
    todo: str = ""
    figures: Mapping[str, float] = {}
    code: int = 1


def not_checked(check: str, why: str) -> Finding:
    """For what cannot be checked because something before it has failed."""
    return Finding(check=check, verdict=Verdict.NOT_CHECKED, said=why)


def safe(finding: Finding, secrets: Iterable[Secret]) -> Finding:
    """*finding* with its texts made safe to show: they may be of the server."""
    clean = sanitiser(secrets)
    return msgspec.structs.replace(
        finding,
        check=clean(finding.check),
        said=clean(finding.said),
        details=tuple([clean(text) for text in finding.details]),
        todo=clean(finding.todo),
    )


def code_of_findings(findings: Iterable[Finding]) -> int:
    """0 where nothing has failed; else 5 for a token that is refused, 6 for too many requests, 2 for one that
    cannot be had, or 1.
    """
    codes = {finding.code for finding in findings if finding.verdict is Verdict.FAILED}
    return next((code for code in _BEFORE_OTHERS if code in codes), 1 if codes else 0)
