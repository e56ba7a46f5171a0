"""What differs between two readings of the same accounts."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Mapping
from typing import Final, TypeAlias

import msgspec

from tread_async._pacing import in_one_go, in_parts
from tread_async.balance import Balance, BalanceRow, rows_of
from tread_async.keys import AccountKey
from tread_async.models import AccountBalances, Asset, CachedAccount, CachedAsset
from tread_async.outcomes import Failed, Ok, Outcome, Stale

__all__ = ["Change", "RowChange", "changes", "changes_in_steps"]

_AT_ONCE: Final = 256  # accounts that are the same object take a third of a microsecond each

_Wire: TypeAlias = AccountBalances | CachedAccount
_Asset: TypeAlias = Asset | CachedAsset


class RowChange(msgspec.Struct, frozen=True, gc=False):
    """A row that was there before and is there now, and differs."""

    old: BalanceRow
    new: BalanceRow


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became different about one account.

    Rows are listed where a balance was read before and now: an account that appeared, is gone, missing or
    failed lists none. A balance is compared with `Failed.last` where that was all there was before it.

    Rows are told apart by symbol, market, asset type and margin mode; several of the same are paired in
    their order, once equal ones are taken out. A live row and a cached one are never equal. Without rows,
    the equity changed, or another figure of the account.

    Attributes:
        before: ``None`` where the account was not asked for.
        after: ``None`` where it is not asked for any more.
    """

    before: Outcome | None
    after: Outcome | None
    rows_added: tuple[BalanceRow, ...] = ()
    rows_removed: tuple[BalanceRow, ...] = ()
    rows_changed: tuple[RowChange, ...] = ()

    def __repr__(self) -> str:
        kinds = " -> ".join(
            "none" if outcome is None else type(outcome).__name__.lower()
            for outcome in (self.before, self.after)
        )
        rows = {"added": self.rows_added, "removed": self.rows_removed, "changed": self.rows_changed}
        counts = ", ".join(f"{len(some)} {what}" for what, some in rows.items() if some)
        return f"<Change {kinds}{', rows: ' if counts else ''}{counts}>"

    @property
    def appeared(self) -> bool:
        """Whether the account is new among those asked for."""
        return self.before is None

    @property
    def gone(self) -> bool:
        """Whether the account is not asked for any more."""
        return self.after is None

    @property
    def outcome_changed(self) -> bool:
        """Whether the kind of outcome differs, or the error: its type or its text.

        False for an account that appeared or is gone.
        """
        return self.before is not None and self.after is not None and _kind(self.before) != _kind(self.after)


def changes(
    before: Mapping[AccountKey, Outcome], after: Mapping[AccountKey, Outcome]
) -> dict[AccountKey, Change]:
    """The accounts that differ between two `Snapshot.outcomes`: first those of *after*, then those gone.

    An account differs where it appeared or is gone, where its outcome changed (see
    `Change.outcome_changed`), and where its rows, its equity, its equities, its transfers or its id did. The
    same at another time, or in another order, is no change.
    """
    return in_one_go(changes_in_steps(before, after))


def changes_in_steps(
    before: Mapping[AccountKey, Outcome], after: Mapping[AccountKey, Outcome]
) -> Generator[None, None, dict[AccountKey, Change]]:
    """As `changes`, for a loop that must not be held: it yields now and then."""
    found: dict[AccountKey, Change] = {}
    appeared = 0
    for some in in_parts(after.items(), _AT_ONCE):
        yield
        for key, new in some:
            old = before.get(key)
            if old is new or (type(old) is Ok and type(new) is Ok and _same(old.value.wire, new.value.wire)):
                continue
            appeared += old is None
            if (change := _change(old, new)) is not None:
                found[key] = change
                yield  # comparing rows takes as long as a hundred accounts without a change
    if len(before) + appeared > len(after):
        for keys in in_parts(before, _AT_ONCE):
            yield
            found |= {key: Change(before=before[key], after=None) for key in keys if key not in after}
    return found


