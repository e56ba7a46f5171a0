"""Whose accounts a command is about, and on which server: never from a secret in the arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

from tread_async.client import TreadClient
from tread_async.config import Config
from tread_async.errors import UsageError
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

    def client(self, *, of: str = "") -> tuple[str, TreadClient]:
        """The name of the one token, and a client of it, not open yet. Raises `UsageError`.

        Args:
            of: An account; one that is called ``token/name`` says which of several tokens it is.
        """
        config = Config.load(self.profile, tokens=self.tokens)
        credentials, settings = config.credentials, config.arguments()
        if (named := of.partition("/")[0]) in credentials and "/" in of:
            credentials = {named: credentials[named]}
        if len(credentials) > 1:
            names = ", ".join(credentials)
            raise UsageError(f"there are several tokens: {names}; say which with --token; nothing was sent")
        ((name, credential),) = credentials.items()
        settings["max_in_flight"] = settings.pop("max_in_flight_per_token")
        return name, TreadClient(credential.token, proxy=credential.proxy, **settings)
