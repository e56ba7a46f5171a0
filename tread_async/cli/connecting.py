"""Whose accounts a command is about, and on which server: never from a secret in the arguments."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from tread_async._wiring import DEFAULT_BASE_URL
from tread_async.errors import UsageError
from tread_async.manager import SessionManager
from tread_async.secret import Secret

__all__ = ["Connection"]

_TOKEN: Final = "TREAD_API_TOKEN"  # noqa: S105 - its name
_BASE_URL: Final = "TREAD_BASE_URL"


class Connection(NamedTuple):
    """What ``--profile`` and ``--token`` say.

    Attributes:
        tokens: The names of the only tokens to use; empty for all of the profile.
    """

    profile: str | None = None
    tokens: tuple[str, ...] = ()

    def desk(self, **settings: Any) -> SessionManager:
        """A manager of these tokens, not open yet. Raises `UsageError`."""
        if not os.environ.get(_TOKEN):
            raise UsageError(f"there is no API token; set {_TOKEN} in the environment")
        base_url = os.environ.get(_BASE_URL) or DEFAULT_BASE_URL
        return SessionManager({"token": Secret(os.environ[_TOKEN])}, base_url=base_url, **settings)
