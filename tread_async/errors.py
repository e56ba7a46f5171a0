"""Every error this library raises on purpose, under one root.

    TreadError
      UsageError              refused on this side; nothing was sent (also a ValueError)
      ClientClosedError       the client was closed while the call was waiting
        ClosedAfterSendingError   and a write had left (also an OutcomeUnknownError)
      TransportError          no usable answer
        NotSentError          the server never had the whole request: nothing was applied
        OutcomeUnknownError   a write left, and whether it was applied is not known
        DeadlineExceededError a read found no answer in the time it was given
        ProtocolError         an answer that is not the documented protocol
      ApiError                the server answered with an error status
        AuthError             401
        BlockedError          403 with a web page: refused in front of the API
        UnprocessableError    422
        RateLimitedError      429
        ServerError           5xx
        RejectedError         every other 4xx
      DecodeError             a 2xx whose body does not fit the documented shape
      NameConflictError       an account of that name is not the account meant
      AccountError            the server answered, and says that it could not read this account
      IncompleteSnapshotError a figure was asked for that the answers do not hold
      SilenceError            a watch could read nothing for too long

A write has three outcomes. It returns: applied. It raises `OutcomeUnknownError`: unknown.
It raises anything else: not applied.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tread_async.reports import LeverageReport, MarginModeReport, PlanReport, WriteOutcome

__all__ = [
    "AccountError",
    "ApiError",
    "AuthError",
    "BlockedError",
    "ClientClosedError",
    "ClosedAfterSendingError",
    "DeadlineExceededError",
    "DecodeError",
    "IncompleteSnapshotError",
    "NameConflictError",
    "NotSentError",
    "OutcomeUnknownError",
    "ProtocolError",
    "RateLimitedError",
    "RejectedError",
    "ServerError",
    "SilenceError",
    "TransportError",
    "TreadError",
    "UnprocessableError",
    "UsageError",
]


class TreadError(Exception):
    """Root of everything this library raises on purpose.

    Attributes:
        endpoint: ``METHOD /path`` without the query, or ``None`` before a request was built.
        attempts: Attempts begun for the call, those that never left included; 0 before the first.
        budget_exhausted: True where it would have been repeated, but too many repeats had failed before.
    """

    endpoint: str | None = None
    attempts: int = 0
    budget_exhausted: bool = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        where = f"{self.endpoint}: " if self.endpoint else ""
        tries = f" ({self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{where}{self._said()}{tries}"

    def _said(self) -> str:
        return self.message


class UsageError(TreadError, ValueError):
    """Refused before anything was sent: an argument or a moment that cannot work."""


class ClientClosedError(TreadError):
    """The client was closed before the call had its answer.

    Attributes:
        report: What a write to many accounts had settled until then, or ``None``.
    """

    report: LeverageReport | MarginModeReport | PlanReport | None = None


class TransportError(TreadError):
    """No usable answer came back. Raised as itself when a read lost its connection."""


class NotSentError(TransportError):
    """The server never received the whole request, so nothing was applied.

    Attributes:
        permanent: True where a repeat cannot help: a certificate that does not fit, a newer call that
            sets the same, a circuit breaker that is open, or a server that asked to wait for longer than
            the call may last.
        retry_after_s: Seconds that are left of a wait the server asked for, or ``None``.
    """

    permanent: bool = False
    retry_after_s: float | None = None


class OutcomeUnknownError(TransportError):
    """A write was sent, and whether it was applied is not known. Read back before repeating.

    Attributes:
        cause: The last error seen, or ``None`` when no answer came at all.
        timed_out: True where the time was up before an answer came.
        read_back: What `resolve` calls; ``None`` where nothing shows the outcome, and in a copy or pickle.
    """

    cause: TreadError | None = None
    timed_out: bool = False
    read_back: Callable[[float | None], Awaitable[WriteOutcome]] | None = None

    async def resolve(self, *, deadline_s: float | None = None) -> WriteOutcome:
        """Reads back what became of the write, at any time while the client is open.

        After `TreadClient` created, archived, or updated a margin mode. `Applied` has what the listing shows
        as ``seen``: the new account's id, the archived one's new name, the margin mode. `NotApplied` comes
        where another account has had the name all along. Anything else is still `Unknown`: what does not
        show may be on its way, or done and undone, a listing that fails or takes too long shows nothing, and
        an account that another call of the client created, or may have, proves nothing of this one.

        Args:
            deadline_s: Seconds for the whole call; by default as for `TreadClient.accounts`.

        Raises:
            UsageError: *deadline_s* cannot work, or there is no way to read this write back, or not from
                this event loop.
        """
        if self.read_back is None:
            raise UsageError("this write cannot be read back from here; read balances or accounts instead")
        return await self.read_back(deadline_s)

    def __reduce__(self) -> Any:
        kept = {name: value for name, value in vars(self).items() if name != "read_back"}
        return (type(self), self.args, kept)


class ClosedAfterSendingError(ClientClosedError, OutcomeUnknownError):
    """The client was closed when a write had left: whether it was applied is not known."""


class DeadlineExceededError(TransportError):
    """A read got no answer within its attempt timeouts or its deadline."""


class ProtocolError(TransportError):
    """The answer is not what is documented: a redirect, an odd status, broken HTTP, too large.

    Attributes:
        broken: True where it was no HTTP at all, which may pass; the other kinds do not.
        too_large: True where it was larger than the library reads; asking for less helps.
    """

    broken: bool = False
    too_large: bool = False


class ApiError(TreadError):
    """The server answered with an error status.

    Attributes:
        status: The HTTP status.
        errors: The server's list of messages, if it sent one; sanitised and capped.
        retry_after_s: Seconds the server asked to wait, or ``None``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: tuple[str, ...] = (),
        attempts: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.args: tuple[Any, ...] = (status, message)  # what a pickle rebuilds the error from
        self.status = status
        self.errors = errors
        self.attempts = attempts
        self.retry_after_s = retry_after_s

    def _said(self) -> str:
        asked = f"; asked to wait {self.retry_after_s:g} s" if self.retry_after_s is not None else ""
        return f"HTTP {self.status}: {self.message}{asked}"


class AuthError(ApiError):
    """401: the token is not accepted."""


class BlockedError(ApiError):
    """403 with a web page: a firewall refused the request before the API saw it.

    The token may be fine. Set ``headers={"User-Agent": ...}`` or ask the operator of the host.
    """


class RejectedError(ApiError):
    """Another 4xx: the server understood the request and refused it."""


class UnprocessableError(ApiError):
    """422: leverage could not be set, on the exchange's side."""


class RateLimitedError(ApiError):
    """429: too many requests."""


class ServerError(ApiError):
    """5xx: the server failed."""


class DecodeError(TreadError):
    """The body of a success does not fit the documented shape; the message has the JSON path.

    Attributes:
        malformed: True where the body is not JSON at all, as after a cut.
    """

    malformed: bool = False


class NameConflictError(TreadError):
    """The account that holds the name is not the one expected; nothing was changed."""


class AccountError(TreadError):
    """The server answered the call, and lists this account among those it could not read."""


class IncompleteSnapshotError(TreadError):
    """A figure was asked for that would be wrong: some of what it is made of is not known."""


class SilenceError(TreadError):
    """A watch could read nothing at all for longer than its ``max_silence_s``."""
