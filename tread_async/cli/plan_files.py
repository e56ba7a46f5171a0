"""A leverage plan in a file, to be looked at before it is applied. It holds no secret."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from tread_async._codec import arguments as check
from tread_async._fleet.planning import wished
from tread_async.errors import UsageError
from tread_async.keys import AccountKey
from tread_async.manager import SessionManager
from tread_async.plans import LeveragePlan, PlanEntry, Verdict

__all__ = ["LONGEST_S", "PlanFile", "document_of", "read_plan", "read_wish"]

LONGEST_S: Final = 86400.0
"""For which a plan can be applied: it tells of positions, which do not stay as they were."""

_CLOCKS_DIFFER_S: Final = 5.0


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    pair: str
    seen: Decimal | None
    wanted: Decimal
    verdict: Verdict
    why: str

    def entry(self) -> PlanEntry:
        credential, _, name = self.account.partition("/")
        key = AccountKey(credential, name)
        return PlanEntry(
            key=key, pair=self.pair, wanted=self.wanted, seen=self.seen, verdict=self.verdict, why=self.why
        )


class _Why(msgspec.Struct, frozen=True):
    error: str
    status: int | None
    message: str


class _File(msgspec.Struct, frozen=True):
    version: Literal[1]
    base_url: str
    made_at: datetime
    max_age_s: float
    entries: tuple[_Entry, ...]
    unlisted: dict[str, _Why] = {}


class PlanFile(NamedTuple):
    """What a file has.

    Attributes:
        unlisted: The tokens that could not be listed when the plan was made, and why, as `errors_of` has it.
    """

    plan: LeveragePlan
    unlisted: dict[str, dict[str, Any]]


def document_of(
    plan: LeveragePlan, base_url: str, unlisted: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """*plan* as a JSON object, which `read_plan` reads; *unlisted* as `errors_of` has it."""
    counts = {verdict.value: 0 for verdict in Verdict}
    for entry in plan.entries:
        counts[entry.verdict.value] += 1
    about = {"version": 1, "base_url": base_url, "counts": counts, "requests_sent": plan.requests_sent}
    return {**about, **json.loads(plan.to_json()), "unlisted": unlisted}


def read_plan(path: Path, desk: SessionManager) -> PlanFile:
    """The plan in a file.

    Raises:
        UsageError: it is none, or it was made for another server or for tokens that are not in use.
    """
    try:
        file = msgspec.json.decode(_read(path), type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a leverage plan: {error}") from None
    if file.base_url != desk.base_url:
        raise UsageError(f"the plan was made for {file.base_url}, not for {desk.base_url}; nothing was sent")
    entries = tuple([entry.entry() for entry in file.entries])
    _check(path, entries)
    if strange := {entry.key.credential for entry in entries} - {*desk.credentials}:
        raise UsageError(
            f"the plan is for the tokens {', '.join(sorted(strange))}, not in use; nothing was sent"
        )
    if not 0.0 < file.max_age_s <= LONGEST_S:
        raise UsageError(f"{path}: max_age_s is above zero and at most {LONGEST_S:.0f}; nothing was sent")
    if file.made_at.tzinfo is None:
        raise UsageError(f"{path} is not a leverage plan: made_at has no time zone")
    plan = LeveragePlan(entries=entries, made_at=file.made_at, max_age_s=file.max_age_s)
    if plan.age_s < -_CLOCKS_DIFFER_S:
        raise UsageError("the plan was made in the future, by this clock; make a new one")
    return PlanFile(plan, {name: msgspec.structs.asdict(why) for name, why in file.unlisted.items()})


def _check(path: Path, entries: Iterable[PlanEntry]) -> None:
    """Somebody may have edited the file."""
    seen: set[tuple[str, AccountKey]] = set()
    for entry in entries:
        try:
            check.leverage(entry.wanted)
            check.pair(entry.pair)
        except UsageError as error:
            where = f"{path}: {entry.pair} of {entry.key}"
            raise UsageError(f"{where}: {error.message}; nothing was sent") from None
        if (entry.pair, entry.key) in seen:
            raise UsageError(f"the plan has {entry.pair} of {entry.key} twice; nothing was sent")
        seen.add((entry.pair, entry.key))


def read_wish(path: Path) -> dict[str, dict[AccountKey | str, Any]]:
    """``{pair: {account: leverage}}`` from a JSON file, exact and checked. Raises `UsageError`."""
    try:
        file = json.loads(_read(path), parse_float=Decimal, object_pairs_hook=_Object)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path} is not JSON, such as {{pair: {{account: leverage}}}}") from None
    if not isinstance(file, _Object):
        raise UsageError(f"{path} is not {{pair: {{account: leverage}}}}")
    wish = {
        pair: accounts.once(f"{path}: {pair}") if isinstance(accounts, _Object) else accounts
        for pair, accounts in file.once(str(path)).items()
    }
    try:
        wished(wish)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}") from None
    return wish


class _Object(list[tuple[str, Any]]):
    """The members of a JSON object, which may have the same name twice."""

    def once(self, where: str) -> dict[Any, Any]:
        """The same as a dict. Raises `UsageError`, rather than let the last of several win."""
        found = dict(self)
        if len(found) < len(self):
            counts = Counter(name for name, _ in self)
            twice = next(name for name, count in counts.items() if count > 1)
            raise UsageError(f"{where}: {twice} is there {counts[twice]} times")
        return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
