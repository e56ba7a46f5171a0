"""How old the server's cached balances are, and whether they show what the exchanges do."""

from __future__ import annotations

import statistics
from typing import Any, Final

import msgspec

from tread_async._codec.endpoints import BALANCES_BY_ACCOUNT, CACHED_BALANCES_BY_ACCOUNT
from tread_async._codec.replies import problem_of
from tread_async._codec.scanning import Scanned
from tread_async.cli.doctor.comparison import Compared
from tread_async.cli.doctor.findings import Finding, Verdict
from tread_async.cli.doctor.patient import Answer, Patient
from tread_async.cli.doctor.troubles import failed
from tread_async.errors import ServerError, TreadError
from tread_async.models import AccountBalances, CachedAccount

__all__ = ["cached_read", "live_read"]

_STALE_S: Final = 120.0
_TODO_CACHED: Final = (
    "take live balances where it matters (`--source auto --max-age 60`), and ask Tread's support what its "
    "cache waits for"
)
_TODO_LIVE: Final = "`tread watch --source live --rounds 1` shows which accounts cannot be read, and why"
_TODO_APART: Final = "one of both is wrong: compare an account with its exchange, or ask Tread's support"
_TODO_UNDECODED: Final = "the API has changed: look for a newer tread-async, and at the lines about fields"
_ONE_MAY_SPOIL_IT: Final = (
    "one account may spoil it for all: `tread watch --source live --rounds 1` shows which, and reads the rest"
)


async def cached_read(
    patient: Patient, token: str, names: list[str], listed: int
) -> tuple[Finding, Answer | None, Scanned[CachedAccount] | None]:
    """The cached balances of *names*, of so many accounts that are listed, and how old they are."""
    check = f"cached {token}"
    answer = None
    try:
        answer = await patient.ask(token, CACHED_BALANCES_BY_ACCOUNT, names)
        found: Scanned[CachedAccount] = answer.model()
    except TreadError as error:
        return failed(check, error), answer, None
    looked_at = _looked_at(found, names, listed)
    return _of_ages(check, looked_at, names, found, answer, patient.clock.ahead_s), answer, found


def _of_ages(
    check: str,
    looked_at: str,
    names: list[str],
    found: Scanned[CachedAccount],
    answer: Answer,
    ahead_s: float,
) -> Finding:
    now_s = answer.reply.received_at + ahead_s
    ages = {
        name: max(0.0, now_s - account.as_of.timestamp())
        for name, account in found.accounts.items()
        if account.as_of is not None
    }
    problems = _gaps(names, found)
    if undated := len(found.accounts) - len(ages):
        problems.append(f"of unknown age: {undated}")
    figures: dict[str, float] = {"accounts": len(found.accounts), "took_s": answer.took_s}
    parts = [looked_at]
    if ages:
        worst, median_s = max(ages, key=lambda name: ages[name]), statistics.median(ages.values())
        parts.append(f"{_short(median_s)} old (median), the oldest {_short(ages[worst])} ({worst})")
        figures |= {"median_age_s": median_s, "oldest_age_s": ages[worst]}
        if ages[worst] > _STALE_S:
            stale = sum(age_s > _STALE_S for age_s in ages.values())
            problems.append(f"older than {_short(_STALE_S)}: {stale}")
    return _judged(check, "; ".join(parts), problems, found, _TODO_CACHED, figures)


async def live_read(
    patient: Patient, token: str, names: list[str], listed: int, cached: Scanned[CachedAccount] | None
) -> tuple[Finding, Answer | None]:
    """The live balances of *names*, and whether they have the rows and amounts that the cache has."""
    check = f"live {token}"
    answer = None
    try:
        answer = await patient.ask(token, BALANCES_BY_ACCOUNT, names)
        found: Scanned[AccountBalances] = answer.model()
    except ServerError as error:
        finding = failed(check, error)
        if len(names) > 1:
            finding = msgspec.structs.replace(finding, todo=_ONE_MAY_SPOIL_IT)
        return finding, answer
    except TreadError as error:
        return failed(check, error), answer
    parts = [f"{_looked_at(found, names, listed)}, read in {answer.took_s * 1000:.0f} ms"]
    figures: dict[str, float] = {"accounts": len(found.accounts), "took_s": answer.took_s}
    problems, todo = _gaps(names, found), _TODO_LIVE
    if cached is None:
        parts.append("not compared with cached ones, which could not be read")
    else:
        compared = Compared.of(found.accounts, cached.accounts)
        parts.append(compared.said)
        figures |= compared.figures
        if compared.all_apart:
            todo = todo if problems else _TODO_APART
            problems.append("not one amount is nearly the same")
    return _judged(check, "; ".join(parts), problems, found, todo, figures), answer


def _looked_at(found: Scanned[Any], names: list[str], listed: int) -> str:
    if len(names) == listed:
        return f"{len(found.accounts)} of {listed} accounts"
    return f"{len(names)} of {listed} accounts looked at"


def _gaps(names: list[str], found: Scanned[Any]) -> list[str]:
    """What of *names* an answer does not have."""
    problems = [f"not read by the server: {len(found.errors)}"] if found.errors else []
    if found.faults:
        problems.append(f"not decoded: {len(found.faults)} ({next(iter(found.faults))})")
    if found.repeated:
        problems.append(f"there twice: {len(found.repeated)} ({next(iter(found.repeated))})")
    missing = [name for name in names if name not in found.accounts and name not in found.faults]
    if missing:
        problems.append(f"missing: {len(missing)} ({missing[0]})")
    return problems


def _judged(
    check: str, said: str, problems: list[str], found: Scanned[Any], todo: str, figures: dict[str, float]
) -> Finding:
    """A warning where there are *problems*, and a failure where there is no account at all."""
    if not problems:
        return Finding(check=check, verdict=Verdict.OK, said=said, figures=figures)
    why = next((f"{name}: {problem_of(fault)}" for name, fault in found.faults.items()), None)
    return Finding(
        check=check,
        verdict=Verdict.WARNING if found.accounts else Verdict.FAILED,
        said="; ".join((said, *problems)),
        details=() if why is None else (why,),
        todo=todo if why is None else _TODO_UNDECODED,
        figures=figures,
    )


def _short(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
