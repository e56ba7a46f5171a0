"""Whose accounts a command is about, and on which server: from the environment, never from the arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tread_async._wiring import DEFAULT_BASE_URL
from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = ["base_url", "credentials"]

_TOKEN: Final = "TREAD_API_TOKEN"  # noqa: S105 - its name
_BASE_URL: Final = "TREAD_BASE_URL"


def credentials(environment: Mapping[str, str]) -> dict[str, Secret]:
    """The tokens by the names of their credentials. Raises `UsageError` where there is none."""
    token = environment.get(_TOKEN)
    if not token:
        raise UsageError(f"there is no API token; set {_TOKEN} in the environment")
    return {"token": Secret(token)}


def base_url(environment: Mapping[str, str]) -> str:
    """The server: Tread.fi, unless the environment names another."""
    return environment.get(_BASE_URL) or DEFAULT_BASE_URL
