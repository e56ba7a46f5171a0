"""From one answer to the outcome of each account asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tread_async._codec.redaction import sanitiser
from tread_async._codec.replies import problem_of
from tread_async._codec.scanning import Scanned
from tread_async.balance import Balance
from tread_async.errors import AccountError, DecodeError, TreadError
from tread_async.keys import AccountKey
from tread_async.models import AccountBalances, CachedAccount
from tread_async.outcomes import Failed, Missing, Ok, Outcome
from tread_async.secret import Secret

__all__ = ["aged", "settled_cached", "settled_live"]

_MISSING: Final = Missing()
_LATEST_MILLIS: Final = 10**14  # the year 5138
_CLOCKS_DIFFER_S: Final = 2.0  # a Date header has whole seconds
_NAMED_BY: Final = ("account_name", "account_id", "account", "name", "id")
_SAID_BY: Final = ("message", "error", "detail", "reason")


def settled_live(
    scanned: Scanned[AccountBalances],
    names: Iterable[str],
    wanted: Mapping[str, AccountKey],
    *,
    as_of_s: float | None,
    now_s: float,
) -> dict[str, Outcome]:
    """The outcomes of *names*, which were so at *as_of_s* or later; both times by the server's clock."""
    failures = _faults(scanned.faults)
    failures |= {name: DecodeError("the answer has the account more than once") for name in scanned.repeated}
    age_s = None if as_of_s is None else max(0.0, now_s - as_of_s)
    found: dict[str, Outcome] = {}
    for name in names:
        account = scanned.accounts.get(name)
        if failures and name in failures:
            found[name] = Failed(failures[name])
        elif account is None:
            found[name] = _MISSING
        else:
            found[name] = Ok(Balance(wanted[name], account, "live", as_of_s, age_s))
    return found


def settled_cached(
    scanned: Scanned[CachedAccount],
    names: Iterable[str],
    wanted: Mapping[str, AccountKey],
    *,
    now_s: float,
    id_of: Callable[[str], str | None],
    ids: Mapping[str, AccountKey],
    secrets: tuple[Secret, ...] = (),
) -> tuple[dict[str, Outcome], tuple[Any, ...], list[str]]:
    """The outcomes of *names*, the listed errors that belong to none of them, and names with other ids.

    *ids* are those that are listed, *secrets* what the errors must not show.
    """
    failures = _faults(scanned.faults)
    accounts = scanned.accounts
    now_millis = now_s * 1000
    for name, copies in scanned.repeated.items():
        if (account := _the_one(copies, id_of(name))) is None:
            failures[name] = _twice()
        else:
            accounts[name] = account
    found: dict[str, Outcome] = {}
    strange: list[str] = []
    for name in names:
        account = accounts.get(name)
        if failures and name in failures:
            found[name] = Failed(failures[name])
        elif account is None:
            found[name] = _MISSING
        else:
            key = wanted[name]
            # The keys of the list are made once: the same object, or hardly ever an equal one.
            if (listed := ids.get(account.account_id)) is not key and listed != key:
                strange.append(name)
            millis = account.timestamp_millis
            if millis is not None and 0 <= millis <= now_millis:
                as_of_s: float | None = millis / 1000
                age_s: float | None = now_s - millis / 1000
            else:
                as_of_s = _seconds(millis)
                age_s = _age_s(as_of_s, now_s)
            found[name] = Ok(Balance(key, account, "cached", as_of_s, age_s))
    unmatched = _matched(scanned.errors, found, id_of, secrets) if scanned.errors else ()
    return found, unmatched, strange


def aged(outcome: Outcome, now_s: float) -> Outcome:
    """*outcome* with its age at *now_s*, by the server's clock."""
    if type(outcome) is not Ok or outcome.value.as_of_s is None:
        return outcome
    value = outcome.value
    age_s = _age_s(value.as_of_s, now_s)
    return Ok(Balance(value.key, value.wire, value.source, value.as_of_s, age_s))


def _seconds(millis: int | None) -> float | None:
    return None if millis is None or not 0 <= millis < _LATEST_MILLIS else millis / 1000


def _age_s(as_of_s: float | None, now_s: float) -> float | None:
    """``None`` where the server did not say, or names a time that has not come yet."""
    if as_of_s is None:
        return None
    age_s = now_s - as_of_s
    if age_s >= 0.0:
        return age_s
    return 0.0 if age_s > -_CLOCKS_DIFFER_S else None


def _faults(problems: Mapping[str, Exception]) -> dict[str, TreadError]:
    return {
        name: DecodeError(f"the account's part of the answer does not decode: {problem_of(problem)}")
        for name, problem in problems.items()
    }


def _twice() -> TreadError:
    return DecodeError("the answer has the account more than once, and the copies differ")


def _the_one(copies: list[CachedAccount], account_id: str | None) -> CachedAccount | None:
    """The copy that is meant: the one with the id that is listed, or all of them if they are equal."""
    meant = [copy for copy in copies if copy.account_id == account_id] or copies
    return meant[0] if all(copy == meant[0] for copy in meant) else None


def _matched(
    errors: Iterable[Any],
    found: dict[str, Outcome],
    id_of: Callable[[str], str | None],
    secrets: tuple[Secret, ...],
) -> tuple[Any, ...]:
    """Settles the accounts that *errors* name, and returns the errors that name none.

    An account may have rows too: they may be old, or a part.
    """
    names = {name: name for name, outcome in found.items() if not isinstance(outcome, Failed)}
    names |= {given: name for name in list(names) if (given := id_of(name)) is not None}
    rest: list[Any] = []
    clean = sanitiser(secrets)
    for error in errors:
        name = _named(error, names)
        if name is None:
            rest.append(error)
        else:
            found[name] = Failed(AccountError(_said(error, clean)))
    return tuple(rest)


def _named(error: Any, names: Mapping[str, str]) -> str | None:
    if not isinstance(error, dict):
        return None
    values = [error.get(field) for field in _NAMED_BY]
    return next((names[value] for value in values if isinstance(value, str) and value in names), None)


def _said(error: dict[str, Any], clean: Callable[[str], str]) -> str:
    texts = [error[field] for field in _SAID_BY if isinstance(error.get(field), str)]
    why = clean(texts[0]) if texts else "it did not say why"
    return f"the server could not read the account: {why}"
