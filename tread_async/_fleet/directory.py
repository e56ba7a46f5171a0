"""Whose accounts there are, and which of them a text means."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Final

from tread_async._codec import arguments as check
from tread_async._codec import requests
from tread_async._codec.redaction import sanitised
from tread_async._fleet.lines import Line, Tally, indexed
from tread_async._pacing import Pace
from tread_async._together import together
from tread_async.errors import DeadlineExceededError, TreadError, UsageError
from tread_async.keys import AccountKey
from tread_async.models import Account

__all__ = ["Directory"]

_RELIST_AFTER_S: Final = 30.0  # an account that stays odd must not cost a listing a poll
_RENEWED_WITHIN_S: Final = 5.0
_SHARE: Final = 0.5
_MOST_ODD: Final = 10_000
_MOST_CANDIDATES: Final = 8
_LOOKED_AT_A_STEP: Final = 256
_FAILS_WITH: Final = 0.5  # of the time that a caller has left


class _Roll:
    """The listing of one token: one at a time, and one for all who wait for it."""

    def __init__(self, line: Line, listed: Callable[[], None]) -> None:
        self.line = line
        self._tell = listed
        self._under_way: asyncio.Event | None = None
        self._listings = 0
        self._tried_at = 0.0
        self._doubted = self._news = self._unseen = False
        self._odd: set[str] = set()
        self._error: TreadError | None = None
        self._had_s = 0.0

    def doubt(self, names: Iterable[str]) -> None:
        """An answer does not fit what is listed about *names*."""
        self._doubted = True
        new = set(names) - self._odd
        self._news = self._news or bool(new)
        self._odd = new if len(self._odd) > _MOST_ODD else self._odd | new

    def cannot_see(self) -> None:
        """Reading the accounts that are listed does not show whether there are new ones."""
        self._unseen = True

    @property
    def due(self) -> bool:
        """Whether there is no list, or one in doubt: at once for a name that was not odd before."""
        if self.line.listed is None or self._news:
            return True
        age_s = asyncio.get_running_loop().time() - self._tried_at
        return (self._doubted or self._unseen) and age_s > _RELIST_AFTER_S

    @property
    def failure(self) -> TreadError | None:
        """Why a list without an account may be an old one; of others the balances tell."""
        return None if self.line.listed is None or self.line.listed.keys else self._error

    async def renew(self, deadline: float, tally: Tally, *, anew: bool) -> TreadError | None:
        """Lists the accounts, or waits for a listing that is under way; the error, if it failed.

        With *anew* not for one that is under way: it may say what was so before.
        """
        needed = self._listings + (2 if anew and self._under_way is not None else 1)
        try:
            async with asyncio.timeout_at(deadline):
                while self._listings < needed or self._failed_in_a_hurry(deadline):
                    if self._under_way is None:
                        await self._list_for_all(deadline, tally)
                    else:
                        await self._under_way.wait()
        except TimeoutError:
            return DeadlineExceededError(f"the accounts of {self.line.name!r} could not be listed in time")
        return self._error

    def _failed_in_a_hurry(self, deadline: float) -> bool:
        """Whether the listing failed for a caller who had much less time than there is until *deadline*."""
        left_s = deadline - asyncio.get_running_loop().time()
        return self._error is not None and self._had_s < _FAILS_WITH * left_s

    async def _list_for_all(self, deadline: float, tally: Tally) -> None:
        """Those who wait go on in one turn of the loop, so that what they read next is one request."""
        self._under_way = over = asyncio.Event()
        try:
            await self._list(deadline, tally)
        finally:
            self._under_way = None
            over.set()
        await asyncio.sleep(0)  # with them

    async def _list(self, deadline: float, tally: Tally) -> None:
        line = self.line
        error = None
        self._tried_at = asyncio.get_running_loop().time()
        self._news = False  # also if it hangs: what is odd stays so, but asks for no listing at each poll
        had_s = deadline - self._tried_at
        try:
            call = line.call(requests.accounts(include_archived=False), deadline)
            accounts = await line.carry_out(call, tally)
            line.listed = await line.pace.through(indexed(line.name, accounts))
            self._tell()
            self._doubted = self._unseen = False
        except TreadError as failure:
            error = failure
        self._error, self._had_s = error, had_s
        self._listings += 1


class Directory:
    """The accounts of every line. It lists a token when it is first asked about, and again on doubt."""

    def __init__(self, lines: Mapping[str, Line], pace: Pace) -> None:
        self._rolls = {name: _Roll(line, self._listed) for name, line in lines.items()}
        self._lines = lines
        self._pace = pace
        self._index: dict[str, list[AccountKey]] | None = None

    def _listed(self) -> None:
        self._index = None

    def doubt(self, line: Line, names: Iterable[str]) -> None:
        """An answer of *line* does not fit what is listed of *names*: it will be listed anew."""
        self._rolls[line.name].doubt(names)

    def cannot_see(self, line: Line) -> None:
        """What is read of *line* would not show a new account: it is listed anew now and then."""
        self._rolls[line.name].cannot_see()

    def account(self, key: AccountKey) -> Account | None:
        """What is listed of *key*."""
        listed = self._lines[key.credential].listed
        return None if listed is None else listed.accounts.get(key.name)

    async def know(
        self,
        names: Iterable[str],
        deadline: float,
        tally: Tally,
        *,
        anew: bool = False,
        share: float = _SHARE,
    ) -> dict[str, TreadError]:
        """Lists those of the credentials *names* that are not; with *anew* all of them, from now on.

        Listing takes at most *share* of the time, so that some is left for what comes after it, and a
        list that there is already is renewed in a few seconds or not at all.

        Returns: the errors of those of which nothing is known. An older list with accounts outlives a
        failure.
        """
        rolls = [self._rolls[name] for name in names]
        due = [roll for roll in rolls if anew or roll.due]
        unsure = {roll.line.name: error for roll in rolls if (error := roll.failure) is not None}
        if not due:
            return unsure
        now = asyncio.get_running_loop().time()
        first = deadline if anew else now + (deadline - now) * share
        again = deadline if anew else min(deadline, now + _RENEWED_WITHIN_S)
        errors = await together(
            [
                functools.partial(roll.renew, first if roll.line.listed is None else again, tally, anew=anew)
                for roll in due
            ]
        )
        for roll, error in zip(due, errors, strict=True):
            unsure.pop(roll.line.name, None)
            if error is not None and (anew or roll.line.listed is None or not roll.line.listed.keys):
                unsure[roll.line.name] = error
        return unsure

    async def resolve(
        self, accounts: Iterable[AccountKey | str], deadline: float, tally: Tally
    ) -> list[AccountKey]:
        """The accounts meant, each once, in the order given.

        Raises:
            UsageError: nobody, or more than one account, is meant.
            TreadError: whose account is meant cannot be told, because a token cannot be listed.
        """
        found = await self._pace.through(self._explained(accounts))
        if bare := [text for text in found if isinstance(text, str)]:
            await self._list_for(bare, deadline, tally)
        return list(dict.fromkeys([self._looked_up(one) if isinstance(one, str) else one for one in found]))

    async def one(self, account: AccountKey | str, deadline: float) -> AccountKey:
        """The account meant. Raises as `resolve`."""
        found = self._plain(account)
        if isinstance(found, str):
            await self._list_for([found], deadline, Tally())
            return self._looked_up(found)
        return found

    def _explained(
        self, accounts: Iterable[AccountKey | str]
    ) -> Generator[None, None, list[AccountKey | str]]:
        found: list[AccountKey | str] = []
        for account in accounts:
            if not len(found) % _LOOKED_AT_A_STEP:
                yield
            found.append(self._plain(account))
        return found

    def _plain(self, given: object) -> AccountKey | str:
        """A key; or a text that only the lists can explain."""
        if isinstance(given, AccountKey):
            credential, name = given.credential, given.name
            if not isinstance(credential, str) or not isinstance(name, str):
                raise UsageError("an AccountKey is made of two texts")
        elif isinstance(given, str):
            credential, slash, name = given.partition("/")
            if not slash or credential not in self._lines:
                return check.account_name(given)
        else:
            raise UsageError(
                f"an account is an AccountKey, 'credential/name', a name or an id, not {type(given).__name__}"
            )
        line = self._lines.get(credential)
        if line is None:
            known = _few(list(self._lines))
            raise UsageError(f"there is no credential called {credential!r}; there are {known}")
        return line.key_of(name) or AccountKey(credential, check.account_name(name))

    async def _list_for(self, texts: list[str], deadline: float, tally: Tally) -> None:
        errors = await self.know(self._lines, deadline, tally)
        if not errors and any(text not in self._names() for text in texts):
            errors = await self.know(self._lines, deadline, tally, anew=True)
        for error in errors.values():
            raise error

    def _names(self) -> dict[str, list[AccountKey]]:
        """The keys that each bare name and each id could mean."""
        if self._index is None:
            index: dict[str, list[AccountKey]] = {}
            for line in self._lines.values():
                if line.listed is not None:
                    for name, key in line.listed.keys.items():
                        index.setdefault(name, []).append(key)
                    for account_id, key in line.listed.ids.items():
                        if account_id != key.name:
                            index.setdefault(account_id, []).append(key)
            self._index = index
        return self._index

    def _looked_up(self, text: str) -> AccountKey:
        candidates = self._names().get(text, [])
        if not candidates:
            raise UsageError(f"no account is called {text!r}{self._hint(text)}")
        if len(candidates) > 1:
            raise UsageError(f"{text!r} could be any of {_few(candidates)}; write credential/name")
        return candidates[0]

    def _hint(self, text: str) -> str:
        """Who may be meant: accounts with a name like it, or else which credentials there are."""
        part = text.rpartition("/")[2].casefold()
        alike = [key for name, keys in self._names().items() if part in name.casefold() for key in keys]
        if part and alike:
            return f"; like it are {_few(list(dict.fromkeys(alike)))}"
        return f"; the credentials are {_few(list(self._lines))}" if "/" in text else ""


def _few(things: Sequence[object]) -> str:
    more = f" and {len(things) - _MOST_CANDIDATES} more" * (len(things) > _MOST_CANDIDATES)
    return ", ".join(sanitised(str(thing)) for thing in things[:_MOST_CANDIDATES]) + more
