"""`watch` and `feed`, the same for a manager and for a client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tread_async._fleet.reads import LIVE_WITHIN_S, Reads
from tread_async._fleet.snapshots import SourceChoice
from tread_async._watch.plan import planned
from tread_async.feed import Feed, Updates
from tread_async.keys import AccountKey, AllAccounts
from tread_async.rules import Rule

__all__ = ["Watched"]

_JITTER: Final = 0.05


class Watched:
    """Something whose balances can be polled."""

    def _readable(self) -> Reads:
        """What reads. Raises `UsageError` where and when that is not possible."""
        raise NotImplementedError

    def watch(
        self,
        accounts: Iterable[AccountKey | str] | AllAccounts | None = None,
        *,
        interval_s: float,
        source: SourceChoice = "cached",
        max_age_s: float | None = None,
        live_within_s: float = LIVE_WITHIN_S,
        jitter: float = _JITTER,
        changes_only: bool = False,
        rules: Iterable[Rule] = (),
        max_silence_s: float | None = None,
        deadline_s: float | None = None,
    ) -> Updates:
        """Balances again and again, one update a round:

            async with desk.watch(interval_s=1.0) as updates:
                async for update in updates: ...

        Each token is polled on a fixed grid of its own, never twice at once, and the tokens are spread
        over the interval. A poll that takes longer skips beats; one that is asked to wait (429, 503) or
        fails twice in a row takes every second, every fourth, every eighth. A failure is in the update and
        ends nothing; a 401 ends the polling of its token. Only what changed is decoded, and what did not is
        the same object.

        Args:
            accounts: ``None`` and ``ALL`` are every account, new ones too.
            interval_s: From one poll of a token to the next.
            source: As of `SessionManager.balances`, like *max_age_s* and *live_within_s*.
            jitter: How much of the interval a poll may begin later, at random, so that many processes do not
                poll at once. The grid stays.
            changes_only: No update without changes, events or a token that ended.
            rules: What is noticed in ``update.events``; see `tread_async.rules`.
            max_silence_s: Raise `SilenceError` when nothing at all was read for so long, which is longer than
                the interval.
            deadline_s: The seconds for each poll, by default the endpoint's: so long does an account of
                a token that hangs stay what it was, see ``update.overdue``.
        """
        feed = self.feed(
            accounts,
            interval_s=interval_s,
            source=source,
            max_age_s=max_age_s,
            live_within_s=live_within_s,
            jitter=jitter,
            rules=rules,
            max_silence_s=max_silence_s,
            deadline_s=deadline_s,
        )
        return feed.subscribe(changes_only=changes_only)

    def feed(
        self,
        accounts: Iterable[AccountKey | str] | AllAccounts | None = None,
        *,
        interval_s: float,
        source: SourceChoice = "cached",
        max_age_s: float | None = None,
        live_within_s: float = LIVE_WITHIN_S,
        jitter: float = _JITTER,
        rules: Iterable[Rule] = (),
        max_silence_s: float | None = None,
        deadline_s: float | None = None,
    ) -> Feed:
        """`watch` for many readers: polled once, from the first that subscribes until the last has left."""
        reads = self._readable()
        plan = planned(
            reads,
            accounts,
            interval_s=interval_s,
            source=source,
            max_age_s=max_age_s,
            live_within_s=live_within_s,
            jitter=jitter,
            rules=rules,
            max_silence_s=max_silence_s,
            deadline_s=deadline_s,
        )
        return Feed(reads, plan, self._readable)
