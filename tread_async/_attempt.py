"""What is known of one attempt, and the error that a failed one means.

The errors of aiohttp end here: what is raised holds a fixed sentence and nothing of theirs.
"""

from __future__ import annotations

import ssl as tls
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from tread_async._codec.requests import Request
from tread_async.errors import (
    ClientClosedError,
    ClosedAfterSendingError,
    DeadlineExceededError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    TransportError,
    TreadError,
)

__all__ = ["CONNECT_TIMEOUT_S", "Attempt", "BrokenError", "tls_in_words"]

CONNECT_TIMEOUT_S: Final = 3.0


class BrokenError(Exception):
    """Carries an error of aiohttp past the place where aiohttp would send the request again."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Attempt:
    """What is known of one attempt while it runs."""

    __slots__ = ("request", "started", "upload")

    def __init__(self, request: Request[Any]) -> None:
        self.request = request
        self.started = False
        self.upload: aiohttp.UploadTracker | None = None

    def _not_sent(self) -> bool:
        if not self.started:
            return True
        if self.upload is None:
            return False
        done = self.upload.upload_complete
        return done.done() and (done.cancelled() or done.exception() is not None)

    def late(self, what: str) -> TreadError:
        """For an attempt that had to wait too long to be sent at all."""
        kind = NotSentError if self.request.endpoint.writes else DeadlineExceededError
        failure = kind(f"no {what}")
        failure.endpoint = self.request.endpoint.label
        return failure

    def held(self, seconds: float) -> TreadError:
        """For an attempt that would have to wait longer than its call lasts."""
        failure = NotSentError(
            f"the server asked this token to wait for another {seconds:.1f} s; nothing was sent"
        )
        failure.endpoint = self.request.endpoint.label
        failure.retry_after_s, failure.permanent = seconds, True
        return failure

    def failure(self, problem: Exception, *, closing: bool) -> TreadError:
        """The error to raise for *problem*, which itself is dropped."""
        failure = self._failure(problem, closing=closing)
        problem.with_traceback(None)  # its frames hold headers and bodies
        failure.endpoint = self.request.endpoint.label
        return failure

    def _failure(self, problem: Exception, *, closing: bool) -> TreadError:
        writes = self.request.endpoint.writes
        not_sent = self._not_sent()
        if isinstance(problem, BrokenError):
            problem = problem.error
        if closing and writes and not not_sent:
            return ClosedAfterSendingError(
                "the client was closed when it had been sent, and no answer came; read back"
            )
        if closing:
            return ClientClosedError("the client was closed during the call")
        if isinstance(problem, ProtocolError):
            failure = ProtocolError(problem.message)
            failure.too_large = problem.too_large
            return failure
        if isinstance(problem, _TLS_PROBLEMS):
            refused = NotSentError(f"{_of_tls(problem)}; nothing was sent")
            refused.permanent = True
            return refused
        if isinstance(problem, _NEVER_CONNECTED):
            return NotSentError(f"no connection: {_in_words(problem)}")
        if writes and not_sent:
            return NotSentError(f"the request did not leave: {_in_words(problem)}")
        if writes:
            unknown = OutcomeUnknownError(f"it was sent, but no answer came: {_in_words(problem)}; read back")
            unknown.timed_out = isinstance(problem, TimeoutError)
            return unknown
        if isinstance(problem, TimeoutError):
            return DeadlineExceededError("no complete answer in time")
        if isinstance(problem, aiohttp.ClientResponseError):
            broken = ProtocolError(_in_words(problem))
            broken.broken = True
            return broken
        return TransportError(f"no complete answer: {_in_words(problem)}")


_TLS_PROBLEMS: Final = (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)
# The numbers are X509_V_ERR_* of OpenSSL. Its texts are not used: some repeat the certificate.
_BY_VERIFY_CODE: Final[Mapping[int, str]] = {
    9: "the server's certificate is not valid yet, by this machine's clock",
    10: "the server's certificate has expired, by this machine's clock",
    **dict.fromkeys((2, 18, 19, 20, 21), "the server's certificate is of an authority that is not trusted"),
    **dict.fromkeys((62, 64), "the server's certificate is for another host"),
}
_BY_REASON: Final[Mapping[str | None, str]] = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS",
    **dict.fromkeys(
        ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"),
        "the server speaks no TLS of version 1.2 or later",
    ),
}
_NEVER_CONNECTED: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)


def _of_tls(problem: Exception) -> str:
    """Why there is no TLS connection, in a fixed sentence."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return tls_in_words(problem.certificate_error)
    return tls_in_words(problem.os_error if isinstance(problem, aiohttp.ClientSSLError) else problem)


def tls_in_words(why: object) -> str:
    """What the `ssl.SSLError` of a handshake means, in a fixed sentence."""
    if isinstance(why, tls.SSLCertVerificationError):
        code = getattr(why, "verify_code", 0)  # one that OpenSSL did not make has none
        other = f"the server's certificate is not accepted (code {code} of OpenSSL)"
        return _BY_VERIFY_CODE.get(code, other)
    return _BY_REASON.get(getattr(why, "reason", None), "the TLS handshake failed")


def _in_words(problem: Exception) -> str:
    """A fixed sentence: the texts of aiohttp may hold what a server sent."""
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return "the host's name was not found"
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return f"not connected within {CONNECT_TIMEOUT_S:g} s, TLS included"
    if isinstance(problem, aiohttp.ClientHttpProxyError):
        return "the proxy refused"
    if isinstance(problem, aiohttp.ClientConnectorError):
        if isinstance(problem.os_error, ConnectionResetError):
            return "the host hung up before it could be asked"
        return "the host refused or is out of reach"
    if isinstance(problem, TimeoutError):
        return "the time was up"
    if isinstance(problem, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if isinstance(problem, aiohttp.ClientResponseError):
        return "the answer is not HTTP as it should be"
    return "the connection was lost"