def _same(was: _Wire, now: _Wire) -> bool:
    """Whether both hold the same in the same order, whatever their times."""
    # A watch keeps what has not changed, so that most are the same object, or of the same objects.
    if was is now:
        return True
    if (
        type(was) is CachedAccount
        and type(now) is CachedAccount
        and was.assets is now.assets
        and was.equity is now.equity
        and was.equities is now.equities
        and was.transfers is now.transfers
        and was.account_id is now.account_id
    ):
        return True
    return was.assets == now.assets and _same_but_for_rows(was, now)


def _same_but_for_rows(was: _Wire, now: _Wire) -> bool:
    if type(was) is CachedAccount and type(now) is CachedAccount:
        return (
            was.equity == now.equity
            and was.equities == now.equities
            and was.transfers == now.transfers
            and was.account_id == now.account_id
        )
    return type(was) is type(now)


def _change(old: Outcome | None, new: Outcome) -> Change | None:
    """``None`` where nothing differs."""
    was, now = _read_before(old), _read(new)
    if was is None or now is None or _same(was.wire, now.wire):
        return Change(before=old, after=new) if _kind(old) != _kind(new) else None
    added, removed, changed = _compared(was.wire.assets, now.wire.assets)
    if (
        not (added or removed or changed)
        and _same_but_for_rows(was.wire, now.wire)
        and _kind(old) == _kind(new)
    ):
        return None  # the same rows in another order
    return Change(before=old, after=new, rows_added=added, rows_removed=removed, rows_changed=changed)


def _read(outcome: Outcome | None) -> Balance | None:
    return outcome.value if type(outcome) is Ok or type(outcome) is Stale else None


def _read_before(outcome: Outcome | None) -> Balance | None:
    return _read(outcome.last if type(outcome) is Failed else outcome)


def _kind(outcome: Outcome | None) -> tuple[object, ...]:
    if isinstance(outcome, Failed):
        return Failed, type(outcome.error), str(outcome.error)
    return (type(outcome),)


def _compared(
    was: tuple[_Asset, ...], now: tuple[_Asset, ...]
) -> tuple[tuple[BalanceRow, ...], tuple[BalanceRow, ...], tuple[RowChange, ...]]:
    """The rows added, removed and changed."""
    names = [_name(row) for row in now]
    if len(set(names)) == len(names) and [_name(row) for row in was] == names:
        # As in most answers; to compare rows is cheaper than to hash them.
        differ = [place for place, row in enumerate(now) if row != was[place]]
        before, after = rows_of([was[place] for place in differ]), rows_of([now[place] for place in differ])
        return (), (), tuple(map(RowChange, before, after))
    waiting: dict[tuple[str | None, ...], deque[BalanceRow]] = {}
    for row in rows_of(_without_equals(was, now)):
        waiting.setdefault(_name(row.wire), deque()).append(row)
    added: list[BalanceRow] = []
    changed: list[RowChange] = []
    for row in rows_of(_without_equals(now, was)):
        if olds := waiting.get(_name(row.wire)):
            changed.append(RowChange(olds.popleft(), row))
        else:
            added.append(row)
    removed = [row for olds in waiting.values() for row in olds]
    return tuple(added), tuple(removed), tuple(changed)


def _without_equals(rows: tuple[_Asset, ...], others: tuple[_Asset, ...]) -> list[_Asset]:
    """*rows*, each less one of its equals among *others*."""
    spare = Counter(others)
    left = []
    for row in rows:
        if spare.get(row):
            spare[row] -= 1
        else:
            left.append(row)
    return left


def _name(row: _Asset) -> tuple[str | None, ...]:
    if isinstance(row, CachedAsset):
        return row.symbol, row.wallet_type, row.asset_type, row.margin_mode
    return row.symbol, row.market_type, row.asset_type, None
