"""TLS: the handshake that the library makes, and for how long its certificate is good."""

from __future__ import annotations

import asyncio
import contextlib
import ssl as tls
import time
from collections.abc import Mapping
from typing import Any, Final

from tread_async._attempt import tls_in_words
from tread_async.cli.doctor.findings import Finding, Verdict

__all__ = ["shaken"]

_WITHIN_S: Final = 5.0
_SOON_DAYS: Final = 21.0
_DAY_S: Final = 86_400.0
# By what `tls_in_words` says.
_TODO: Final = (
    ("by this machine's clock", "see that this machine's clock is right; if it is, the host needs a new one"),
    (
        "not trusted",
        "if something of your company opens TLS on the way, add its authority to this machine's store, "
        "or name its file in SSL_CERT_FILE",
    ),
    ("another host", "see that the base URL has the name that the certificate is for"),
    ("does not speak TLS", "see that the base URL names the port of https"),
)
_OTHERWISE: Final = "ask the operator of the host, or whoever runs what stands between"


async def shaken(host: str, port: int, address: str, context: tls.SSLContext) -> Finding:
    """The handshake with *address*, and the certificate that it shows for *host*."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    except tls.SSLError as error:
        return _refused(tls_in_words(error))
    except TimeoutError:
        return _refused(f"no handshake within {_WITHIN_S:g} s")
    except OSError:
        return _refused("the host hung up during the handshake")
    spoken: tls.SSLObject = writer.get_extra_info("ssl_object")
    certificate, version = spoken.getpeercert() or {}, spoken.version()
    writer.transport.abort()  # it need not be closed politely: nothing was said
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return _of_certificate(host, certificate, version or "TLS", now_s=time.time())


def _refused(said: str) -> Finding:
    todo = next((todo for part, todo in _TODO if part in said), _OTHERWISE)
    return Finding(check="TLS", verdict=Verdict.FAILED, said=said, todo=todo)


def _of_certificate(host: str, certificate: Mapping[str, Any], version: str, *, now_s: float) -> Finding:
    left_days = (tls.cert_time_to_seconds(certificate["notAfter"]) - now_s) / _DAY_S
    subject = _name(certificate.get("subject", ()), "commonName", "organizationName") or "nobody"
    issuer = _name(certificate.get("issuer", ()), "organizationName", "commonName") or "nobody"
    said = f"{version}, {host} by a certificate for {subject} of {issuer}, good for {left_days:.0f} more days"
    soon = left_days < _SOON_DAYS
    return Finding(
        check="TLS",
        verdict=Verdict.WARNING if soon else Verdict.OK,
        said=said,
        todo="the host needs a new one soon: tell its operator" if soon else "",
        figures={"certificate_left_days": left_days},
    )


def _name(parts: Any, *wanted: str) -> str | None:
    """The first of *wanted* in a distinguished name as `ssl` gives it."""
    said = {key: text for part in parts for key, text in part}
    return next((said[key] for key in wanted if key in said), None)
