"""What became of a write to many accounts, in every form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from tread_async._exports.json_text import errors_of
from tread_async.cli.ending import code_of_writes
from tread_async.cli.machine import NO_ERROR, key_fields, outcome_fields, unlisted_records
from tread_async.cli.sheets import Sheet
from tread_async.errors import NotSentError
from tread_async.reports import LeverageReport, MarginModeReport, NotApplied, WriteOutcome, counted

__all__ = ["Report", "code_of_reports", "counts_of", "document_of", "sheet_of"]

Report: TypeAlias = LeverageReport | MarginModeReport

_OF_A_PLAN: Final = ("pair", "leverage")
_SEEN: Final = ("seen", "verification", "had_unknown_attempts")


def code_of_reports(reports: Sequence[Report]) -> int:
    """See `code_of_writes`. A dry run is well where everything could be sent."""
    outcomes = [outcome for report in reports for outcome in report.outcomes.values()]
    if any(report.dry_run for report in reports):
        outcomes = [outcome for outcome in outcomes if not _was_held_back(outcome)]
    return code_of_writes(outcomes, {k: v for report in reports for k, v in report.unlisted.items()})


def _was_held_back(outcome: WriteOutcome) -> bool:
    """By the dry run itself, and not since it could not be found out which account it is."""
    error = outcome.error if isinstance(outcome, NotApplied) else None
    return isinstance(error, NotSentError) and error.endpoint is None


def document_of(report: Report) -> dict[str, Any]:
    """One report as a JSON object."""
    return {
        **_asked(report),
        "dry_run": report.dry_run,
        "ok": report.ok,
        "counts": report.counts,
        "requests_sent": report.requests_sent,
        "requests_planned": report.requests_planned,
        "outcomes": {str(key): outcome_fields(outcome) for key, outcome in report.outcomes.items()},
        "unlisted": errors_of(report.unlisted),
    }


def sheet_of(reports: Sequence[Report], document: Mapping[str, Any]) -> Sheet:
    """The outcomes of *reports*, which are all of one kind; the last are those that are applied."""
    asked = tuple(_asked(reports[0])) if reports else _OF_A_PLAN
    columns = ("credential", "account", *asked, "outcome", *NO_ERROR, *_SEEN)
    records = [
        {**key_fields(key), **_asked(report), **outcome_fields(outcome)}
        for report in reports
        for key, outcome in report.outcomes.items()
    ]
    for report in reports:
        records += unlisted_records(report.unlisted, columns, "outcome")
    records.sort(key=lambda record: record["outcome"] == "applied")
    unlisted = {name for report in reports for name in report.unlisted}
    notes = [counts_of(reports)] + [
        f"{name} could not be listed: none of its accounts was asked" for name in sorted(unlisted)
    ]
    heads = ("account", *asked, "seen", "outcome", "verification", "why")
    return Sheet(records=records, columns=columns, document=document, heads=heads, notes=notes)


def counts_of(reports: Sequence[Report]) -> str:
    """``3 applied, 1 unknown``"""
    counts = counted([outcome for report in reports for outcome in report.outcomes.values()])
    said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    return said or "no account"


def _asked(report: Report) -> dict[str, Any]:
    if isinstance(report, MarginModeReport):
        return {"margin_mode": report.margin_mode}
    return {"pair": report.pair, "leverage": report.leverage}
