"""The metrics of a watch, served to Prometheus while it runs."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from tread_async.cli.streams import say
from tread_async.errors import UsageError
from tread_async.hooks import Hooks

__all__ = ["served"]

_THIS_MACHINE: Final = "127.0.0.1"


@contextlib.contextmanager
def served(address: str | None) -> Iterator[Hooks | None]:
    """Hooks whose metrics are served at *address*, by a thread of their own; ``None`` without one.

    Raises:
        UsageError: that is no address, or cannot be listened on, or the extra is missing.
    """
    if address is None:
        yield None
        return
    host, port = _parsed(address)
    try:
        from tread_async.metrics import Metrics
    except ImportError as error:
        raise UsageError(f"--metrics: {error}") from None
    import prometheus_client

    # They are a series more for each, and nothing looks at them.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=registry)
    metrics = Metrics(registry)
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(f"--metrics: {_why(error, host, port)}") from None
    try:
        where = f"[{host}]" if ":" in host else host
        say("watch", f"metrics at http://{where}:{server.server_port}/metrics")
        yield metrics.hooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parsed(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"--metrics is [HOST]:PORT, such as :9464 or 0.0.0.0:9464, not {address!r}")
    return host.removeprefix("[").removesuffix("]") or _THIS_MACHINE, int(port)


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use"
    return f"cannot listen on {host}, port {port}: {error.strerror}"
