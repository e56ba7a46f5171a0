"""The switch that removes waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

from anyio.lowlevel import checkpoint

__all__ = ["no_backoff"]


async def _at_once(_: float) -> None:
    await checkpoint()


def _not_held(*_: object) -> None:
    """The server asks every call of a token to wait."""


@contextlib.contextmanager
def no_backoff() -> Iterator[None]:
    """Inside, no client and no manager of the process waits before it tries again.

    That is between attempts, after a ``Retry-After``, and between two looks at the list of accounts. Whether
    there is another attempt is decided as ever, by the same policies and deadlines: only the time does not
    pass. What takes time by itself does so still: a slow answer, a rate, the interval of a watch.
    """
    with (
        mock.patch("tread_async._transport.sleep", _at_once),
        mock.patch("tread_async._gates.Share.hold", _not_held),
    ):
        yield
