"""A first read with each token: the list of its accounts."""

from __future__ import annotations

from tread_async._codec.endpoints import ACCOUNTS
from tread_async.cli.doctor.findings import Finding, Verdict
from tread_async.cli.doctor.patient import Answer, Patient
from tread_async.cli.doctor.troubles import failed
from tread_async.errors import TreadError

__all__ = ["FirstRead", "first_read"]


class FirstRead:
    """What came of it.

    Attributes:
        answer: Also where the library cannot make accounts of it; ``None`` where there is none.
        names: Of the accounts that are not archived.
    """

    def __init__(self, token: str, finding: Finding, answer: Answer | None, names: list[str]) -> None:
        self.token = token
        self.finding = finding
        self.answer = answer
        self.names = names


async def first_read(patient: Patient, token: str) -> FirstRead:
    """Lists the accounts of *token*."""
    check = f"token {token}"
    answer = None
    try:
        answer = await patient.ask(token, ACCOUNTS)
        names = [account.name for account in answer.model() if not account.archived]
    except TreadError as error:
        return FirstRead(token, failed(check, error), answer, [])
    took = f"listed in {answer.took_s * 1000:.0f} ms"
    figures = {"accounts": len(names), "took_s": answer.took_s}
    if names:
        said = f"{len(names)} accounts, {took}"
        finding = Finding(check=check, verdict=Verdict.OK, said=said, figures=figures)
    else:
        finding = Finding(
            check=check,
            verdict=Verdict.WARNING,
            said=f"the token is good, and has no account, {took}",
            todo="link an exchange account in Tread, or give the token of the user who has some",
            figures=figures,
        )
    return FirstRead(token, finding, answer, names)
