"""Checks of what the caller of a manager gives, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tread_async._codec import arguments as check
from tread_async._identity import Credential, TokenSource
from tread_async.errors import UsageError
from tread_async.keys import AccountKey, AllAccounts

__all__ = ["accounts", "addressed", "batch", "credentials", "moment"]

_MOST_IN_A_BATCH: Final = 500


def credentials(given: Mapping[str, TokenSource | Credential]) -> tuple[dict[str, Credential], str]:
    """*given* with every token wrapped; or what is wrong with it, for a caller who lets go of it first."""
    wrapped: dict[str, Credential] = {}
    if not isinstance(given, Mapping):
        return wrapped, f"credentials is a mapping of names to tokens, not {type(given).__name__}"
    for name, token in given.items():
        try:
            check.credential_name(name)
            wrapped[name] = token if isinstance(token, Credential) else Credential(token)
        except UsageError as error:
            error.with_traceback(None)  # its frames hold the tokens
            return {}, f"credential {name!r}: {error.message}" if isinstance(name, str) else error.message
    return wrapped, "" if wrapped else "there is no credential"


def accounts(given: object) -> list[AccountKey | str]:
    """The accounts of a list with something in it; each is looked at when it is looked up."""
    if isinstance(given, AccountKey | str | bytes) or not isinstance(given, Iterable):
        raise UsageError(
            f"accounts is a list of accounts, such as ['desk-a/x'], or ALL, not {type(given).__name__}"
        )
    listed = list(given)
    if not listed:
        raise UsageError("accounts is empty; say ALL for every account")
    return listed


def addressed(given: object) -> list[AccountKey | str] | AllAccounts:
    """The accounts of a write."""
    if given is None:
        raise UsageError("accounts is None; say ALL to write to every account")
    return given if isinstance(given, AllAccounts) else accounts(given)


def batch(given: int) -> int:
    """How many accounts go into one request."""
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= _MOST_IN_A_BATCH:
        raise UsageError(f"batch is a whole number from 1 to {_MOST_IN_A_BATCH}")
    return given


def moment(given: object, what: str) -> float | None:
    """A moment on the loop's clock, or ``None``."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UsageError(f"{what} is a moment on the loop's clock, such as loop.time()")
    return given
