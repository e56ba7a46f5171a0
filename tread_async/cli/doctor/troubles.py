"""What an error of a read means to whoever runs the client, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tread_async.cli.doctor.findings import Finding, Verdict
from tread_async.cli.ending import code_of
from tread_async.errors import (
    AuthError,
    BlockedError,
    DeadlineExceededError,
    DecodeError,
    NotSentError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TransportError,
    TreadError,
    UsageError,
)

__all__ = ["failed"]

_SAID: Final[Mapping[type[TreadError], str]] = {
    AuthError: "the token is refused: {}",
    BlockedError: "a firewall answered, not the API: HTTP 403 with a web page. "
    "That is no verdict on the token, which may be fine",
}
_WAIT: Final = "wait, and ask less often: a longer interval, or the setting `requests_per_s`"
_BY_KIND: Final[tuple[tuple[type[TreadError], str], ...]] = (
    (UsageError, "mend what it names, in the configuration or the environment; nothing was sent"),
    (AuthError, "see that the bare token is given, without a scheme before it; else make a new one in Tread"),
    (
        BlockedError,
        "send another User-Agent (the setting `headers`), try without VPN or proxy, or ask the operator of "
        "the host to let this machine's address in",
    ),
    (RateLimitedError, _WAIT),
    (ServerError, "try again in a minute; if it stays, write to Tread's support with the time and this line"),
    (ProtocolError, "see that the base URL is that of the API, with https and without a path that redirects"),
    (DecodeError, "see that the base URL is that of the API; else a newer tread-async may know it"),
    (DeadlineExceededError, "try again; if it stays slow, ask for fewer accounts at once"),
    (NotSentError, "see the lines about the way to the host, and the proxy or what gives the token, if any"),
    (TransportError, "try again; if it stays, something between here and the host drops connections"),
)  # fmt: skip
_OTHERWISE: Final = "see what it says, and try again"
_NOT_THERE: Final = "see that the base URL is that of the API: what stands there has no such path"
_NOT_ALLOWED: Final = "see what this token may do in Tread; the server knows it, and refuses this"


def failed(check: str, error: TreadError) -> Finding:
    """The finding of a read that raised *error*."""
    said = _SAID.get(type(error), "{}").format(error)
    return Finding(check=check, verdict=Verdict.FAILED, said=said, todo=_todo(error), code=code_of(error))


def _todo(error: TreadError) -> str:
    if isinstance(error, RejectedError):
        return _NOT_THERE if error.status == 404 else _NOT_ALLOWED
    if isinstance(error, NotSentError) and error.retry_after_s is not None:  # what is left of a 429's wait
        return _WAIT
    return next((todo for kind, todo in _BY_KIND if isinstance(error, kind)), _OTHERWISE)
