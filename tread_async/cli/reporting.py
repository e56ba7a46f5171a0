"""What became of a write to many accounts, in every form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from tread_async._exports.json_text import errors_of
from tread_async.cli.ending import code_of_writes
from tread_async.cli.machine import NO_ERROR, key_fields, outcome_fields, unlisted_records
from tread_async.cli.sheets import Sheet
from tread_async.cli.words import cause, has_it, kind, plain, refusal
from tread_async.errors import NotSentError, TreadError
from tread_async.reports import Applied, LeverageReport, MarginModeReport, NotApplied, WriteOutcome

__all__ = ["Report", "code_of_reports", "counts_of", "document_of", "remarks", "sheet_of"]

Report: TypeAlias = LeverageReport | MarginModeReport

_OF_A_PLAN: Final = ("pair", "leverage")
_ORDER: Final = ("applied", "there all the same", "not applied", "unknown", "would be set")
_SEEN: Final = ("seen", "verification", "had_unknown_attempts")


def code_of_reports(reports: Sequence[Report]) -> int:
    """See `code_of_writes`. A dry run is well where everything could be sent."""
    outcomes = [
        Applied() if report.dry_run and _was_held_back(outcome) else outcome
        for report in reports
        for outcome in report.outcomes.values()
    ]
    return code_of_writes(outcomes, _unlisted(reports))


def remarks(reports: Sequence[Report]) -> Iterator[str]:
    """A sentence for each way in which accounts were refused that have the value all the same."""
    counts: Counter[tuple[str, str]] = Counter()
    messages: dict[tuple[str, str], str] = {}
    for outcome in _outcomes(reports):
        if outcome.error is not None and has_it(outcome):
            way = refusal(outcome.error), cause(outcome.error)
            counts[way] += 1
            messages.setdefault(way, outcome.error.message)
    for (word, what), count in counts.items():
        verbs = ("was", "has") if count == 1 else ("were", "have")
        told = f"{verbs[0]} {word} and {verbs[1]} it all the same: {what}: {messages[word, what]}"
        yield f"{count} of {len(_outcomes(reports))} {told}"


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
    settled = [
        ({**key_fields(key), **_asked(report), **outcome_fields(outcome)}, _told(outcome, report))
        for report in reports
        for key, outcome in report.outcomes.items()
    ]
    unlisted = unlisted_records(errors_of(_unlisted(reports)), columns, "outcome")
    settled += [(record, {}) for record in unlisted]
    settled.sort(key=lambda one: one[0]["outcome"] == "applied")
    return Sheet(
        records=[record for record, _ in settled],
        columns=columns,
        document=document,
        heads=("account", *asked, "seen", "outcome", "verification", "why"),
        notes=_notes(reports),
        rows=[record | told for record, told in settled],
    )


def _told(outcome: WriteOutcome, report: Report) -> dict[str, Any]:
    """What a table says instead."""
    if report.dry_run and _was_held_back(outcome):
        return {"outcome": "would set", "why": ""}
    if outcome.error is None or not has_it(outcome):
        return {}
    word, what = refusal(outcome.error), f"{cause(outcome.error)}: {outcome.error.message}"
    return {"outcome": "has it", "why": f"{word}; it has {plain(outcome.seen)} all the same: {what}"}


def _notes(reports: Sequence[Report]) -> list[str]:
    unlisted = [f"{name} could not be listed: none of its accounts was asked" for name in _unlisted(reports)]
    return [counts_of(reports), *sorted(unlisted)]


def counts_of(reports: Sequence[Report]) -> str:
    """``3 applied, 1 unknown``"""
    counts = Counter(
        _counted_as(outcome, report) for report in reports for outcome in report.outcomes.values()
    )
    return ", ".join(f"{counts[one]} {one}" for one in _ORDER if counts[one]) or "no account"


def _counted_as(outcome: WriteOutcome, report: Report) -> str:
    if report.dry_run and _was_held_back(outcome):
        return "would be set"
    return "there all the same" if has_it(outcome) else kind(outcome)


def _outcomes(reports: Sequence[Report]) -> list[WriteOutcome]:
    return [outcome for report in reports for outcome in report.outcomes.values()]


def _unlisted(reports: Sequence[Report]) -> dict[str, TreadError]:
    return {name: error for report in reports for name, error in report.unlisted.items()}


def _asked(report: Report) -> dict[str, Any]:
    if isinstance(report, MarginModeReport):
        return {"margin_mode": report.margin_mode}
    return {"pair": report.pair, "leverage": report.leverage}
