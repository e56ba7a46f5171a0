"""Records of accounts and of what became of writes, in the words of a snapshot's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tread_async._exports.words import error_of
from tread_async.cli.words import kind
from tread_async.keys import AccountKey
from tread_async.reports import Applied, WriteOutcome

__all__ = ["NO_ERROR", "key_fields", "outcome_fields", "reason_of", "unlisted_records"]

NO_ERROR: Final[Mapping[str, None]] = {"error": None, "status": None, "message": None}


def key_fields(key: AccountKey) -> dict[str, Any]:
    return {"credential": key.credential, "account": key.name}


def outcome_fields(outcome: WriteOutcome) -> dict[str, Any]:
    """What became of a write to one account."""
    return {
        "outcome": kind(outcome).replace(" ", "_"),
        **(NO_ERROR if outcome.error is None else error_of(outcome.error)),
        "seen": outcome.seen,
        "verification": outcome.verification.name.lower(),
        "had_unknown_attempts": outcome.had_unknown_attempts if isinstance(outcome, Applied) else None,
    }


def unlisted_records(
    unlisted: Mapping[str, Mapping[str, Any]], columns: Iterable[str], state: str
) -> Iterator[dict[str, Any]]:
    """A record for each credential whose accounts could not be listed, as `errors_of` has it.

    *state* is the column that says so.
    """
    for credential, error in unlisted.items():
        yield {**dict.fromkeys(columns), "credential": credential, state: "unlisted", **error}


def reason_of(record: Mapping[str, Any]) -> str:
    """``HTTP 500: ...``, of a record with the fields of `NO_ERROR`; empty where they say nothing."""
    cause = record["error"] if record["status"] is None else f"HTTP {record['status']}"
    return ": ".join([part for part in (cause, record["message"]) if part is not None])
