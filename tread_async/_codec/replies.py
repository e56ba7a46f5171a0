"""What an answer means: the model, or the error that fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from tread_async._codec.bodies import UNDECODABLE, NotDoneError, TwiceNamedError
from tread_async._codec.endpoints import Endpoint
from tread_async._codec.redaction import sanitised, sanitiser
from tread_async.errors import (
    ApiError,
    AuthError,
    BlockedError,
    DecodeError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TreadError,
    UnprocessableError,
)
from tread_async.secret import Secret

__all__ = [
    "Reply",
    "asked_to_wait_s",
    "error_of",
    "http_date",
    "parse",
    "parsing",
    "problem_of",
    "retry_after_s",
]

T = TypeVar("T")

_MAX_ERRORS: Final = 20
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_FIXDATE: Final = re.compile(
    r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    401: AuthError,
    422: UnprocessableError,
    429: RateLimitedError,
}


class Reply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A complete answer. Header values are as sent, ``""`` where absent.

    ``more`` is the rest of a long body, in the pieces in which it came. ``date`` is ``""`` in a copy out of
    a cache on the way too, as ``age`` says of it.
    """

    status: int
    body: bytes
    more: tuple[bytes, ...] = ()
    content_type: str = ""
    retry_after: str = ""
    date: str = ""
    age: str = ""
    sent_at: float = 0.0  # seconds since the epoch, by this machine's clock
    received_at: float = 0.0

    @property
    def size(self) -> int:
        """Bytes of the whole body."""
        return len(self.body) + (sum(map(len, self.more)) if self.more else 0)

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {self.size} bytes>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status)]


def parse(endpoint: Endpoint[T], reply: Reply) -> T:
    """The body of a success as the endpoint's model.

    Raises:
        DecodeError: with the JSON path and without the value.
    """
    try:
        # A 204 has no body. Any other empty body may be one that was cut.
        body = b"".join((reply.body, *reply.more)) if reply.more else reply.body
        return endpoint.decode(b"null" if reply.status == 204 else body)
    except UNDECODABLE as error:
        failure = _undecodable(endpoint, reply, error)
    raise failure


def parsing(
    endpoint: Endpoint[T], steps: Callable[[Sequence[bytes]], Generator[None, None, T]], reply: Reply
) -> Generator[None, None, T]:
    """`parse` in *steps*."""
    try:
        return (yield from steps((reply.body, *reply.more)))
    except UNDECODABLE as error:
        failure = _undecodable(endpoint, reply, error)
    raise failure


def _undecodable(endpoint: Endpoint[Any], reply: Reply, error: Exception) -> DecodeError:
    web_page = _is_web_page(reply)
    kind = " (a web page, not JSON)" if web_page else ""
    failure = DecodeError(f"HTTP {reply.status}, but its body does not decode{kind}: {problem_of(error)}")
    failure.endpoint = endpoint.label
    failure.malformed = _is_malformed(error) and not web_page
    return failure


