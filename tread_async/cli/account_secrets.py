"""The key, secret and password of an exchange account: from anywhere but the arguments, which others see."""

from __future__ import annotations

import functools
import getpass
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tread_async._config.files import UnreadableError, patiently_read, secret_bytes, token_bytes
from tread_async.cli.confirming import is_attended
from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = ["AccountSecrets"]

_NAMES: Final = ("api_key", "api_secret", "password")
_NEEDED: Final = _NAMES[:2]
_ENVIRONMENT: Final = "TREAD_ACCOUNT_"
_STDIN: Final = "-"


class AccountSecrets(NamedTuple):
    """What an exchange gave out for an account."""

    api_key: Secret
    api_secret: Secret
    password: Secret | None

    @classmethod
    def read(cls, path: str | None) -> AccountSecrets:
        """Those in the JSON of *path*, ``-`` being stdin; without it, of the environment, or as typed.

        On a terminal each that ``TREAD_ACCOUNT_API_KEY``, ``TREAD_ACCOUNT_API_SECRET`` and
        ``TREAD_ACCOUNT_PASSWORD`` do not hold is asked for, without echo.

        Raises:
            UsageError: one is missing, or others than its owner may read the file.
        """
        found = _from_surroundings() if path is None else _from_text(_text_of(path), path)
        if missing := [name for name in _NEEDED if not found.get(name)]:
            raise UsageError(f"there is no {' and no '.join(missing)}; nothing was sent")
        return cls(found["api_key"], found["api_secret"], found.get("password") or None)


def _from_surroundings() -> dict[str, Secret]:
    found = {name: _from_environment(name) for name in _NAMES}
    if not all(found[name] for name in _NEEDED) and not is_attended():
        names = " and ".join(_ENVIRONMENT + name.upper() for name in _NEEDED)
        raise UsageError(f"there is no terminal to type secrets on; set {names}, or use --secrets-file")
    if all(found[name] for name in _NEEDED):
        return found  # a password is asked for with the rest only
    return {name: secret or _typed(name) for name, secret in found.items()}


def _from_environment(name: str) -> Secret:
    return Secret(os.environ.get(_ENVIRONMENT + name.upper(), ""))


def _typed(name: str) -> Secret:
    optional = "" if name in _NEEDED else ", empty if the exchange has none"
    try:
        return Secret(getpass.getpass(f"{name}{optional}: ", stream=sys.stderr).strip())
    except EOFError:
        raise UsageError(f"there is no {name}; nothing was sent") from None


def _text_of(path: str) -> str:
    try:
        if path == _STDIN and sys.stdin is None:
            raise UsageError("stdin is closed; nothing was sent")
        if path == _STDIN:
            return token_bytes(functools.partial(patiently_read, sys.stdin.fileno())).decode()
        return secret_bytes(path).decode()
    except UnreadableError as error:
        raise UsageError(f"{error}; nothing was sent") from None
    except UnicodeDecodeError:
        raise UsageError(f"{'stdin' if path == _STDIN else path} is not text; nothing was sent") from None


def _from_text(text: str, path: str) -> dict[str, Secret]:
    """No sentence repeats anything of it."""
    where = "stdin" if path == _STDIN else path
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or not all(_is_text(fields, name) for name in _NAMES):
        raise UsageError(f"{where} is not a JSON object with the texts api_key, api_secret and password")
    return {name: Secret(fields[name]) for name in _NAMES if fields.get(name)}


def _is_text(fields: Mapping[str, Any], name: str) -> bool:
    return isinstance(fields.get(name), str | None)
