"""One read of some accounts of one token."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tread_async._codec import requests
from tread_async._codec.endpoints import BALANCES_BY_ACCOUNT, CACHED_BALANCES_BY_ACCOUNT, Endpoint
from tread_async._codec.redaction import sanitised, sanitised_within
from tread_async._codec.replies import Reply
from tread_async._codec.scanning import Scanned
from tread_async._fleet.isolation import Isolation, halves, is_shared, timeout_of_a_part_s
from tread_async._fleet.lines import Line, Tally
from tread_async._fleet.settling import settled_cached, settled_live
from tread_async._policy import RetryPolicy
from tread_async.balance import Source
from tread_async.errors import AccountError, NameConflictError, TreadError, UsageError
from tread_async.keys import AccountKey
from tread_async.outcomes import Failed, Missing, Ok, Outcome

__all__ = ["Reading"]

_MOST_REPLY_BYTES: Final = 4 * 1024 * 1024  # half of what is read at most: answers grow
_ENOUGH_TO_TELL: Final = 100  # accounts, half of which tell how large an answer will be
# Of a batch, which is then split. Its parts, and accounts that failed before, are not repeated: a few bad
# ones, asked for every second, would spend the budget for repeats of all the others.
_FEWER_ATTEMPTS: Final = 2
_ENDPOINTS: Final[Mapping[str, Any]] = {"live": BALANCES_BY_ACCOUNT, "cached": CACHED_BALANCES_BY_ACCOUNT}


class Reading:
    """The balances of *wanted*, each settled as soon as its batch is.

    ``settled`` is told of each part of the outcomes.
    """

    def __init__(
        self,
        line: Line,
        source: Source,
        wanted: dict[str, AccountKey],
        base_url: str,
        deadline: float,
        endpoint: Endpoint[Any] | None = None,
    ) -> None:
        self.wanted = wanted
        self.deadline = deadline
        self.settled: Callable[[dict[str, Outcome]], None] | None = None
        self.outcomes: dict[str, Outcome] = {}
        self.unexpected: dict[str, None] = {}
        self.duplicates: dict[str, None] = {}
        self.missing: list[str] = []
        self.first_settled_at: float | None = None  # by this machine's clock
        self.tally: Tally = Tally()
        self._line = line
        self._source = source
        self._suspects = line.suspects[source]
        self._endpoint = endpoint or _ENDPOINTS[source]
        self._base_url = base_url
        self._everything = False
        self._whole: list[str] | None = None
        self._has_split = False
        self._failed_alone: list[str] = []
        self._unmatched: list[tuple[bytes, Any]] = []
        self._matched: set[bytes] = set()

    @property
    def errors(self) -> tuple[Any, ...]:
        """What the server lists as not read and belongs to no wanted account."""
        errors = tuple([error for text, error in self._unmatched if text not in self._matched])
        return sanitised_within(errors, self._line.calls.secrets) if errors else ()

    @property
    def shows_all(self) -> bool:
        """Whether every account of the token was asked for without naming them, so that a new one shows."""
        return self._whole is not None

    async def run(self) -> None:
        """Settles every wanted account."""
        listed = self._line.listed
        # Then one request without a filter asks for all of them, and any other account is news.
        self._everything = listed is not None and listed.keys.keys() == self.wanted.keys()
        isolation = Isolation(self._ask, self._give_up, self._split, self._left_s, _can_be_named)
        await isolation.run_all(self._batches())
        if isolation.alive:  # in an outage nobody is suspected: each read would suspect three more
            self._suspects.update(self._failed_alone)

    def _left_s(self) -> float:
        return self._line.calls.left_s(self.deadline)

    def _fits(self, accounts: int) -> bool:
        return accounts * self._line.bytes_per_account[self._source] <= _MOST_REPLY_BYTES

    def _batches(self) -> list[list[str]]:
        names = list(self.wanted)
        if suspects := [name for name in names if name in self._suspects and "," not in name]:
            alone = [[name] for name in suspects]
            rest = [name for name in names if name not in self._suspects or "," in name]
            return [*alone, *self._batches_of(rest)]
        if self._everything and self._fits(len(names)):
            self._whole = names
            return [names]
        return self._batches_of(names)

    def _batches_of(self, names: list[str]) -> list[list[str]]:
        for name in [name for name in names if not requests.fits(self._endpoint, name, self._base_url)]:
            names.remove(name)
            self._give_up([name], UsageError("the name does not fit in a URL together with this base_url"))
        with_comma = [name for name in names if "," in name]
        listed = self._line.listed
        if with_comma and (listed is None or self._fits(len(listed.keys))):
            return [names]  # a comma list cannot name them: they come with everything, as can the others
        return [with_comma, *self._named([name for name in names if "," not in name])]

    def _named(self, names: list[str]) -> list[list[str]]:
        most = max(1, int(_MOST_REPLY_BYTES / self._line.bytes_per_account[self._source]))
        return requests.batches(self._endpoint, names, self._base_url, most)

    def _split(self, batch: list[str], finely: bool) -> list[list[str]]:
        self._has_split = True
        with_comma = [name for name in batch if "," in name]
        others = [name for name in batch if "," not in name]
        if not others:
            return []  # there is one way to ask for them, and it has failed
        if finely:
            return [with_comma, *[[name] for name in others]]
        parts = self._named(others)
        return [with_comma, *(parts if len(parts) > 1 or with_comma else halves(others))]

    async def _ask(self, batch: list[str]) -> None:
        unfiltered = batch is self._whole or any("," in name for name in batch)
        request = requests.naming(self._endpoint, None if unfiltered else batch)
        await self._line.pace.turn()
        alone = len(batch) == 1
        call = self._line.call(request, self.deadline, policy=self._policy(batch), patient=alone)
        scanned = await self._line.carry_out(call, self.tally)
        if call.reply is not None:
            self._settle(batch, scanned, call.reply, filtered=not unfiltered)

    def _policy(self, batch: list[str]) -> RetryPolicy:
        policy = self._line.calls.policy(self._endpoint.name)
        attempts, size = policy.attempts, len(batch)
        if size > 1:
            attempts = 1 if self._has_split else min(attempts, _FEWER_ATTEMPTS)
        elif batch[0] in self._suspects:
            attempts = 1
        timeout_s = policy.attempt_timeout_s
        if self._has_split:
            timeout_s = timeout_of_a_part_s(timeout_s, self._left_s(), size)
        elif attempts == policy.attempts:
            return policy  # a new one would be checked again
        return msgspec.structs.replace(policy, attempts=attempts, attempt_timeout_s=timeout_s)

    def _settle(self, batch: list[str], scanned: Scanned[Any], reply: Reply, *, filtered: bool) -> None:
        line = self._line
        live_as_of_s = line.observe(reply)
        now_s = time.time() + line.clock.ahead_s
        self.first_settled_at = self.first_settled_at or time.time()
        if self._source == "live":
            found = settled_live(scanned, batch, self.wanted, as_of_s=live_as_of_s, now_s=now_s)
        else:
            secrets = line.calls.secrets
            ids = {} if line.listed is None else line.listed.ids
            found, unmatched, strange = settled_cached(
                scanned, batch, self.wanted, now_s=now_s, id_of=line.id_of, ids=ids, secrets=secrets
            )
            if scanned.errors:
                self._note_errors(scanned.errors, unmatched)
            self._refuse_strange(found, strange)
        self._refuse_twice(found)
        self._suspects.difference_update(batch)
        self._note(scanned, found, reply.size, filtered=filtered)
        self.outcomes.update(found)
        if self.settled is not None:
            self.settled(found)

    def _note(
        self, scanned: Scanned[Any], found: Mapping[str, Outcome], size: int, *, filtered: bool
    ) -> None:
        """What the answer says besides: accounts that are new or gone, duplicates, its size."""
        listed = self._line.listed
        if len(scanned.accounts) * 2 >= min(_ENOUGH_TO_TELL, len(listed.keys) if listed else _ENOUGH_TO_TELL):
            self._line.bytes_per_account[self._source] = size / max(1, len(scanned.accounts))
        self.missing += [name for name, outcome in found.items() if type(outcome) is Missing]
        self.duplicates.update({name: None for name in scanned.repeated if name in self.wanted})
        if filtered or self._everything:
            for names in (scanned.accounts, scanned.faults):
                if not names.keys() <= self.wanted.keys():
                    self.unexpected.update({name: None for name in names if name not in self.wanted})

    def _refuse_strange(self, found: dict[str, Outcome], strange: Sequence[str]) -> None:
        """A name may be that of another user's account. Not if no id agrees: then they are of two kinds."""
        listed = self._line.listed
        if listed is None:
            return
        if not self._line.ids_agree:
            balances = sum(type(outcome) is Ok for outcome in found.values())
            self._line.ids_agree = balances > len(strange)
        if self._line.ids_agree:
            for name in strange:
                if name in listed.keys and name not in listed.twice:
                    self.missing.append(name)  # or the list is an old one
                    found[name] = Failed(
                        AccountError("the answer has an account of this name with another id")
                    )

    def _refuse_twice(self, found: dict[str, Outcome]) -> None:
        """What is said of a name that two accounts are listed under may be said of the other one."""
        listed = self._line.listed
        if listed is not None and listed.twice:
            for name in listed.twice & found.keys():
                error = NameConflictError(f"two accounts are listed as {sanitised(str(self.wanted[name]))}")
                found[name] = Failed(error)

    def _note_errors(self, errors: Sequence[Any], unmatched: Sequence[Any]) -> None:
        """A server that ignores the filter says the same with each answer, of other batches too."""
        before = {text for text, _ in self._unmatched}
        texts = [(msgspec.json.encode(error), error) for error in unmatched]
        self._unmatched += [(text, error) for text, error in texts if text not in before]
        self._matched.update({msgspec.json.encode(error) for error in errors} - {text for text, _ in texts})

    def _give_up(self, batch: list[str], error: TreadError) -> None:
        if len(batch) == 1 and not is_shared(error):
            self._failed_alone.append(batch[0])
        found: dict[str, Outcome] = {name: Failed(error) for name in batch}
        self.outcomes.update(found)
        if self.settled is not None:
            self.settled(found)


def _can_be_named(name: str) -> bool:
    return "," not in name
