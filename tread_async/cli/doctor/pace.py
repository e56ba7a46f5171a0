"""How fast the cheapest read is, twenty times, and whether its connection is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from tread_async._codec.endpoints import ACCOUNTS, CACHED_BALANCES
from tread_async.cli.doctor.findings import Finding, Verdict, not_checked
from tread_async.cli.doctor.patient import Patient
from tread_async.cli.doctor.troubles import failed
from tread_async.errors import TreadError

__all__ = ["CALLS", "kept", "paced", "timed"]

CALLS: Final = 20
_SLOW_S: Final = 1.0  # from one poll of `tread watch` to the next


async def timed(patient: Patient, token: str, account: str | None) -> tuple[Finding, Finding]:
    """The findings about latency and about keep-alive, from twenty reads one after the other.

    Read are the cached balances of *account*, or the list of accounts where there is none.
    """
    endpoint, names = (ACCOUNTS, None) if account is None else (CACHED_BALANCES, [account])
    before, lost, took_s = patient.connections_opened(token), patient.lost, []
    try:
        for _ in range(CALLS):
            took_s.append((await patient.ask(token, endpoint, names)).took_s)
    except TreadError as error:
        trouble = failed("latency", error)
        why = f"only {len(took_s)} of {CALLS} reads were answered"
        return trouble, not_checked("keep-alive", why)
    return paced(took_s), kept(CALLS, patient.connections_opened(token) - before, patient.lost - lost)


def paced(took_s: Sequence[float]) -> Finding:
    """How fast reads were that took so many seconds each."""
    ordered = sorted(took_s)
    p50, p90, most = (ordered[round(share * (len(ordered) - 1))] for share in (0.5, 0.9, 1.0))
    said = ", ".join(
        f"{name} {value * 1000:.1f} ms" for name, value in (("p50", p50), ("p90", p90), ("max", most))
    )
    slow = p90 > _SLOW_S
    return Finding(
        check="latency",
        verdict=Verdict.WARNING if slow else Verdict.OK,
        said=f"{len(ordered)} reads one after the other: {said}",
        todo=f"poll less often than it answers: `--interval {math.ceil(most)}` or more" if slow else "",
        figures={"p50_s": p50, "p90_s": p90, "max_s": most},
    )


def kept(reads: int, opened: int, lost: int) -> Finding:
    """Whether connections are kept, from how many were *opened* for so many *reads* one after the other.

    *lost* are those that ended under a request.
    """
    figures = {"reads": reads, "connections_opened": opened, "connections_lost": lost}
    if opened <= 1:
        said = f"{reads} reads over one connection"
        return Finding(check="keep-alive", verdict=Verdict.OK, said=said, figures=figures)
    said = f"{reads} reads needed {opened} new connections"
    if opened >= reads - 1:
        said += ": each is closed after its answer"
    if lost:
        said += f"; {lost} ended without a word, under a request that was sent again"
    return Finding(
        check="keep-alive",
        verdict=Verdict.WARNING,
        said=said,
        todo="each new connection costs the times of TCP and TLS above: have the host, or what stands in "
        "between, keep connections for a minute",
        figures=figures,
    )
