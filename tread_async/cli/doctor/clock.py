"""How far the server's clock is from this machine's."""

from __future__ import annotations

from typing import Final

from tread_async.cli.doctor.findings import Finding, Verdict, not_checked
from tread_async.cli.doctor.patient import Patient

__all__ = ["compared"]

_FAR_S: Final = 3.0
_TODO: Final = (
    "set this machine's clock, such as by NTP: the library corrects the ages of balances by the difference, "
    "other programs do not"
)


def compared(patient: Patient) -> Finding:
    """From the dates of all answers so far."""
    if not patient.dated:
        return not_checked("clock", "no answer to a read had a date")
    ahead_s = patient.clock.ahead_s
    said = "this machine's clock and the server's agree"
    if ahead_s:
        side = "ahead of" if ahead_s > 0 else "behind"
        said = f"the server's clock is {abs(ahead_s):.1f} s {side} this machine's"
    far = abs(ahead_s) > _FAR_S
    return Finding(
        check="clock",
        verdict=Verdict.WARNING if far else Verdict.OK,
        said=said,
        todo=_TODO if far else "",
        figures={"server_ahead_s": ahead_s},
    )