def problem_of(error: Exception) -> str:
    """What is wrong with a body, without a value of it."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    text = str(error)
    if text.startswith("Invalid"):  # the one kind of message that repeats the value
        text = "Invalid value" + "".join(re.findall(r" - at `[^`]*`$", text))
    return sanitised(text)


def _is_malformed(error: Exception) -> bool:
    return isinstance(error, msgspec.DecodeError) and not isinstance(
        error, msgspec.ValidationError | TwiceNamedError | NotDoneError
    )


def error_of(endpoint: Endpoint[Any], reply: Reply, secrets: tuple[Secret, ...] = ()) -> TreadError | None:
    """The error an answer stands for, or ``None`` for a success.

    Only documented statuses succeed: 200, or any 2xx where nothing is documented.
    """
    if reply.status == 200 or (endpoint.any_success and 200 <= reply.status < 300):
        return None
    failure: TreadError
    if 400 <= reply.status < 600:
        failure = _api_error(reply, secrets)
    elif 300 <= reply.status < 400:
        failure = ProtocolError(
            f"HTTP {reply.status}: a redirect, which is never followed; check base_url and the path"
        )
    else:
        failure = ProtocolError(f"HTTP {reply.status}: not a documented status")
    failure.endpoint = endpoint.label
    return failure


def _api_error(reply: Reply, secrets: tuple[Secret, ...]) -> ApiError:
    kind = _BY_STATUS.get(reply.status, ServerError if reply.status >= 500 else RejectedError)
    if reply.status == 403 and _is_web_page(reply):
        text = "blocked by a web page in front of the API; the token may be fine, try another User-Agent"
        return BlockedError(403, text)
    message, errors = _texts(reply)
    clean = sanitiser(secrets)
    return kind(
        reply.status,
        clean(message).strip() or "no message",
        errors=tuple(clean(text) for text in errors[:_MAX_ERRORS]),
        retry_after_s=retry_after_s(reply.retry_after, _server_time(reply)),
    )


def _is_web_page(reply: Reply) -> bool:
    return "html" in reply.content_type.lower() or reply.body[:64].lstrip()[:1] == b"<"


def _texts(reply: Reply) -> tuple[str, list[str]]:
    """The message and the list of errors in a body of any of the shapes seen."""
    if _is_web_page(reply):
        return "a web page instead of an answer of the API", []
    try:
        return _texts_of(msgspec.json.decode(reply.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return reply.body.decode("utf-8", "replace"), []


def _texts_of(body: Any) -> tuple[str, list[str]]:
    if isinstance(body, str):
        return body, []
    if isinstance(body, list):
        return _joined(_flat(body)), _flat(body)
    if not isinstance(body, dict):
        return "", []
    errors = _flat(body.get("errors"))
    for key in ("error", "message", "detail"):
        if text := _joined(_flat(body.get(key))):
            return text, errors
    if errors:
        return _joined(errors), errors
    fields = [f"{name}: {_joined(_flat(value))}" for name, value in body.items() if _flat(value)]
    return _joined(fields), fields


def _flat(value: Any) -> list[str]:
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, list):
        return [text for item in value[:_MAX_ERRORS] for text in _flat(item)][:_MAX_ERRORS]
    return [msgspec.json.encode(value).decode()]


def _joined(texts: list[str]) -> str:
    return ", ".join(texts)


def _server_time(reply: Reply) -> datetime:
    """The server's clock where it says it, so that a skewed clock here does not stretch a wait."""
    return http_date(reply.date) or datetime.fromtimestamp(reply.received_at, UTC)


def asked_to_wait_s(reply: Reply) -> float | None:
    """Seconds for which nothing should be sent; ``None`` where the answer says nothing of the kind."""
    return retry_after_s(reply.retry_after, _server_time(reply)) if reply.status == 429 else None


def retry_after_s(header: str, now: datetime) -> float | None:
    """Seconds a ``Retry-After`` asks for: up to six digits, or an HTTP date. Else ``None``.

    Strict, because a lenient number parser accepts ``nan``, ``1e9`` and digits of other scripts.
    """
    if _SECONDS.fullmatch(header):
        return float(header)
    moment = http_date(header)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def copied_s(header: str) -> float | None:
    """Seconds at most since an answer with that ``Age`` was written, 0 for one that is no copy.

    ``None`` for a header of another form, which says that it is a copy, and not since when.
    """
    if header in ("", "0"):
        return 0.0
    return float(header) + 1.0 if _SECONDS.fullmatch(header) else None  # whole ones, cut off


def http_date(header: str) -> datetime | None:
    """An IMF-fixdate (RFC 9110, 5.6.7) as an aware time, or ``None``."""
    if (written := _FIXDATE.fullmatch(header)) is None:
        return None
    day, month, year, hour, minute, second = written.groups()
    try:
        moment = int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)
        return datetime(*moment, tzinfo=UTC)
    except ValueError:  # no such month, or no such day in it
        return None
