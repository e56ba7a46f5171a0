"""Writes to one account: sent once, and looked up where the answer leaves something open.

Create answers without an id, archive goes by name and renames, and both acknowledge with a text
that means nothing. So the account is always found by listing, and so is what became of a write
whose answer was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from msgspec import structs

from tread_async._call import Call
from tread_async._codec import arguments as check
from tread_async._codec import requests
from tread_async._codec.redaction import sanitised
from tread_async._codec.replies import Reply, http_date
from tread_async._creates import Create
from tread_async._deadlines import SOON_S
from tread_async._sightings import Archived, Created, Sighting, Updated
from tread_async.errors import (
    ApiError,
    ClientClosedError,
    ClosedAfterSendingError,
    NameConflictError,
    OutcomeUnknownError,
    TreadError,
    UsageError,
)
from tread_async.models import Account
from tread_async.reports import Applied, NotApplied, Unknown, WriteOutcome
from tread_async.secret import Secret

if TYPE_CHECKING:
    from tread_async._calls import Calls

__all__ = ["archive", "create", "update"]

_ACKNOWLEDGED: Final = "the server said that it is done"
_TOO_LATE_S: Final = 2 * SOON_S  # of the deadline: what went before may have ended so much before it
_LISTED_AFTER_S: Final = (0.0, 1.0, 2.0)  # a change may take a moment to show


async def create(
    calls: Calls,
    request: requests.Request[None],
    *,
    name: str,
    exchange: str,
    api_key: Secret,
    resend: bool,
    deadline: float,
) -> Account:
    """Sends *request* and returns the account as it is listed afterwards.

    With *resend* it is sent once more where a listing shows that there is no such account yet. A name is
    unique: if the first still arrives, the second is refused.
    """
    begun = calls.creates.begun(name, exchange, api_key)
    read_back = _ReadBack(calls, request, Created(name, exchange, api_key), begun)
    try:
        with read_back.to_the_end():
            return await _created(read_back, request, resend=resend, deadline=deadline)
    except OutcomeUnknownError:
        raise
    except BaseException as error:
        if isinstance(error, TreadError) or not read_back.has_left:
            calls.creates.came_to_nothing(begun)
        raise


async def _created(
    read_back: _ReadBack, request: requests.Request[None], *, resend: bool, deadline: float
) -> Account:
    try:
        return await read_back.after(await read_back.sent(request, deadline), deadline)
    except ClosedAfterSendingError:
        raise
    except OutcomeUnknownError as error:
        unknown = error.with_traceback(None)
    if not resend or read_back.acknowledged or not read_back.is_absent:
        raise unknown
    return await read_back.after(await read_back.sent_again(request, unknown, deadline), deadline)


async def archive(
    calls: Calls, request: requests.Request[None], *, name: str, expect_id: str | None, deadline: float
) -> Account:
    """Finds who holds *name*, sends *request*, and returns that account as it is listed afterwards."""
    listed = await calls.run(requests.accounts(include_archived=False), deadline)
    read_back = _ReadBack(calls, request, Archived(_holder(listed, name, expect_id)))
    with read_back.to_the_end():
        return await read_back.after(await read_back.sent(request, deadline), deadline)


async def update(
    calls: Calls,
    request: requests.Request[None],
    *,
    account_id: str,
    margin_mode: str | None,
    deadline: float,
) -> None:
    """Sends *request*; where its outcome is unknown, looks whether the account has *margin_mode*.

    ``None`` stands for fields that a listing does not show.
    """
    if margin_mode is None:
        await calls.run(request, deadline)
        return
    read_back = _ReadBack(calls, request, Updated(account_id, margin_mode))
    with read_back.to_the_end():
        if (unknown := await read_back.sent(request, deadline)) is not None:
            await read_back.after(unknown, deadline)


def _holder(accounts: tuple[Account, ...], name: str, expect_id: str | None) -> str:
    held = [account.id for account in accounts if account.name == name and not account.archived]
    if len(held) != 1:
        raise NameConflictError(f"{len(held) or 'no'} accounts hold the name {name!r}; nothing was sent")
    if expect_id is not None and held[0] != expect_id:
        holder = sanitised(held[0])
        raise NameConflictError(f"the name {name!r} is held by {holder}, not {expect_id}; nothing was sent")
    return held[0]


class _ReadBack:
    """One write, and what listing the accounts says of it."""

    def __init__(
        self,
        calls: Calls,
        request: requests.Request[None],
        change: Created | Archived | Updated,
        create: Create | None = None,
    ) -> None:
        self.has_left = False
        self.acknowledged = False
        self.is_absent = False  # as the last listing shows, and nothing that may have been it
        self._may_be_applied = False
        self._calls = calls
        self._endpoint = request.endpoint
        self._secrets = request.secrets  # of the request itself nothing is kept: errors lead here
        self._change = change
        self._create = create
        self._began = (time.monotonic(), time.time())
        self._place = (os.getpid(), asyncio.get_running_loop())

    @contextlib.contextmanager
    def to_the_end(self) -> Iterator[None]:
        """Around all of it: hooks are told where whoever wrote does not learn what became of it."""
        try:
            yield
        except BaseException as error:
            abandoned = self._may_be_applied and not isinstance(error, TreadError)
            if abandoned or isinstance(error, OutcomeUnknownError):
                self._calls.left_open(self._endpoint.name)
            raise

    async def sent(self, request: requests.Request[None], deadline: float) -> OutcomeUnknownError | None:
        """Sends it; the error of an outcome that is not known. Any other error is raised."""
        call = self._calls.call(request, deadline)
        call.read_back = True
        try:
            await self._calls.carry_out(call)
        except ClosedAfterSendingError:
            raise
        except OutcomeUnknownError as error:
            return error.with_traceback(None)
        finally:
            self.has_left |= call.requests_sent > 0
            self._may_be_applied |= call.unknown
        self.acknowledged = self._may_be_applied = True
        return None

    async def sent_again(
        self, request: requests.Request[None], unknown: OutcomeUnknownError, deadline: float
    ) -> OutcomeUnknownError | None:
        """The same after an attempt that may have been applied: a refusal may be for what that one did."""
        try:
            return await self.sent(request, deadline)
        except ClientClosedError:
            failure = self._unknown(
                "the client was closed after an attempt that may have been applied; read back",
                ClosedAfterSendingError,
            )
        except TreadError as error:
            failure = unknown
            failure.cause = error.with_traceback(None)
            if isinstance(error, ApiError):
                failure.message += f". Sent again, it was answered HTTP {error.status}"
            return failure
        raise failure

    async def after(self, unknown: OutcomeUnknownError | None, deadline: float) -> Account:
        """The account as it is listed in the end.

        Raises:
            NameConflictError: another account has the name, so that nothing was applied.
            OutcomeUnknownError: no listing settles it.
        """
        failure = unknown or self._unknown("no listing shows it")
        note = ""
        for wait_s in _LISTED_AFTER_S:
            if self._calls.left_s(deadline) <= wait_s + _TOO_LATE_S:
                break
            try:
                if wait_s:
                    await self._calls.pause(wait_s)
                seen = await self._look(deadline)
            except ClientClosedError:
                failure = self._unknown(
                    "the client was closed before it was read back", ClosedAfterSendingError
                )
                break
            except TreadError as error:
                failure.cause = failure.cause or error.with_traceback(None)
                self.is_absent = False
                continue
            except Exception as error:  # of a token function, say: the write has left all the same
                failure = self._unknown("it may have been applied, and could not be read back")
                failure.read_back = self.resolve
                raise failure from error
            self.is_absent = bool(seen.absent)
            if seen.account is not None:
                return seen.account
            if seen.conflict:
                raise self._conflict(seen)
            note = seen.note or seen.absent
        if note and not failure.message.endswith(note):
            failure.message = f"{failure.message}; {note}"
        failure.read_back = self.resolve
        raise failure

    async def resolve(self, deadline_s: float | None) -> WriteOutcome:
        """Lists once more, and says what that shows."""
        if self._place != (os.getpid(), asyncio.get_running_loop()):
            raise UsageError("resolve() works in the process and on the event loop of its client")
        if deadline_s is not None:
            check.deadline_s(deadline_s)
        if self._create is not None and self._create.made is not None:
            return Applied(seen=self._create.made)  # whatever has become of the account since
        deadline = self._calls.deadline("accounts", deadline_s)
        try:
            seen = await self._look(deadline)
        except TreadError as error:
            failure = self._unknown("the accounts could not be listed")
            failure.cause = error.with_traceback(None)
        else:
            if seen.account is not None:
                return Applied(seen=self._change.shown(seen.account))
            if seen.conflict:
                if self._create is not None:
                    self._calls.creates.came_to_nothing(self._create)
                return NotApplied(error=self._conflict(seen))
            # What does not show may have been undone, or be on its way: absence proves nothing, ever.
            failure = self._unknown(seen.note or f"{seen.absent or 'it does not show'}; it may still arrive")
        failure.read_back = self.resolve
        return Unknown(error=failure)

    async def _look(self, deadline: float) -> Sighting:
        # An account that was created and acknowledged is not an archived one, if there was no other.
        create = self._create
        surely_live = self.acknowledged and create is not None and not self._calls.creates.has_rivals(create)
        request = requests.accounts(include_archived=not surely_live)
        # The server has had the secrets of the write: its answers to others may repeat them, too.
        request = structs.replace(request, secrets=self._secrets)
        call: Call[tuple[Account, ...]] = self._calls.call(request, deadline)
        accounts = await self._calls.carry_out(call)
        began_s = self._server_began(call.reply)
        seen = self._change.seen_in(accounts, began_s, acknowledged=self.acknowledged)
        if create is not None and seen.account is not None:
            seen = self._claimed(create, seen, seen.account)
        secrets = (*self._secrets, *self._calls.secrets)
        said = {name: sanitised(getattr(seen, name), secrets) for name in ("conflict", "note", "absent")}
        return structs.replace(seen, **said)

    def _claimed(self, create: Create, seen: Sighting, account: Account) -> Sighting:
        """*seen*, unless the account is that of another call, or may be: an account has one maker."""
        creates = self._calls.creates
        listed = f"an account {account.name!r} is listed"
        if creates.is_of_another(create, account.id):
            return Sighting(note=f"{listed}, but it was made by another call of this client")
        # What was acknowledged has made one of those that are listed, and made this one if there are no more.
        if creates.has_rivals(create) and not (self.acknowledged and seen.alone):
            return Sighting(note=f"{listed}, but another call of this client may have made it")
        create.made = account.id
        return seen

    def _server_began(self, reply: Reply | None) -> float | None:
        """When the write began, in seconds since the epoch by the server's clock, if it says its time."""
        date = None if reply is None else http_date(reply.date)
        if date is None:
            return None
        # A clock that stands still while the machine sleeps, and one that may be set: the longer time.
        elapsed_s = max(time.monotonic() - self._began[0], time.time() - self._began[1])
        return date.timestamp() - elapsed_s

    def _conflict(self, seen: Sighting) -> NameConflictError:
        failure = NameConflictError(f"{seen.conflict}; nothing was applied")
        failure.endpoint = self._endpoint.label
        return failure

    def _unknown(
        self, message: str, kind: type[OutcomeUnknownError] = OutcomeUnknownError
    ) -> OutcomeUnknownError:
        failure = kind(f"{_ACKNOWLEDGED}; {message}" if self.acknowledged else message)
        failure.endpoint = self._endpoint.label
        return failure
