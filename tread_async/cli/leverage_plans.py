"""``tread leverage plan`` and ``apply``: what would have to change first, and then that and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from tread_async._exports.json_text import dumped, errors_of
from tread_async._fleet.planning import NOT_READ
from tread_async.cli.addressing import Addressees
from tread_async.cli.confirming import Consent, nothing_sent
from tread_async.cli.connecting import Connection
from tread_async.cli.ending import PARTIAL, ended, reported
from tread_async.cli.fleet_writes import by_token, left_out, report_of
from tread_async.cli.forms import Forms
from tread_async.cli.machine import key_fields, reason_of, unlisted_records
from tread_async.cli.plan_files import LONGEST_S, document_of, read_plan, read_wish
from tread_async.cli.progress import progress
from tread_async.cli.replacing import Replacement, replacing
from tread_async.cli.reporting import code_of_reports, counts_of, remarks, sheet_of
from tread_async.cli.reporting import document_of as document_of_report
from tread_async.cli.settling import settled
from tread_async.cli.sheets import Sheet, shown
from tread_async.cli.shortfalls import say_unlisted
from tread_async.cli.streams import say
from tread_async.errors import ClientClosedError, TreadError, UsageError
from tread_async.manager import SessionManager
from tread_async.plans import LeveragePlan
from tread_async.reports import PlanReport

__all__ = ["Wanted", "apply", "plan"]

_COLUMNS: Final = ("credential", "account", "pair", "seen", "wanted", "verdict", "why")
_PLAN: Final = "leverage plan"
_APPLY: Final = "leverage apply"
_NOT_DONE: Final = 1

Unlisted: TypeAlias = Mapping[str, Mapping[str, Any]]


class Wanted(NamedTuple):
    """The leverages to plan for: those in a file, or one for a pair of some accounts.

    Attributes:
        file: Of ``{pair: {account: leverage}}``.
    """

    file: Path | None = None
    pair: str | None = None
    leverage: str | None = None
    to: Addressees = Addressees()

    def check(self) -> None:
        """Raises `UsageError`."""
        spelled_out = (self.pair is not None, self.leverage is not None)
        if self.file is not None:
            if any(spelled_out) or self.to != Addressees():
                raise UsageError("say either a file, or --pair, --leverage and the accounts")
            return
        if not all(spelled_out):
            raise UsageError("say a file, or --pair, --leverage and the accounts")
        self.to.check()

    async def wish(self, desk: SessionManager) -> tuple[dict[str, Any], Mapping[str, TreadError]]:
        """As `SessionManager.plan_leverage` takes it, and the tokens that could not be listed."""
        if self.file is not None:
            return read_wish(self.file), {}
        accounts, unlisted = await self.to.found(desk)
        return {str(self.pair): dict.fromkeys(accounts, self.leverage)}, unlisted


async def plan(
    wanted: Wanted, max_age_s: float, out: Path | None, forms: Forms, connection: Connection
) -> int:
    """Says what would have to change, and returns the exit code. Nothing is written to the server."""
    return await ended(_PLAN, _plan(wanted, max_age_s, out, forms, connection))


async def apply(path: Path, consent: Consent, forms: Forms, connection: Connection) -> int:
    """Sends the changes of a plan, and returns the exit code."""
    return await ended(_APPLY, _apply(path, consent, forms, connection))


async def _plan(
    wanted: Wanted, max_age_s: float, out: Path | None, forms: Forms, connection: Connection
) -> int:
    form = forms.one
    wanted.check()
    if not 0.0 < max_age_s <= LONGEST_S:
        raise UsageError(f"--max-age is above zero and at most {LONGEST_S:.0f}, a day")
    with replacing(out) as file:
        async with connection.desk() as desk:
            wish, unlisted = await wanted.wish(desk)
            made = await desk.plan_leverage(wish, max_age_s=max_age_s)
            reasons = errors_of(unlisted)
            document = document_of(made, desk.base_url, reasons)
        say_unlisted(_PLAN, unlisted)
        if file is not None:
            _put(file, f"{out}", made, document)
    await shown(_sheet(made, document, reasons), form)
    return PARTIAL if made.unknown or unlisted else 0


def _put(file: Replacement, name: str, made: LeveragePlan, document: Mapping[str, Any]) -> None:
    """Only where something was read: an older file is worth more than a plan of nothing."""
    if all(entry.why == NOT_READ for entry in made.entries):
        say(_PLAN, f"nothing was read; {name} was not written")
        return
    text = dumped(document) + "\n"
    file.put(lambda opened: opened.write(text.encode()))
    say(_PLAN, f"{len(made.changes)} changes in {name}")


def _sheet(made: LeveragePlan, document: Mapping[str, Any], unlisted: Unlisted) -> Sheet:
    records = [
        {
            **key_fields(entry.key),
            "pair": entry.pair,
            "seen": entry.seen,
            "wanted": entry.wanted,
            "verdict": entry.verdict.value,
            "why": entry.why,
        }
        for entry in made.entries
    ]
    for name, error in unlisted.items():
        why = reason_of(error)
        records.append({**dict.fromkeys(_COLUMNS), "credential": name, "verdict": "unlisted", "why": why})
    notes = [_counted(made), *_unplanned(unlisted)]
    return Sheet(records=records, columns=_COLUMNS, document=document, heads=_COLUMNS[1:], notes=notes)


def _counted(made: LeveragePlan) -> str:
    return f"{len(made.changes)} to change, {len(made.already)} so already, {len(made.unknown)} unknown"


async def _apply(path: Path, consent: Consent, forms: Forms, connection: Connection) -> int:
    form = forms.one
    consent.check()
    async with connection.desk() as desk:
        made, unlisted = read_plan(path, desk)
        if made.age_s > made.max_age_s:
            age = f"{made.age_s:.0f} s old, older than {made.max_age_s:g} s"
            raise UsageError(f"the plan is {age}; make a new one; nothing was sent")
        report = PlanReport(reports=())
        if made.changes:
            with nothing_sent():
                given = await consent.given(f"At {desk.base_url}: {_intent(made)}.", left_out(unlisted))
            if given:
                report = await _sent(desk, made)
            elif not consent.dry_run:
                return _NOT_DONE
    code = code_of_reports(report.reports) or (PARTIAL if made.unknown or unlisted else 0)
    if consent.dry_run:
        sheet = _sheet(made, document_of(made, desk.base_url, unlisted), unlisted)
    else:
        sheet = _sheet_of(report, made, unlisted)
    came_to = counts_of(report.reports) if report.reports else "nothing was sent"
    code = await reported(_APPLY, shown(sheet, form), came_to, code)
    for remark in remarks(report.reports):
        say(_APPLY, remark)
    return code


def _intent(made: LeveragePlan) -> str:
    accounts = by_token({entry.key: None for entry in made.changes})
    return f"sets {len(made.changes)} leverages of {accounts}"


async def _sent(desk: SessionManager, made: LeveragePlan) -> PlanReport:
    with progress(len(made.changes)) as tell:
        try:
            return await settled(desk.apply(made, on_progress=tell), desk.close)
        except ClientClosedError as error:
            return report_of(error, PlanReport)


def _sheet_of(report: PlanReport, made: LeveragePlan, unlisted: Unlisted) -> Sheet:
    document = {
        "ok": report.ok and not made.unknown and not unlisted,
        "counts": report.counts,
        "already": len(made.already),
        "left_unknown": len(made.unknown),
        "requests_sent": report.requests_sent,
        "unlisted": unlisted,
        "reports": [document_of_report(one) for one in report.reports],
    }
    sheet = sheet_of(report.reports, document)
    left = f"{len(made.already)} were so already, {len(made.unknown)} are unknown and were left as they are"
    records = [*unlisted_records(unlisted, sheet.columns, "outcome"), *sheet.records]
    rows = [*unlisted_records(unlisted, sheet.columns, "outcome"), *(sheet.rows or ())]
    notes = [*sheet.notes, left, *_unplanned(unlisted)]
    return replace(sheet, records=records, rows=rows, notes=notes)


def _unplanned(unlisted: Iterable[str]) -> list[str]:
    return [f"{name} could not be listed: the plan has none of its accounts" for name in unlisted]
