"""Whose accounts a command is about, and on which server: never from a secret in the arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

from tread_async.manager import SessionManager

__all__ = ["Connection"]


class Connection(NamedTuple):
    """What ``--profile`` and ``--token`` say.

    Attributes:
        tokens: The names of the only tokens to use; empty for all of the profile.
    """

    profile: str | None = None
    tokens: tuple[str, ...] = ()

    def desk(self, **settings: Any) -> SessionManager:
        """A manager of these tokens, not open yet. Raises `UsageError`."""
        return SessionManager.from_config(self.profile, tokens=self.tokens, **settings)
