"""Runs the examination, and says how it ends."""

from __future__ import annotations

import asyncio
import contextlib

from tread_async.cli.connecting import Connection
from tread_async.cli.doctor.examination import examined
from tread_async.cli.doctor.findings import Finding, Verdict, code_of_findings, safe
from tread_async.cli.doctor.patient import Patient
from tread_async.cli.doctor.report import Document, Lines, Report
from tread_async.cli.ending import ended

__all__ = ["run"]


async def run(connection: Connection, *, deadline_s: float, json: bool) -> int:
    """Examines, and returns the exit code. See `code_of_findings` and `ended`."""
    return await ended("doctor", _examine(connection, deadline_s, Document() if json else Lines()))


async def _examine(connection: Connection, deadline_s: float, report: Report) -> int:
    async with connection.desk() as desk:
        patient = Patient(desk)
        findings: list[Finding] = []

        async def tell(finding: Finding) -> None:
            findings.append(safe(finding, patient.secrets))
            await report.show(findings[-1])

        try:
            async with asyncio.timeout(deadline_s), contextlib.aclosing(examined(patient)) as found:
                async for finding in found:
                    await tell(finding)
        except TimeoutError:
            await tell(_too_late(deadline_s))
        code = code_of_findings(findings)
        await report.end(patient.base_url, findings, code)
        return code


def _too_late(deadline_s: float) -> Finding:
    return Finding(
        check="deadline",
        verdict=Verdict.FAILED,
        said=f"the {deadline_s:g} s were up; what has no line was not checked",
        todo="give it longer with --deadline, or fewer tokens with --token",
    )
