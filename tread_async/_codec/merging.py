"""Answers of several requests for one list of names, as one answer in the order asked.

The wire form of the filter is not proven, so an answer may hold accounts nobody asked for: each name
is taken from the first answer that has it, and no other name is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tread_async._codec.redaction import sanitised_within
from tread_async.models import AccountBalances, CachedAccount, CachedBalances
from tread_async.secret import Secret

__all__ = ["merged_balances", "merged_cached_balances"]


def merged_balances(
    answers: Sequence[dict[str, AccountBalances]], names: Sequence[str] | None
) -> dict[str, AccountBalances]:
    """Only the accounts of *names* that an answer has; all of the one answer where it is ``None``."""
    if names is None:
        return answers[0]
    found: dict[str, AccountBalances] = {}
    for answer in reversed(answers):
        found.update(answer)
    return {name: found[name] for name in names if name in found}


def merged_cached_balances(
    answers: Sequence[CachedBalances], names: Sequence[str] | None, secrets: Iterable[Secret] = ()
) -> CachedBalances:
    """The same for cached rows. Accounts of equal name in one answer are all kept; an error that several
    answers repeat is taken from the first, and its texts are made safe to show."""
    if names is None:
        errors = answers[0].errors and sanitised_within(answers[0].errors, secrets)
        return CachedBalances(balances=answers[0].balances, errors=errors)
    wanted: dict[str, list[CachedAccount]] = {name: [] for name in names}
    found: list[Any] = []
    seen: set[bytes] = set()
    for answer in answers:
        settled = {name for name, accounts in wanted.items() if accounts}
        for account in answer.balances:
            if account.account_name in wanted and account.account_name not in settled:
                wanted[account.account_name].append(account)
        encoded = [msgspec.json.encode(error) for error in answer.errors]
        found += [error for error, text in zip(answer.errors, encoded, strict=True) if text not in seen]
        seen.update(encoded)
    balances = tuple(account for accounts in wanted.values() for account in accounts)
    errors = tuple(found) and sanitised_within(tuple(found), secrets)
    return CachedBalances(balances=balances, errors=errors)
