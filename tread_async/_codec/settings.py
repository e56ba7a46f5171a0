"""Checks of what a client is made of: whom it speaks for, to whom, and through what.

As in `arguments`: each returns the value in the form used, or raises `UsageError` with one sentence
that repeats no secret.
"""

from __future__ import annotations

import ipaddress
import re
import ssl as tls
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tread_async._codec.arguments import PATH, has_dots, mapping
from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = [
    "auth_scheme",
    "base_url",
    "extra_headers",
    "max_in_flight",
    "origin",
    "proxy",
    "requests_per_s",
    "ssl_context",
    "token",
]

_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_PORTS: Final = {"https": 443, "http": 80}
_ONE_A_DAY: Final = 1 / 86_400  # with fewer, no call would have its turn before its deadline
_MOST_PER_S: Final = 10_000
_OWN_HEADERS: Final = frozenset(
    {
        "accept-encoding", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "cookie", "expect", "host", "proxy-authorization", "te", "transfer-encoding",
    }
)  # fmt: skip


def token(value: Secret | str) -> Secret:
    """A token that can stand in a header: printable ASCII without blanks."""
    secret = Secret.of(value) if isinstance(value, Secret | str) else None
    kind, value = type(value).__name__, ""  # bytes, say: what a function gives, and no frame may hold
    if secret is None:
        raise UsageError(f"a token is a Secret or a str, not {kind}")
    if problem := _token_problem(secret.reveal()):
        raise UsageError(problem)
    return secret


def _token_problem(text: str) -> str:
    if not text:
        return "the token is empty"
    if not text.isascii() or not text.isprintable() or " " in text:
        return (
            "the token contains a blank, a control character or a character outside ASCII; "
            "give the bare token, without a scheme before it"
        )
    return ""


def auth_scheme(value: object) -> str:
    """The word in front of the token: ``Token``, or ``Bearer`` on old installations."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value):
        raise UsageError("auth_scheme is one word, such as Token or Bearer")
    return value


def base_url(value: object) -> str:
    """The server's URL without a slash at its end; https, or http on this machine alone."""
    if not isinstance(value, str):
        raise UsageError(f"base_url is a text, not {type(value).__name__}")
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise UsageError(
            "base_url contains a blank, a backslash or a character that does not belong in a URL"
        )
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError("base_url starts with https:// and a host, such as https://app.tread.fi")
    if "@" in parts.netloc:
        raise UsageError("base_url carries a user name or password; give the token instead")
    if "?" in value or "#" in value:
        raise UsageError("base_url carries a query or a fragment")
    spelled = (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")
    if not _is_host(host) or parts.netloc.lower() != spelled:
        raise UsageError("base_url does not name a host in the usual notation")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError("base_url is plain http to another machine, which would show the token; use https")
    if parts.path and (not PATH.fullmatch(parts.path) or has_dots(parts.path)):
        raise UsageError("base_url has a path with '.', '..' or characters that need escaping")
    return parts.scheme + value[len(parts.scheme) :].rstrip("/")


def origin(base_url: str) -> str:
    """What of a checked *base_url* says which server it is."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


def _is_host(host: str) -> bool:
    if ":" in host or host.rpartition(".")[2].isdigit():
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True
    # "0x7f.1" and the like: resolvers read numbers in many notations, and we read none of them.
    return bool(_HOST.fullmatch(host)) and not host.rpartition(".")[2].startswith("0x")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy(value: Secret | None, base_url: str) -> str | None:
    """The URL of an HTTP proxy, for https only: over plain http it would read the token."""
    if value is None:
        return None
    if problem := _proxy_problem(value.reveal(), base_url):
        raise UsageError(problem)
    return value.reveal()


def _proxy_problem(text: str, base_url: str) -> str:
    if "@" in text:
        return "a proxy with a user name and password in its URL is not supported"
    # No path or query either: aiohttp's frames and errors show the URL, and a key may stand there.
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+/?", text):
        return "proxy is the URL of an HTTP proxy, a host and a port such as http://10.0.0.1:3128"
    if not base_url.startswith("https://"):
        return "a proxy is only used for an https base_url: over http it would see the token"
    return ""


def ssl_context(value: tls.SSLContext | None) -> tls.SSLContext | None:
    """A context of the caller's, if it verifies certificates and names."""
    if value is None:
        return None
    if not isinstance(value, tls.SSLContext):
        raise UsageError(f"ssl is an ssl.SSLContext, not {type(value).__name__}")
    if value.verify_mode != tls.CERT_REQUIRED or not value.check_hostname:
        raise UsageError("ssl must verify certificates and host names; add your authority to its store")
    return value


def max_in_flight(value: int, what: str = "max_in_flight") -> int:
    """How many requests may be in flight at once."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise UsageError(f"{what} is a whole number from 1 to 1000")
    return value


def requests_per_s(value: float | None) -> float | None:
    """How many requests may leave in a second; ``None`` is any number."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not _ONE_A_DAY <= value <= _MOST_PER_S:
        raise UsageError(f"requests_per_s is a number from 1/86400, one a day, to {_MOST_PER_S}, or None")
    return float(value)


def extra_headers(values: Mapping[str, str] | None) -> dict[str, str]:
    """Headers to send along, such as ``User-Agent``; those the library owns are refused."""
    headers: dict[str, str] = {}
    for name, text in mapping(values, "headers").items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise UsageError("a header's name is letters, digits and hyphens")
        if name.lower() in _OWN_HEADERS:
            raise UsageError(f"the header {name} is set by the library")
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise UsageError(f"the header {name} has a value that is not printable ASCII")
        headers[name] = text
    return headers
